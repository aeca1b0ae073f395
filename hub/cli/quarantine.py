"""`deltahub quarantine`: rows that break the standard, and what is done with them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer

from hub.cli.context import Act, open_database, run, settings
from hub.cli.source_files import deployed_source
from hub.clock import system_clock
from hub.harvest.rerun import Rerun, rerun
from hub.intake import quarantine as rows
from hub.intake.batch import RowOutcome
from hub.settings import Settings
from hub.store.sources import personal_refused
from schema.errors import Problem
from schema.parties import HUB_PARTY

app = typer.Typer(help="Rows that wait because they break the standard.")

STAYING_SHOWN_MAX = 50
"""Rows that stay whose reasons are printed."""
Numbers = Annotated[list[int], typer.Argument(help="numbers of quarantined rows")]


@app.command("list")
def list_rows(
    source: Annotated[str | None, typer.Option(help="one source only")] = None,
    status: Annotated[rows.QuarantineStatus, typer.Option()] = rows.QuarantineStatus.OPEN,
    after: Annotated[int, typer.Option(help="number after which to go on")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
) -> None:
    """List quarantined rows with their reasons."""
    quarantined = run(_list(source, status, after, limit))
    for row in quarantined:
        key = row.key or "key unknown"
        typer.echo(f"{row.quarantine_id}  {row.source}  {row.record_type or '?'}  {key}")
        for problem in row.problems:
            _show(problem)
    typer.echo(f"{len(quarantined)} rows")


async def _list(
    source: str | None, status: rows.QuarantineStatus, after: int, limit: int
) -> list[rows.Quarantined]:
    async with open_database() as database:
        return await rows.quarantined(
            database, status=status, source=source, after=after, limit=limit
        )


@app.command()
def personal() -> None:
    """Say how many rows were refused for personal data, by source and kind; none is shown."""
    counted = run(_personal())
    for source, code, count, last_at in counted:
        typer.echo(f"{source}  {code}  {count}  {last_at:%Y-%m-%d %H:%M}Z")
    total = sum(count for _, _, count, _ in counted)
    typer.echo(f"{total} 行因含个人信息被拒 rows refused for personal data")


async def _personal() -> list[tuple[str, str, int, datetime]]:
    async with open_database() as database:
        return await personal_refused(database)


@app.command()
def show(number: Annotated[int, typer.Argument(help="number of the row")]) -> None:
    """Show one quarantined row as it came."""
    quarantined = run(_list(None, rows.QuarantineStatus.OPEN, number - 1, 1))
    if not quarantined or quarantined[0].quarantine_id != number:
        typer.echo(f"no open row has number {number}", err=True)
        raise typer.Exit(2)
    typer.echo(json.dumps(json.loads(quarantined[0].raw), ensure_ascii=False, indent=2))


@app.command()
def resubmit(numbers: Numbers) -> None:
    """Send rows again, after the standard, a code table or an adapter was mended."""
    outcomes = run(_resubmit(numbers))
    for number, outcome in outcomes.items():
        typer.echo(f"{number}  {outcome.outcome.value}")
        for problem in outcome.problems:
            _show(problem)
    _end(numbers, list(outcomes))


async def _resubmit(numbers: list[int]) -> dict[int, RowOutcome]:
    act = Act("quarantine resubmit", {"numbers": numbers})
    async with open_database(act=act) as database:
        return await rows.resubmit(database, numbers, clock=system_clock)


@app.command()
def discard(
    numbers: Annotated[list[int] | None, typer.Argument(help="numbers of quarantined rows")] = None,
    source: Annotated[str | None, typer.Option(help="every open row of this source")] = None,
) -> None:
    """Discard rows: they do not go in, and stay readable."""
    if bool(numbers) == bool(source):
        typer.echo("请给出行号，或用 --source 指明来源 name rows, or a source: --source", err=True)
        raise typer.Exit(2)
    if source:
        typer.echo(f"{run(_discard_source(source))} rows discarded")
        return
    discarded = run(_discard(numbers or []))
    typer.echo(f"{len(discarded)} rows discarded")
    _end(numbers or [], discarded)


async def _discard(numbers: list[int]) -> list[int]:
    async with open_database(act=Act("quarantine discard", {"numbers": numbers})) as database:
        return await rows.discard(database, numbers, system_clock())


async def _discard_source(source: str) -> int:
    async with open_database(act=Act("quarantine discard", {"source": source})) as database:
        return await rows.discard_source(database, source, system_clock())


@app.command("rerun")
def rerun_source(
    source: Annotated[str, typer.Option(help="a source that the hub harvests")],
) -> None:
    """Convert and send again every row of a source, after its adapter or a code table was mended.

    Rows that stay are printed with their reasons; exit code 1 where any does.
    """
    deployment = settings()
    done = run(_rerun(deployment, source))
    for stays in done.stays[:STAYING_SHOWN_MAX]:
        typer.echo(f"{stays.quarantine_id}  仍待处理 stays")
        for problem in stays.problems:
            _show(problem)
    more = len(done.stays) - STAYING_SHOWN_MAX
    if more > 0:
        typer.echo(f"… {more}: deltahub quarantine list --source {source}")
    typer.echo(
        f"{done.rows} 行 rows: {done.went_in} 已接收 went in, {len(done.stays)} 仍待处理 stay"
    )
    if done.stays:
        raise typer.Exit(1)


async def _rerun(deployment: Settings, source: str) -> Rerun:
    deployed = deployed_source(deployment, source)
    act = Act("quarantine rerun", {"source": source})
    async with open_database(deployment, act) as database:
        party = f"{HUB_PARTY}{deployment.log_origin}"
        return await rerun(database, deployed, party, system_clock)


def _show(problem: Problem) -> None:
    shown = f" [{problem.value}]" if problem.value is not None else ""
    typer.echo(f"    {problem.path}  {problem.code}{shown}  {problem.zh}  {problem.en}")


def _end(numbers: list[int], met: list[int]) -> None:
    """Exit with 2 where a row that was named is not open."""
    missing = sorted(set(numbers) - set(met))
    if missing:
        listed = " ".join(map(str, missing))
        typer.echo(f"没有待处理的行 no open row has the number: {listed}", err=True)
        raise typer.Exit(2)

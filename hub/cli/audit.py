"""`deltahub audit`: who did what as operator, who read what, and whether anybody rewrote it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from hub.audit.days import DayReport, check_days
from hub.audit.rows import AuditKind, AuditRow
from hub.audit.service import Audit
from hub.cli.context import open_database, run, settings
from hub.clock import system_clock
from hub.housekeeping import seal_days
from schema.parties import HUB_PARTY

app = typer.Typer(help="The audit: acts of operators, reads of protected records.")


@app.command("list")
def list_rows(
    after: Annotated[int, typer.Option(help="number after which to go on")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    kind: Annotated[AuditKind | None, typer.Option(help="one kind only")] = None,
    party: Annotated[
        str | None, typer.Option(help="rows of this party, or about its records")
    ] = None,
) -> None:
    """List rows, oldest first, as JSON, one a line."""
    for row in run(_list(after, limit, kind, party)):
        typer.echo(json.dumps(row.to_wire(), ensure_ascii=False))


async def _list(
    after: int, limit: int, kind: AuditKind | None, party: str | None
) -> list[AuditRow]:
    async with open_database() as database:
        return await Audit(database, system_clock).all(after, limit, kind and kind.value, party)


@app.command()
def check() -> None:
    """Compare the rows of each day with its root in the log; exit code 1 where they differ."""
    report = run(_check())
    for day, fault in report.faults:
        typer.echo(f"{fault.value} {day}")
    typer.echo(
        f"{report.compared} days compared, {report.expired} of them without rows by age, "
        f"{len(report.faults)} wrong"
    )
    if report.faults:
        raise typer.Exit(1)


async def _check() -> DayReport:
    async with open_database() as database:
        return await check_days(database, system_clock())


@app.command()
def seal() -> None:
    """Put the roots of the days that are over into the log now; a running hub does it by itself."""
    typer.echo(f"{run(_seal())} days sealed")


async def _seal() -> int:
    hub_settings = settings()
    async with open_database(hub_settings) as database:
        party = f"{HUB_PARTY}{hub_settings.log_origin}"
        return await seal_days(database, system_clock, party)

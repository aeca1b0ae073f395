"""`deltahub link`: which keys name one thing."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.context import Act, open_database, run, settings
from hub.clock import system_clock
from hub.intake import linking
from hub.intake.batch import Outcomes
from schema.codes import LinkRelation
from schema.parties import HUB_PARTY

app = typer.Typer(help="Which keys name one institution or instrument.")

RecordType = Annotated[str, typer.Argument(help="Institution or Instrument")]
Key = Annotated[str, typer.Argument(help="key of one of the two")]
Reason = Annotated[str, typer.Option(help="by what you know it; it is part of the record")]


@app.command()
def candidates() -> None:
    """List pairs that may be one thing: a shared identifier, or maker, model and serial number."""
    pairs = run(_candidates())
    for each in pairs:
        typer.echo(f"{each.record_type}  {each.first}  {each.second}  {each.shared}")
    typer.echo(f"{len(pairs)} pairs; deltahub link same|differs TYPE KEY KEY --reason …")


@app.command()
def same(record_type: RecordType, first: Key, second: Key, reason: Reason) -> None:
    """State that two keys name one thing: what both own or is below them becomes one."""
    _print_outcomes(run(_link((record_type, first, second), LinkRelation.SAME_AS, reason)))


@app.command()
def differs(record_type: RecordType, first: Key, second: Key, reason: Reason) -> None:
    """State that two keys name two things, however alike they look."""
    _print_outcomes(run(_link((record_type, first, second), LinkRelation.DIFFERS, reason)))


@app.command()
def undo(record_type: RecordType, first: Key, second: Key, reason: Reason) -> None:
    """Take back what the operator stated of two keys: readers see the former rows again."""
    _print_outcomes(run(_unlink((record_type, first, second), reason)))


def _print_outcomes(outcomes: Outcomes) -> None:
    for row in outcomes.rows:
        typer.echo(f"{row.outcome.value}  {row.key}  entry {row.entry_id}")


async def _candidates() -> list[linking.Candidate]:
    async with open_database() as database:
        return await linking.candidates(database)


def _act(action: str, pair: tuple[str, str, str]) -> Act:
    record_type, *keys = pair
    owners = [key.partition("/")[0] for key in keys]
    return Act(action, {"type": record_type, "keys": keys}, owners)


async def _link(pair: tuple[str, str, str], relation: LinkRelation, reason: str) -> Outcomes:
    hub_settings = settings()
    async with open_database(hub_settings, _act(f"link {relation.name}", pair)) as database:
        party = f"{HUB_PARTY}{hub_settings.log_origin}"
        return await linking.link(database, system_clock, party, pair, relation, reason)


async def _unlink(pair: tuple[str, str, str], reason: str) -> Outcomes:
    hub_settings = settings()
    async with open_database(hub_settings, _act("link undo", pair)) as database:
        party = f"{HUB_PARTY}{hub_settings.log_origin}"
        return await linking.unlink(database, system_clock, party, pair, reason)

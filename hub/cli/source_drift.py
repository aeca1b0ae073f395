"""`deltahub source drift`: what changed in the form of a source's lists, and its acceptance."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.context import Act, open_database, run
from hub.clock import system_clock
from hub.store.drifts import DriftRow, accept_drifts, drifts_of
from hub.store.source_changes import source_named
from hub.watching.scrub import SCRUBBER


def drift(
    source_id: Annotated[str, typer.Argument(help="id")],
    accept: Annotated[
        bool,
        typer.Option("--accept", help="it is well so: what waits for it may go in from now on"),
    ] = False,
) -> None:
    """List what changed in the form of a source's lists; exit code 1 if any is not accepted.

    Rows that wait in quarantine for it go in with: deltahub quarantine rerun --source ID
    """
    found, accepted = run(_drift(source_id, accept=accept))
    for each in found:
        typer.echo(SCRUBBER(line(each)))
    open_ones = sum(each.accepted_at is None for each in found)
    typer.echo(
        f"{accepted} accepted, 已接受"
        if accept
        else f"{len(found)}, {open_ones} not accepted 未接受"
    )
    if open_ones:
        raise typer.Exit(1)


def line(each: DriftRow) -> str:
    """Return a change as it is printed."""
    state = each.done if each.accepted_at is None else "accepted"
    types = "/".join(each.record_types) or "-"
    told = (
        f"{each.last_at:%Y-%m-%d %H:%M}Z  {each.collection} ({types})  {each.kind}  {each.field}"
        f"  {each.detail or '-'}  {each.rows} rows  {state}  since {each.first_at:%Y-%m-%d}"
    )
    return " ".join(told.splitlines())


async def _drift(source_id: str, *, accept: bool) -> tuple[list[DriftRow], int]:
    act = Act("source drift --accept", {"source": source_id}) if accept else None
    async with open_database(act=act) as database:
        await source_named(database, source_id)
        accepted = await accept_drifts(database, source_id, system_clock()) if accept else 0
        return await drifts_of(database, source_id), accepted

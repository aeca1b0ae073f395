"""`deltahub source cancel`: ends a run that goes on; and how a run is printed."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from hub.cli.context import Act, open_database, run
from hub.clock import system_clock
from hub.harvest.limits import CANCEL_WAIT_S
from hub.harvest.report import RunStatus
from hub.harvest.runs import PastRun, ask_to_cancel, close_interrupted, run_named
from hub.store.database import Database
from schema.dates import format_instant

LOOK_S = 0.5


def cancel(
    run_id: Annotated[str, typer.Argument(help="id of the run: see deltahub source runs")],
) -> None:
    """End a run that goes on; what it has read stays, and the next run goes on there."""
    found = run(_cancel(run_id))
    if found is None:
        typer.echo(f"没有这次采集 no run has the id {run_id}; see: deltahub source runs", err=True)
        raise typer.Exit(2)
    typer.echo(run_line(found, system_clock()))
    if found.status == RunStatus.RUNNING:
        typer.echo(
            "已请求取消，尚未结束 it was asked to end and has not yet; see: deltahub source runs",
            err=True,
        )
        raise typer.Exit(1)


async def _cancel(run_id: str) -> PastRun | None:
    async with open_database(act=Act("source cancel", {"run": run_id})) as database:
        found = await ask_to_cancel(database, run_id, system_clock())
        if found is None or found.status != RunStatus.RUNNING:
            return found
        return await _ended(database, run_id)


async def _ended(database: Database, run_id: str) -> PastRun | None:
    """Return the run once it has ended, or as it stands after a while."""
    loop = asyncio.get_running_loop()
    until = loop.time() + CANCEL_WAIT_S
    while True:
        await close_interrupted(database, system_clock())  # whose process is gone ends nothing
        found = await run_named(database, run_id)
        if found is None or found.status != RunStatus.RUNNING or loop.time() >= until:
            return found
        await asyncio.sleep(LOOK_S)


def run_line(past: PastRun, now: datetime) -> str:
    """Return a run in one line: when, how it stands, how far or what came of it, its id."""
    seconds = max(((past.ended_at or now) - past.started_at).total_seconds(), 0.0)
    told = f"{format_instant(past.started_at)}  {past.source}  {past.status}  {seconds:.1f} s"
    rows = past.counts.get("rows", 0)
    if past.status == RunStatus.RUNNING:
        documents, rate = past.counts.get("documents", 0), rows / seconds if seconds else 0.0
        far = f"{documents} documents, {rows} rows, {rate:.0f} rows/s"
        return f"{told}  {far}  {past.run_id}"
    counted = [f"{name} {n}" for name, n in past.counts.items() if isinstance(n, int) and n]
    return f"{told}  {', '.join(counted) or '-'}  {past.run_id}"

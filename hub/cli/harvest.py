"""`deltahub harvest`: read a source now."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.context import Act, open_database, run, settings
from hub.clock import system_clock
from hub.harvest.config import load_source, sources_in
from hub.harvest.feed import harvested
from hub.harvest.report import HarvestReport, RunStatus
from hub.harvest.service import Harvester
from hub.harvest.summary import print_report
from hub.printer import Printer
from hub.settings import Settings


def harvest(
    source: Annotated[
        str, typer.Argument(help="source id: a file <id>.toml of the sources folder")
    ],
    approve_shrink: Annotated[
        bool, typer.Option("--approve-shrink", help="follow a list that shrank by a fifth or more")
    ] = False,
) -> None:
    """Harvest one source and say what came of it."""
    deployment = settings()
    report = run(_harvest(deployment, source, approve_shrink))
    print_report(Printer(), report)
    if report.status in (RunStatus.FAILED, RunStatus.HELD):
        raise typer.Exit(1)


async def _harvest(deployment: Settings, source: str, approve_shrink: bool) -> HarvestReport:
    files = sources_in(deployment.source_secrets_dir)
    if source not in files:
        typer.echo(f"no file for {source}; there are: {', '.join(files) or 'none'}", err=True)
        raise typer.Exit(2)
    deployed = load_source(files[source])
    if not harvested(deployed.adapter):
        typer.echo(f"{source} sends by itself: a running hub reads it (deltahub serve)", err=True)
        raise typer.Exit(2)
    act = Act("harvest", {"source": source, "approveShrink": approve_shrink})
    async with open_database(deployment, act) as database:
        harvester = Harvester(database, f"hub:{deployment.log_origin}", system_clock)
        return await harvester.harvest(deployed, approve_shrink=approve_shrink)

"""`deltahub harvest`: read a source now."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.context import Act, open_database, run, settings
from hub.cli.source_files import deployed_source
from hub.clock import system_clock
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
    deployed = deployed_source(deployment, source)
    act = Act("harvest", {"source": source, "approveShrink": approve_shrink})
    async with open_database(deployment, act) as database:
        harvester = Harvester(database, f"hub:{deployment.log_origin}", system_clock)
        return await harvester.harvest(deployed, approve_shrink=approve_shrink)

"""`deltahub harvest`: read a source now, read again what was kept of a run, or list what is due."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from hub.cli.context import Act, open_database, run, settings
from hub.cli.harvest_list import print_due
from hub.cli.source_files import deployed_source
from hub.clock import system_clock
from hub.harvest.raw import RawKeeping
from hub.harvest.replay import Replayer
from hub.harvest.report import HarvestReport, RunStatus
from hub.harvest.runs import run_named
from hub.harvest.service import Harvester
from hub.harvest.summary import print_report
from hub.printer import Printer
from hub.settings import MIB, Settings
from schema.parties import HUB_PARTY


def harvest(
    source: Annotated[
        str | None, typer.Argument(help="source id: a file <id>.toml of the sources folder")
    ] = None,
    approve_shrink: Annotated[
        bool, typer.Option("--approve-shrink", help="follow a list that shrank by a fifth or more")
    ] = False,
    approve_growth: Annotated[
        bool,
        typer.Option("--approve-growth", help="take in more rows than the source's metadata allow"),
    ] = False,
    replay: Annotated[
        str | None, typer.Option(help="id of a run: read again what is kept of it")
    ] = None,
    list_due: Annotated[
        bool, typer.Option("--list", help="what is being read, and what is due when")
    ] = False,
) -> None:
    """Harvest one source and say what came of it.

    `--replay RUN` reads again what is kept of a run, after its adapter was mended.
    """
    deployment = settings()
    if [source, replay, list_due or None].count(None) != len(("two", "of them")):
        typer.echo(
            "请给出一个来源，或用 --replay、--list name one source, or --replay RUN, or --list",
            err=True,
        )
        raise typer.Exit(2)
    if list_due:
        print_due(deployment)
        return
    if replay is not None:
        report = run(_replay(deployment, replay))
    else:
        report = run(_harvest(deployment, str(source), approve_shrink, approve_growth))
    print_report(Printer(), report)
    if report.status in (RunStatus.FAILED, RunStatus.HELD, RunStatus.CANCELLED):
        raise typer.Exit(1)


async def _harvest(
    deployment: Settings, source: str, approve_shrink: bool, approve_growth: bool
) -> HarvestReport:
    deployed = deployed_source(deployment, source)
    if deployed.sends_by_itself:
        typer.echo(f"{source} sends by itself: a running hub reads it (deltahub serve)", err=True)
        raise typer.Exit(2)
    approved = {"approveShrink": approve_shrink, "approveGrowth": approve_growth}
    act = Act("harvest", {"source": source, **approved})
    async with open_database(deployment, act) as database:
        harvester = Harvester(
            database,
            f"{HUB_PARTY}{deployment.log_origin}",
            system_clock,
            RawKeeping(deployment.raw_days, deployment.raw_mib * MIB),
        )
        return await harvester.harvest(
            deployed,
            approve_shrink=approve_shrink,
            approve_growth=approve_growth,
            tell=progress_teller(),
        )


async def _replay(deployment: Settings, run_id: str) -> HarvestReport:
    async with open_database(deployment, Act("harvest --replay", {"run": run_id})) as database:
        past = await run_named(database, run_id)
        if past is None:
            typer.echo(f"没有这次采集 no run has the id {run_id}", err=True)
            raise typer.Exit(2)
        replayer = Replayer(database, f"{HUB_PARTY}{deployment.log_origin}", system_clock)
        return await replayer.replay(deployed_source(deployment, past.source), run_id)


def progress_teller() -> Callable[[HarvestReport], None] | None:
    """Return what says how far a run is, where somebody sits before the screen."""
    if not sys.stderr.isatty():
        return None
    began = system_clock()

    def tell(report: HarvestReport) -> None:
        seconds = (system_clock() - began).total_seconds()
        counts = report.counts()
        rate = counts["rows"] / seconds if seconds else 0.0
        typer.echo(
            f"  {report.run_id}  {counts['documents']:,} 份 documents · {counts['rows']:,} 行 rows"
            f" · {rate:,.0f} 行/秒 rows/s",
            err=True,
        )

    return tell

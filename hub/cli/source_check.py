"""`deltahub source check`: looks at a source before it is relied on."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from hub.cli.context import begin_log, run, settings
from hub.cli.source_files import deployed_source
from hub.clock import system_clock
from hub.harvest.check import findings_of
from hub.harvest.connections.finding import CheckVerdict, SourceFinding
from hub.harvest.source import HarvestSource
from hub.watching.scrub import SCRUBBER

ABOUT_WIDTH = 24


def check(
    source_id: Annotated[
        str, typer.Argument(help="source id: a file <id>.toml of the sources folder")
    ],
) -> None:
    """Check name, certificate, clock, credentials, pages, filters and paging of a source.

    Exit code 1 where something fails. Nothing is stored; the hub and its database need not run.
    """
    deployment = settings()
    begin_log(deployment)
    counted = run(_check(deployed_source(deployment, source_id)))
    typer.echo(", ".join(f"{counted[each]} {each}" for each in CheckVerdict if counted[each]))
    if counted[CheckVerdict.FAIL]:
        raise typer.Exit(1)


async def _check(source: HarvestSource) -> Counter[CheckVerdict]:
    counted: Counter[CheckVerdict] = Counter()
    async for finding in findings_of(source, system_clock):
        counted[finding.verdict] += 1
        for line in lines(finding):
            typer.echo(SCRUBBER(line))
    return counted


def lines(finding: SourceFinding) -> list[str]:
    """Return a finding as it is printed."""
    told = [f"{finding.verdict:<5} {finding.about:<{ABOUT_WIDTH}} {finding.zh}  {finding.en}"]
    if any(finding.to_do):
        told += [f"      {' ' * ABOUT_WIDTH} → {each}" for each in finding.to_do if each]
    return [" ".join(each.splitlines()) for each in told]

"""`deltahub doctor`: what is wrong between this machine and a hub, and what to do.

On the hub's own machine it looks at the servers in the data folder too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.context import run, settings
from hub.cli.engines import look
from hub.client import ClientError
from hub.client.checkup import Questions, collect
from hub.client.profile import load_profile
from hub.clock import system_clock
from hub.explorer.samples import document


def doctor(
    profile: Annotated[Path, typer.Option("--as", help="profile file", envvar="DELTAHUB_PROFILE")],
    source: Annotated[
        str | None,
        typer.Option(help="source to try a push for, else the first you may; nothing is written"),
    ] = None,
) -> None:
    """Check address, clock, key, token, scopes, one query and one dry-run push."""
    try:
        questions = Questions(document("who_am_i"), document("sources"))
        findings = [
            *look(settings()),
            *run(collect(load_profile(profile), questions, system_clock, source)),
        ]
    except ClientError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    for finding in findings:
        typer.echo(f"{'ok ' if finding.is_well else '!! '} {finding.step}: {finding.result}")
        if not finding.is_well:
            typer.echo(f"     {finding.advice}")
    if not all(finding.is_well for finding in findings):
        raise typer.Exit(1)

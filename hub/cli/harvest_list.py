"""`deltahub harvest --list`: the runs that go on, and when each feed is due."""

from __future__ import annotations

from datetime import timedelta

import typer

from hub.cli.context import open_database, run
from hub.cli.source_cancel import run_line
from hub.clock import system_clock
from hub.errors import SettingsError
from hub.harvest.config import load_source, sources_in
from hub.harvest.feed import due_times
from hub.harvest.runs import PastRun, closed_sources, failures_of, running_runs
from hub.harvest.source import HarvestSource
from hub.settings import Settings
from hub.store.feeds import feeds_of


def print_due(deployment: Settings) -> None:
    """Print both; a file with a mistake is named and stops nothing."""
    sources: dict[str, HarvestSource] = {}
    for name, path in sources_in(deployment.source_secrets_dir).items():
        try:
            sources[name] = load_source(path)
        except SettingsError as error:
            typer.echo(f"{name}: {'; '.join(error.problems)}", err=True)
    going_on, lines = run(_due(deployment, sources))
    now = system_clock()
    for each in going_on:
        typer.echo(run_line(each, now))
    for line in lines:
        typer.echo(line)


async def _due(
    deployment: Settings, sources: dict[str, HarvestSource]
) -> tuple[list[PastRun], list[str]]:
    interval_s = deployment.harvest_interval_s
    interval = timedelta(seconds=interval_s) if interval_s else None
    lines: list[str] = []
    async with open_database(deployment) as database:
        now = system_clock()
        feeds = await feeds_of(database, sources)
        failures = await failures_of(database, sources, now)
        closed = await closed_sources(database, list(sources))
        going_on = await running_runs(database)
    for name, source in sources.items():
        failed = failures.get(name, 0)
        note = "  closed" if name in closed else f"  {failed} failed in a row" if failed else ""
        lines.append(f"{name}{note}")
        for kind, at in due_times(
            source.adapter, feeds.get(name, []), now, interval, failed
        ).items():
            when = "due now" if at <= now else f"{at:%Y-%m-%d %H:%M:%S}Z"
            lines.append(f"    {kind}  {'-' if interval_s == 0 else when}")
    return going_on, lines

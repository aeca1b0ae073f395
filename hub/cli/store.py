"""`deltahub store`: migrate, rebuild the projections, check them against the entries."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.context import open_database, run
from hub.store import check as checking
from hub.store import rebuild as rebuilding

app = typer.Typer(help="The hub's PostgreSQL: entries and what is derived from them.")
SHOWN_MAX = 50
"""Differences that are printed one by one."""

Types = Annotated[list[str] | None, typer.Argument(help="record types; all when none is named")]


@app.command()
def migrate() -> None:
    """Bring the tables to this version; every other verb does it as well."""
    run(_migrate())
    typer.echo("the tables are of this version")


async def _migrate() -> None:
    async with open_database():
        pass


@app.command()
def rebuild(types: Types = None) -> None:
    """Write the projections anew from the entries, in one transaction."""
    for each in run(_rebuild(types or [])):
        erased = f", {each.erased} erased" if each.erased else ""
        typer.echo(f"{each.record_type}: {each.rows} rows{erased}")


async def _rebuild(types: list[str]) -> list[rebuilding.Rebuilt]:
    async with open_database() as database:
        return await rebuilding.rebuild(database, types)


@app.command()
def check(types: Types = None) -> None:
    """Compare the projections with the entries, digest by digest; exit code 1 if they differ."""
    report = run(_check(types or []))
    for one in report.differences[:SHOWN_MAX]:
        columns = f" ({', '.join(one.columns)})" if one.columns else ""
        typer.echo(f"{one.fault.value} {one.table} {one.source} {one.key}{columns}")
    hidden = len(report.differences) - SHOWN_MAX
    if hidden > 0:
        typer.echo(f"and {hidden} more")
    erased = f", {report.erased} bodies erased" if report.erased else ""
    typer.echo(f"{report.rows} rows checked, {len(report.differences)} differ{erased}")
    if not report.is_right:
        typer.echo("run: deltahub store rebuild")
        raise typer.Exit(1)


async def _check(types: list[str]) -> checking.Report:
    async with open_database() as database:
        return await checking.check(database, types)

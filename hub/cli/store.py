"""`deltahub store`: migrate, rebuild, check, back up, restore, adopt."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.context import Act, erasing, note_act, open_database, run, server_logins, settings
from hub.clock import system_clock
from hub.ledger.checkpoint import Checkpoint
from hub.ledger.errors import LedgerError
from hub.ledger.log_files import log_signer
from hub.ledger.sequencer import Sequencer
from hub.operate import backup as backups
from hub.operate.status import note_backup
from hub.settings import Settings
from hub.store import check as checking
from hub.store import rebuild as rebuilding
from hub.store.database import Database
from hub.store.roles import prepare
from schema.registry import standard

app = typer.Typer(help="The hub's PostgreSQL: entries and what is derived from them.")
SHOWN_MAX = 50
"""Differences that are printed one by one."""

NewFile = Annotated[Path, typer.Argument(metavar="FILE", help="file to write; must not exist")]
BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="file that `backup` wrote")]
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
    for each in run(_rebuild(_known(types))):
        erased = f", {each.erased} erased" if each.erased else ""
        typer.echo(f"{each.record_type}: {each.rows} rows{erased}")


def _known(types: list[str] | None) -> list[str]:
    """Return the record types that were named; exit with 2 where there is no such type."""
    names = standard().names
    unknown = [each for each in types or [] if each not in names]
    if unknown:
        listed = f"{', '.join(unknown)}; 可用 known: {', '.join(names)}"
        typer.echo(f"没有这种记录 no such record type: {listed}", err=True)
        raise typer.Exit(2)
    return types or []


async def _rebuild(types: list[str]) -> list[rebuilding.Rebuilt]:
    async with open_database(act=Act("store rebuild", {"types": types})) as database:
        return await rebuilding.rebuild(database, types)


@app.command()
def check(types: Types = None) -> None:
    """Compare the projections with the entries, digest by digest; exit code 1 if they differ."""
    report = run(_check(_known(types)))
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


async def _check(types: list[str]) -> checking.CheckReport:
    async with open_database() as database:
        return await checking.check(database, types)


@app.command()
def backup(file: NewFile) -> None:
    """Write everything in the database to one file; the hub may go on meanwhile.

    Keys and the checkpoint file of the data folder are not in it: docs/operators/backup.md.
    """
    manifest = run(_backup(file))
    deployment = settings()
    if deployment.data_dir.is_dir():
        note_backup(deployment.data_dir, system_clock())
    typer.echo(f"{file}: {_summary(manifest)}")


async def _backup(file: Path) -> backups.BackupManifest:
    async with open_database(act=Act("store backup")) as database:
        return await backups.backup(database, file, system_clock())


@app.command()
def restore(file: BackupFile) -> None:
    """Fill an EMPTY database from a backup; what is there is never overwritten."""
    manifest = run(_restore(file))
    typer.echo(f"restored of {manifest.taken_at}: {_summary(manifest)}")
    typer.echo("run: deltahub store check")


async def _restore(file: Path) -> backups.BackupManifest:
    # Not migrated: a backup makes the tables of its own version.
    hub_settings = settings()
    async with server_logins(hub_settings) as logins:
        async with Database(logins.owning) as database:
            manifest = await backups.restore(database, file, erasing(hub_settings, database))
            await note_act(database, Act("store restore", {"takenAt": manifest.taken_at}))
        await asyncio.to_thread(prepare, logins)
        return manifest


def _summary(manifest: backups.BackupManifest) -> str:
    logs = [
        f"log {log['origin']}: {log['size']} leaves, root {log['root']}" for log in manifest.logs
    ]
    counted = f"{manifest.rows} rows of {len(manifest.parts)} tables"
    return "; ".join([counted, *(logs or ["no log yet"])])


Sure = Annotated[bool, typer.Option("--yes", help="do not ask")]


@app.command()
def adopt(yes: Sure = False) -> None:
    """Write a LOST checkpoint file anew from the database; never after restoring a backup.

    Your word that this database is the newest there is: the hub cannot tell without the file.
    """
    if not yes:
        typer.confirm("Is this database the newest, and not restored from a backup?", abort=True)
    try:
        head = run(_adopt(settings()))
    except LedgerError as error:
        typer.echo(f"{error.code}: {error.message}\n{error.hint}", err=True)
        raise typer.Exit(2) from error
    if head is None:
        typer.echo("nothing was ever signed here: nothing to adopt")
    else:
        typer.echo(f"adopted the checkpoint of {head.size} leaves; the log goes on")


async def _adopt(hub_settings: Settings) -> Checkpoint | None:
    async with open_database(hub_settings, Act("store adopt")) as database:
        signer = log_signer(
            hub_settings.log_origin, hub_settings.data_dir / "keys", hub_settings.log_key_file
        )
        sequencer = Sequencer(database.url, signer, system_clock, hub_settings.data_dir / "log")
        return await sequencer.adopt()

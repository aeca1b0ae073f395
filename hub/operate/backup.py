"""`backup`: writes the whole database to one file, and fills an empty database from it.

The file is a ZIP archive: `manifest.json`, written last, and one part per table, as COPY text.

    format      hub-backup-2
    standard    version of the standard      migration   revision of the tables
    takenAt     time of the snapshot         logs        origin, size and root (base64) of each
    parts       per table: columns, rows, bytes, sha256 (hex)

Invariants:
- All parts are from one snapshot; intake and sequencer keep running.
- The file appears complete and synced or not at all, readable by its owner only; an existing file
  is never overwritten.
- Restoring checks every part before it writes anything, writes in one transaction, and only into a
  database that holds nothing.
- A log's private key, the key for tokens and the checkpoint files are NOT in it: with them a backup
  would be enough to act as this hub, and an old checkpoint file could not reveal an old database
  (`hub.ledger.sequencer`).

COPY and not pg_dump: what pg_restore 18 writes is refused by PostgreSQL 15 and 16, pg_dump refuses
a server newer than itself, and migrations already know how to make the tables of every revision.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from psycopg import sql

from hub.erasure.service import Erasing
from hub.errors import ErrorCode, HubError, RefusedError
from hub.ledger.encoding import to_base64
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.epoch import begin_restored
from hub.store.migrations import migrate
from hub.store.roles import owners_only
from hub.store.tables import backed_up
from schema import STANDARD_VERSION
from schema.dates import format_instant

FORMAT = "hub-backup-2"
MANIFEST = "manifest.json"
MANIFEST_BYTES_MAX = 4 << 20
CHUNK = 1 << 20
COMPRESSION = 1
"""zlib level: COPY text shrinks to a fifth already at the fastest."""
STATEMENT_TIMEOUT = "6h"
"""Longest COPY of one table."""

_OWNER_ONLY = 0o600
_LOGS = "SELECT origin, size, root FROM log_state ORDER BY origin"
_TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"""
_COLUMNS = """
SELECT table_name, column_name, is_identity = 'YES' FROM information_schema.columns
WHERE table_schema = current_schema()"""
_VERSION_TABLE = "alembic_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One table of a backup; `bytes` before compression."""

    table: str
    columns: tuple[str, ...]
    rows: int
    bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """The part's name in the archive."""
        return f"tables/{self.table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupManifest:
    """The manifest of a backup; `logs` are in the order of their origins."""

    standard: str
    migration: str
    taken_at: str
    logs: tuple[Mapping[str, Any], ...]
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(part.rows for part in self.parts)

    def encode(self) -> bytes:
        """Return the manifest as JSON."""
        wire = {
            "format": FORMAT,
            "standard": self.standard,
            "migration": self.migration,
            "takenAt": self.taken_at,
            "logs": self.logs,
            "parts": [asdict(part) for part in self.parts],
        }
        return json.dumps(wire, indent=1).encode()


async def backup(database: Database, file: Path, now: datetime) -> BackupManifest:
    """Write a backup of a migrated database.

    Raises `RefusedError` CONFLICT when the file exists.
    """
    with _new_file(file) as target, _archive(target) as archive:
        async with database.writes.connection() as connection, connection.transaction():
            await connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            await _allow_long_statements(connection)
            logs, migration = await _logs(connection), await _migration(connection)
            tables = [*backed_up(), *database.records.metadata.sorted_tables]
            parts = [
                await _write_part(
                    connection,
                    archive,
                    table.name,
                    tuple(column.name for column in table.columns if column.computed is None),
                )
                for table in tables
            ]
        manifest = BackupManifest(
            standard=STANDARD_VERSION,
            migration=migration or "",
            taken_at=format_instant(now),
            logs=logs,
            parts=tuple(parts),
        )
        archive.writestr(MANIFEST, manifest.encode())
    return manifest


def read_manifest(file: Path) -> BackupManifest:
    """Read the manifest of a backup; `RefusedError` BAD_USER_INPUT when the file is none."""
    with _opened(file) as archive:
        return _manifest(archive)


async def restore(database: Database, file: Path, erasing: Erasing | None = None) -> BackupManifest:
    """Fill an empty database from a backup, and bring it to the tables of this version.

    What was erased since is erased again. Raises `RefusedError`, and writes nothing, when the file
    is damaged (BAD_USER_INPUT) or the database is not empty (CONFLICT).
    """
    with _opened(file) as archive:
        manifest = _manifest(archive)
        for part in manifest.parts:
            _check_part(archive, part)
        await _make_tables(database, manifest.migration)
        async with database.writes.transaction() as connection:
            await _allow_long_statements(connection)
            await _lock_empty(connection)
            identities = await _check_columns(connection, manifest)
            for part in manifest.parts:
                await _load_part(connection, archive, part)
            for table, column in identities:
                await _advance_identity(connection, table, column)
            await begin_restored(connection)
            if await _logs(connection) != manifest.logs:
                raise _damaged("the logs it holds are not those that its manifest names")
    migrate(database.url)
    if erasing is not None:
        await erasing.bring_up()
    async with database.writes.connection() as connection:
        await _allow_long_statements(connection)
        await connection.execute(b"ANALYZE")
    return manifest


@contextmanager
def _new_file(file: Path) -> Iterator[IO[bytes]]:
    """Yield a file that gets its name only when it is complete and synced."""
    partial = file.with_name(file.name + ".partial")
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError as error:
        raise _exists(partial, "Another backup is being written, or was broken off.") from error
    except OSError as error:
        raise _unusable(file, error) from error
    try:
        with os.fdopen(descriptor, "wb+") as opened:
            yield opened
            opened.flush()
            os.fsync(opened.fileno())
        try:
            file.hardlink_to(partial)  # unlike a rename, this never replaces a file
        except FileExistsError as error:
            raise _exists(file, "Give another name.") from error
        folder = os.open(file.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _unusable(file, error) from error
    finally:
        partial.unlink(missing_ok=True)


def _archive(target: IO[bytes]) -> ZipFile:
    return ZipFile(target, "w", ZIP_DEFLATED, compresslevel=COMPRESSION)


async def _write_part(
    connection: Connection, archive: ZipFile, table: str, columns: tuple[str, ...]
) -> Part:
    hashed, size = sha256(), 0
    statement = sql.SQL("COPY {} ({}) TO STDOUT").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    name = Part(table=table, columns=(), rows=0, bytes=0, sha256="").name
    async with connection.cursor() as cursor:
        with archive.open(name, "w", force_zip64=True) as part:
            async with cursor.copy(statement) as copy:
                async for chunk in copy:
                    hashed.update(chunk)
                    size += len(chunk)
                    part.write(chunk)
        rows = cursor.rowcount
    return Part(table=table, columns=columns, rows=rows, bytes=size, sha256=hashed.hexdigest())


@contextmanager
def _opened(file: Path) -> Iterator[ZipFile]:
    try:
        with ZipFile(file) as archive:
            yield archive
    except OSError as error:
        raise _unusable(file, error) from error
    except (BadZipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise _damaged(str(error)) from error


def _manifest(archive: ZipFile) -> BackupManifest:
    try:
        if archive.getinfo(MANIFEST).file_size > MANIFEST_BYTES_MAX:
            raise _damaged("its manifest is too large")
        wire = json.loads(archive.read(MANIFEST))
        if wire["format"] != FORMAT:
            raise _damaged(f"its format is not {FORMAT}")
        parts = tuple(
            Part(
                table=str(part["table"]),
                columns=tuple(map(str, part["columns"])),
                rows=int(part["rows"]),
                bytes=int(part["bytes"]),
                sha256=str(part["sha256"]),
            )
            for part in wire["parts"]
        )
        return BackupManifest(
            standard=str(wire["standard"]),
            migration=str(wire["migration"]),
            taken_at=str(wire["takenAt"]),
            logs=tuple(wire["logs"]),
            parts=parts,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged("it has no manifest that can be read") from error


def _chunks(archive: ZipFile, part: Part) -> Iterator[bytes]:
    """Yield the bytes of a part, never more than its manifest says."""
    left = part.bytes
    try:
        with archive.open(part.name) as opened:
            while chunk := opened.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise _damaged(f"{part.name} is longer than its manifest says")
                yield chunk
    except KeyError as error:
        raise _damaged(f"{part.name} is missing") from error


def _check_part(archive: ZipFile, part: Part) -> None:
    hashed = sha256()
    for chunk in _chunks(archive, part):
        hashed.update(chunk)
    if hashed.hexdigest() != part.sha256:
        raise _damaged(f"{part.name} does not have the hash that its manifest names")


async def _make_tables(database: Database, migration: str) -> None:
    """Make the tables as they were when the backup was taken, or refuse what is there."""
    async with database.writes.connection() as connection:
        cursor = await connection.execute(_TABLES.encode())
        is_bare = not await cursor.fetchall()
        if not is_bare and await _migration(connection) != migration:
            raise _not_empty("it has tables of another version")
    if is_bare:
        migrate(database.url, migration)


async def _lock_empty(connection: Connection) -> None:
    """Lock all tables against writers, and refuse a database that has rows."""
    cursor = await connection.execute(_TABLES.encode())
    for (name,) in sorted(await cursor.fetchall()):
        if name == _VERSION_TABLE:
            continue
        table = sql.Identifier(name)
        with owners_only():
            await connection.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(table))
        cursor = await connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(table))
        if await cursor.fetchone():
            raise _not_empty(f"its table {name} has rows")


async def _check_columns(connection: Connection, manifest: BackupManifest) -> list[tuple[str, str]]:
    """Check that every part fits its table; return the identity columns."""
    cursor = await connection.execute(_COLUMNS.encode())
    present = {(table, column): identity for table, column, identity in await cursor.fetchall()}
    part_columns = {(part.table, column) for part in manifest.parts for column in part.columns}
    unknown = sorted(part_columns - present.keys())
    if unknown:
        raise _damaged(f"it names {'.'.join(unknown[0])}, which its version does not have")
    return sorted(pair for pair, identity in present.items() if identity)


async def _load_part(connection: Connection, archive: ZipFile, part: Part) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(part.table), sql.SQL(", ").join(map(sql.Identifier, part.columns))
    )
    async with connection.cursor() as cursor:
        async with cursor.copy(statement) as copy:
            for chunk in _chunks(archive, part):
                await copy.write(chunk)
        if cursor.rowcount != part.rows:
            raise _damaged(f"{part.name} has {cursor.rowcount} rows, its manifest {part.rows}")


async def _advance_identity(connection: Connection, table: str, column: str) -> None:
    """Let the next id of a table follow the largest one restored."""
    await connection.execute(
        sql.SQL("SELECT setval(pg_get_serial_sequence({}, {}), max({})) FROM {}").format(
            table, column, sql.Identifier(column), sql.Identifier(table)
        )
    )


async def _allow_long_statements(connection: Connection) -> None:
    for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
        await connection.execute(f"SET LOCAL {name} = '{STATEMENT_TIMEOUT}'".encode())


async def _logs(connection: Connection) -> tuple[Mapping[str, Any], ...]:
    cursor = await connection.execute(_LOGS.encode())
    return tuple(
        {"origin": origin, "size": size, "root": to_base64(root)}
        for origin, size, root in await cursor.fetchall()
    )


async def _migration(connection: Connection) -> str | None:
    cursor = await connection.execute(b"SELECT to_regclass('alembic_version') IS NOT NULL")
    if await cursor.fetchone() != (True,):
        return None
    cursor = await connection.execute(b"SELECT version_num FROM alembic_version")
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


def _exists(file: Path, hint: str) -> HubError:
    return RefusedError(ErrorCode.CONFLICT, message_en=f"{file} exists", hint=hint)


def _not_empty(why: str) -> HubError:
    return RefusedError(
        ErrorCode.CONFLICT,
        message_en=f"The database is not empty: {why}",
        hint="Nothing was written. Restore into a new database: see docs/operators/backup.md.",
        hint_zh="没有写入任何内容。请恢复到新的数据库：见 docs/operators/backup.md。",
    )


def _damaged(why: str) -> HubError:
    hint = "Nothing was written. Use another copy of it, or the backup before."
    message = f"This is no whole backup: {why}"
    return RefusedError(ErrorCode.BAD_USER_INPUT, message_en=message, hint=hint)


def _unusable(file: Path, error: OSError) -> HubError:
    why, zh = f"{file} cannot be used: {error.strerror or error}", "请检查路径、磁盘和权限。"
    hint = "Check the path, the disk and the permissions."
    return RefusedError(ErrorCode.BAD_USER_INPUT, message_en=why, hint=hint, hint_zh=zh)

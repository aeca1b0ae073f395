"""A view of a database for the contract of readers: of PostgreSQL, and of MariaDB."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, make_url

from connectors.limits import Limits
from connectors.sql.session import SqlSession, open_sql
from tests.contract.plays import (
    PAGE,
    SOURCE,
    TOKEN,
    Open,
    Play,
)
from tests.integration.sql.mariadb import MariaDb

CLUSTER: list[str] = []
"""The address of the session's PostgreSQL (tests/contract/conftest.py)."""
MARIADB: list[MariaDb] = []
"""The session's MariaDB, where a test asks for it (there too)."""
_VIEW = """
CREATE VIEW {schema}."the view" AS SELECT n,
  '2026-11-25 08:00'::timestamptz + (n / 3) * interval '1 hour' AS changed,
  text {spoiled} FROM {schema}.lines
"""
_SPOILED = {
    "bytes": ", CASE WHEN n > 5 THEN '\\x00'::bytea END AS odd",
    "broken": ", CASE WHEN n > 5 THEN 1 / (n - n) END AS odd",
    "silent": ", CASE WHEN n > 5 THEN pg_sleep(60)::text END AS odd",
    "hang-up": ", CASE WHEN n > 5 THEN pg_terminate_backend(pg_backend_pid()) END AS odd",
}
_numbers = count(1)
_MARIADB_VIEW = """
CREATE VIEW `the view` AS SELECT n,
  TIMESTAMP('2026-11-25 08:00:00') + INTERVAL (n DIV 3) HOUR AS changed, text {spoiled} FROM `lines`
"""
_MARIADB_SPOILED = {
    "bytes": ", IF(n > 5, x'00', NULL) AS odd",
    "broken": ", IF(n > 5, (SELECT n FROM two), 0) AS odd",
    "silent": ", IF(n > 5, SLEEP(60), 0) AS odd",
}


@asynccontextmanager
async def sql_double(play: Play, folder: Path) -> AsyncIterator[Open]:
    """A view of the session's PostgreSQL, for a role that may read it and nothing else."""
    del folder
    schema = f"unit_{next(_numbers)}"
    role = f"{schema}_reader"
    texts = [f"('{text}')" for text in play.rows]
    with psycopg.connect(CLUSTER[0], autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{TOKEN}'".encode())
        owner.execute(f"CREATE SCHEMA {schema}".encode())
        owner.execute(
            f"CREATE TABLE {schema}.lines (n int GENERATED ALWAYS AS IDENTITY, text text)".encode()
        )
        if texts:
            owner.execute(f"INSERT INTO {schema}.lines (text) VALUES {','.join(texts)}".encode())
        view = _VIEW.format(schema=schema, spoiled=_SPOILED.get(play.fault, ""))
        owner.execute(view.encode())
        if play.fault != "denied":
            owner.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}".encode())
            owner.execute(f'GRANT SELECT ON {schema}."the view" TO {role}'.encode())
        found = (
            owner.execute(
                f'SELECT n, changed, text FROM {schema}."the view" ORDER BY n'.encode()
            ).fetchall()
            if not play.fault
            else []
        )
        play.sent[:] = _documents_of(found)
        url = make_url(CLUSTER[0]).set(username=role, password=TOKEN)

        @asynccontextmanager
        async def open_session(_: Play, limits: Limits) -> AsyncIterator[SqlSession]:
            async with open_sql(SOURCE, url, limits, is_tls=False, schema=schema) as session:
                yield session

        try:
            yield open_session
        finally:
            owner.execute(f"DROP SCHEMA {schema} CASCADE".encode())
            owner.execute(f"DROP ROLE {role}".encode())


@asynccontextmanager
async def mariadb_double(play: Play, folder: Path) -> AsyncIterator[Open]:
    """A view of the session's MariaDB, for a user who may read it and nothing else."""
    del folder
    server = MARIADB[0]
    name = _mariadb_of(server, tuple(play.rows), play.fault)
    asked = f"SELECT n, changed, text FROM {name}.`the view` ORDER BY n"
    play.sent[:] = _documents_of([] if play.fault else server.rows(asked))
    url = URL.create("mysql", name, TOKEN, "127.0.0.1", server.port, name)

    @asynccontextmanager
    async def open_session(_: Play, limits: Limits) -> AsyncIterator[SqlSession]:
        async with open_sql(SOURCE, url, limits, is_tls=False) as session:
            yield session

    yield open_session


@cache
def _mariadb_of(server: MariaDb, rows: tuple[str, ...], fault: str) -> str:
    """Make a database and its reader; they stay as long as the server, for every test."""
    name = f"reader_{next(_numbers)}"
    texts = [f"('{text}')" for text in rows]
    right = "INSERT" if fault == "denied" else "SELECT"
    server.execute(
        f"CREATE DATABASE {name} CHARACTER SET utf8mb4",
        f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{TOKEN}'",
        f"GRANT {right} ON {name}.* TO {name}@'127.0.0.1'",
    )
    server.execute(
        "CREATE TABLE `lines` (n int AUTO_INCREMENT PRIMARY KEY, text varchar(80)) ENGINE=InnoDB",
        "CREATE TABLE two AS SELECT 1 AS n UNION SELECT 2",
        *([f"INSERT INTO `lines` (text) VALUES {','.join(texts)}"] if texts else []),
        _MARIADB_VIEW.format(spoiled=_MARIADB_SPOILED.get(fault, "")),
        database=name,
    )
    return name


def _documents_of(found: Sequence[tuple[Any, ...]]) -> list[bytes]:
    """Return of what bytes the digests of a view are made."""
    lines = [json.dumps([n, str(at), text]) for n, at, text in found]
    head = json.dumps(["n", "changed", "text"])
    parts = [lines[at : at + PAGE] for at in range(0, len(lines), PAGE)] or [[]]
    return ["\n".join([head, *part]).encode() for part in parts]

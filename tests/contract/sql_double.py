"""A view of a database for the contract of readers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from connectors.limits import Limits
from connectors.sql.session import SqlSession, open_sql
from tests.contract.plays import (
    PAGE,
    SOURCE,
    TOKEN,
    Open,
    Play,
)

CLUSTER: list[str] = []
"""The address of the session's PostgreSQL (tests/contract/conftest.py)."""
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
        lines = [json.dumps([n, str(at), text]) for n, at, text in found]
        head = json.dumps(["n", "changed", "text"])
        parts = [lines[at : at + PAGE] for at in range(0, len(lines), PAGE)] or [[]]
        play.sent[:] = ["\n".join([head, *part]).encode() for part in parts]
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

"""The sources behind an answer are found in steps of an index, however large their tables are."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from hub.query.sql.model import build_model
from hub.query.sql.sources import manifest_statement
from hub.store.database import Database
from hub.store.records import standard_records
from tests.databases import as_owner

pytestmark = pytest.mark.integration
ROWS = 30_000
TABLE = "occupancy_source"
REQUIRED = """
SELECT column_name::text, udt_name::text FROM information_schema.columns
WHERE table_name = %s AND is_nullable = 'NO' AND column_default IS NULL ORDER BY ordinal_position
"""
VALUES = {
    "text": "'x'", "int8": "n", "int4": "1", "bytea": "''", "timestamptz": "now()", "bool": "true",
    "_text": "'{}'", "jsonb": "'[]'",
}  # fmt: skip


def fill(url: str) -> None:
    """Give one of two sources all rows of a table."""
    with psycopg.connect(as_owner(url)) as connection:
        connection.execute(
            "INSERT INTO source (source_id, title, mode, last_ok_at, last_status, created_at) "
            "SELECT s, s, 'PUSH', now(), 'OK', now() FROM unnest(ARRAY['busy', 'without']) s"
        )
        needed = connection.execute(REQUIRED, (TABLE,)).fetchall()
        own = {"source": "'busy'", "key": "n::text"}
        values = [own.get(name, VALUES[kind]) for name, kind in needed]
        names = ", ".join(name for name, _ in needed)
        connection.execute(
            f"INSERT INTO {TABLE} ({names}) SELECT {', '.join(values)} "
            f"FROM generate_series(1, {ROWS}) n".encode()
        )
        connection.commit()
        connection.autocommit = True
        connection.execute(f"ANALYZE {TABLE}".encode())


async def test_a_source_without_rows_costs_no_walk_over_those_of_others(database: Database) -> None:
    fill(database.url)
    statement = manifest_statement(build_model(standard_records())).replace("$1", "now()")
    rows: list[Any] = await database.reads.fetch_all(statement.encode())
    types = {name: found for name, *_, found in rows}
    assert types == {"busy": ["Occupancy"], "without": []}
    plan = await database.reads.fetch_all(b"EXPLAIN (ANALYZE, TIMING off) " + statement.encode())
    read = [line for (line,) in plan if TABLE in line and "Scan" in line]
    assert read
    for line in read:
        assert "Index Only Scan" in line, line

from __future__ import annotations

import asyncio
import json
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.store.copying import copy_rows
from hub.store.copytext import NULL, array, bytes_or_null, line, text_or_null
from hub.store.database import Database
from hub.store.few import few_rows, few_values

pytestmark = pytest.mark.integration

ALLOWED = st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t\r\\\"'{},")
TEXT = st.text(ALLOWED, max_size=30)
ROW = st.tuples(TEXT | st.none(), st.lists(TEXT, max_size=4), st.binary(max_size=20) | st.none())


IN_ONE_DATABASE = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@IN_ONE_DATABASE
@given(st.lists(ROW, min_size=1, max_size=60))
def test_whatever_is_copied_comes_back_the_same(
    database_url: str, rows: list[tuple[str | None, list[str], bytes | None]]
) -> None:
    async def there_and_back() -> list[tuple[object, ...]]:
        async with Database(database_url) as database, database.writes.transaction() as connection:
            await connection.execute(
                b"CREATE TEMP TABLE t (n int, a text, b text[], c bytea) ON COMMIT DROP"
            )
            lines = (
                line([str(n), NULL if a is None else a, array(b), bytes_or_null(c)])
                for n, (a, b, c) in enumerate(rows)
            )
            await copy_rows(connection, "t", ["n", "a", "b", "c"], lines)
            cursor = await connection.execute(b"SELECT a, b, c FROM t ORDER BY n")
            return await cursor.fetchall()

    assert asyncio.run(there_and_back()) == rows


@IN_ONE_DATABASE
@given(st.lists(ROW, min_size=1, max_size=20))
def test_a_few_rows_come_back_the_same_as_one_value(
    database_url: str, rows: list[tuple[str | None, list[str], bytes | None]]
) -> None:
    kinds = {"n": "int", "a": "text", "b": "text[]", "c": "bytea", "d": "jsonb", "e": "timestamptz"}
    fields = [
        [
            str(n),
            NULL if a is None else a,
            array(b),
            bytes_or_null(c),
            json.dumps({"a": a}),
            "2026-11-25T08:00:00+08:00",
        ]
        for n, (a, b, c) in enumerate(rows)
    ]

    async def there_and_back() -> list[tuple[object, ...]]:
        async with Database(database_url) as database, database.reads.connection() as connection:
            cursor = await connection.execute(
                f"SELECT a, b, c, d ->> 'a', e FROM ({few_rows(kinds)}) few ORDER BY n".encode(),
                few_values(fields),
            )
            return await cursor.fetchall()

    at = datetime(2026, 11, 25, tzinfo=UTC)
    assert asyncio.run(there_and_back()) == [(*row, row[0], at) for row in rows]


def test_control_characters_never_reach_a_line() -> None:
    every = "".join(chr(code) for code in range(1, 32))
    kept = {c for c in text_or_null(every) if unicodedata.category(c) == "Cc"}
    assert kept == {"\n", "\t"}

"""What several ask in one moment is one statement, and each gets the rows that are its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.errors import ErrorCode, RefusedError
from hub.store.database import Database
from hub.store.side_by_side import SharedStatement, SideBySide, reads_of

pytestmark = pytest.mark.integration
UP_TO = SharedStatement(
    "SELECT n, %(word)s AS word FROM generate_series(1, %(most)s) n "
    "WHERE NOT n = ANY(%(but)s) ORDER BY n DESC LIMIT 10",
    {"word": "text", "most": "int", "but": "int[]"},
)
NOW = SharedStatement("SELECT statement_timestamp() AS at", {})


def up_to(most: int, word: str | None = "w", but: tuple[int, ...] = ()) -> dict[str, Any]:
    return {"most": most, "word": word, "but": but, "more": "than is named"}


async def test_each_gets_its_own_rows_in_their_order(database: Database) -> None:
    async with reads_of(database.reads) as beside:
        found = await asyncio.gather(
            beside.rows(UP_TO, up_to(3, "三")),
            beside.rows(UP_TO, up_to(0)),
            beside.rows(UP_TO, up_to(3, None, but=(2,))),
            beside.rows(UP_TO, up_to(3, "三")),
        )
    three = [{"n": n, "word": "三"} for n in (3, 2, 1)]
    assert found == [three, [], [{"n": 3, "word": None}, {"n": 1, "word": None}], three]


async def test_what_is_asked_at_once_is_one_statement_and_later_is_another(
    database: Database,
) -> None:
    async with database.reads.connection() as connection:
        beside = SideBySide(connection)
        first = await asyncio.gather(*(beside.rows(NOW, {}) for _ in range(20)))
        second = await beside.rows(NOW, {})
    assert len({rows[0]["at"] for rows in first}) == 1
    assert second[0]["at"] > first[0][0]["at"]


async def test_reads_that_are_shared_are_those_that_were_given(database: Database) -> None:
    async with reads_of(database.reads) as beside, reads_of(database.reads, beside) as same:
        assert same is beside


async def test_a_statement_that_fails_fails_for_all_who_asked(database: Database) -> None:
    bad = SharedStatement("SELECT 1 / %(by)s AS x", {"by": "int"})
    async with database.reads.connection() as connection:
        beside = SideBySide(connection)
        found = await asyncio.gather(
            *(beside.rows(bad, {"by": by}) for by in (1, 0)), return_exceptions=True
        )
        assert all(isinstance(each, Exception) for each in found)
        assert await beside.rows(bad, {"by": 1}) == [{"x": 1}]


@pytest.mark.parametrize("text", ["\x00", "\ud800"])
async def test_a_text_that_cannot_be_stored_is_refused(database: Database, text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        async with reads_of(database.reads) as beside:
            await beside.rows(UP_TO, up_to(1, text))
    assert refused.value.code is ErrorCode.BAD_USER_INPUT


async def test_what_is_the_same_for_all_is_read_once_though_the_first_gives_up(
    database: Database,
) -> None:
    times = 0

    async def read() -> int:
        nonlocal times
        times += 1
        await asyncio.sleep(0.01)
        return times

    async with reads_of(database.reads) as beside:
        first = asyncio.create_task(beside.once("it", read))
        others = [asyncio.create_task(beside.once("it", read)) for _ in range(3)]
        await asyncio.sleep(0)
        first.cancel()
        assert await asyncio.gather(*others) == [1, 1, 1]

"""A cursor leads on where it came from, and nowhere else."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ErrorCode, RefusedError
from hub.exchange.position import FeedPosition, Mark, decode, encode, question
from hub.operate.backup import backup, restore
from hub.store.check import check
from hub.store.database import Database
from tests.databases import as_owner, lent_database
from tests.integration.exchange.conftest import NOW, SCOPES, A, Hub, U, V, caller, instrument

pytestmark = pytest.mark.integration

OF = question(U, ["*"], None, SCOPES)
HERE = FeedPosition(place=(7, -1), day=date(2026, 11, 25), mark=Mark(7, 1_795_000_000))


@pytest.fixture
def bare(cluster: str) -> Iterator[str]:
    """The address of a database that holds nothing, not even tables."""
    with lent_database(cluster) as url:
        yield url


@asynccontextmanager
async def restored(url: str, file: Path) -> AsyncIterator[Hub]:
    async with Database(url) as database:
        await restore(database, file)
        assert (await check(database)).is_right
        yield Hub(database)


def keys(changes: list[Any]) -> list[str]:
    return [each["key"] for each in changes]


@pytest.mark.parametrize("garbage", ["", "x", "!", "W10", "bnVsbA", "A" * 3000, "é"])
async def test_what_is_no_cursor_is_refused_as_one(hub: Hub, garbage: str) -> None:
    assert await hub.refused(caller(U), after=garbage) == "BAD_CURSOR"


async def test_a_cursor_of_another_party_or_question_is_refused(hub: Hub) -> None:
    cursor = (await hub.page(caller(U)))["endCursor"]
    assert await hub.refused(caller(V), after=cursor) == "BAD_CURSOR"
    assert await hub.refused(caller(U), after=cursor, types=["Instrument"]) == "BAD_CURSOR"
    assert await hub.refused(caller(U), after=cursor, owner=A) == "BAD_CURSOR"
    listed = "{ instruments(first: 1) { pageInfo { endCursor } } }"
    await hub.put(instrument(A, "T1"), source="a1")
    answer = await hub.ask(caller(U), listed)
    other = answer["data"]["instruments"]["pageInfo"]["endCursor"]
    assert await hub.refused(caller(U), after=other) == "BAD_CURSOR"
    assert len((await hub.page(caller(U), after=cursor))["nodes"]) == 1


async def test_a_restored_database_is_followed_anew_and_to_its_end(
    hub: Hub, bare: str, tmp_path: Path
) -> None:
    await hub.put(*(instrument(A, f"T{n}") for n in range(3)), source="a1")
    first, page = await hub.all(caller(U))
    await backup(hub.database, tmp_path / "backup.zip", NOW)
    await hub.put(instrument(A, "lost"), source="a1")
    async with restored(bare, tmp_path / "backup.zip") as again:
        assert await again.refused(caller(U), after=page["endCursor"]) == "CURSOR_RESET"
        assert await again.refused(caller(U), after="x") == "BAD_CURSOR"
        found, page = await again.all(caller(U), first=1)
        assert keys(found) == keys(first)
        assert len(found) == 3
        await again.put(instrument(A, "new"), source="a1")
        found, _ = await again.all(caller(U), after=page["endCursor"])
        assert keys(found) == [f"{A}/new"]


@pytest.mark.parametrize("xid", ["3", "9000000000"])
async def test_transactions_that_another_server_numbered_put_nothing_out_of_reach(
    hub: Hub, bare: str, tmp_path: Path, xid: str
) -> None:
    await hub.put(*(instrument(A, f"T{n}") for n in range(3)), source="a1")
    with psycopg.connect(as_owner(hub.database.url)) as connection:
        connection.execute(b"UPDATE entry SET xid = %s::text::xid8", (xid,))
    await backup(hub.database, tmp_path / "backup.zip", NOW)
    async with restored(bare, tmp_path / "backup.zip") as again:
        found, page = await again.all(caller(U), first=2)
        assert keys(found) == [f"{A}/T{n}" for n in range(3)]
        await again.put(instrument(A, "new"), instrument(A, "T1", annualHours=1), source="a1")
        found, _ = await again.all(caller(U), after=page["endCursor"])
        assert sorted(keys(found)) == [f"{A}/T1", f"{A}/new"]
        found, _ = await again.all(caller(U), first=1)
        assert sorted(keys(found)) == [f"{A}/T0", f"{A}/T1", f"{A}/T2", f"{A}/new"]


async def test_two_restored_copies_of_one_backup_are_two_epochs(
    hub: Hub, bare: str, tmp_path: Path
) -> None:
    await hub.put(instrument(A, "T1"), source="a1")
    cursor = (await hub.page(caller(U)))["endCursor"]
    await backup(hub.database, tmp_path / "backup.zip", NOW)
    async with restored(bare, tmp_path / "backup.zip") as again:
        other = (await again.page(caller(U)))["endCursor"]
    assert await hub.refused(caller(U), after=other) == "CURSOR_RESET"
    assert (await hub.page(caller(U), after=cursor))["nodes"] == []


async def test_a_copy_that_was_put_back_without_a_restore_is_noticed_by_cursors_ahead_of_it(
    hub: Hub,
) -> None:
    cursor = (await hub.page(caller(U)))["endCursor"]
    parts = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    parts[4] += 1_000_000
    ahead = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")
    assert await hub.refused(caller(U), after=ahead) == "CURSOR_RESET"


async def test_the_feed_begins_once_however_many_ask_first(hub: Hub) -> None:
    cursor = (await hub.page(caller(U)))["endCursor"]
    for worker in (0, 1, 0):
        await hub.page(caller(U), worker, after=cursor)
    rows = await hub.database.reads.fetch_all("SELECT count(*) FROM feed_state")
    assert rows == [(1,)]


def test_a_position_comes_back_from_its_cursor() -> None:
    assert decode(encode(HERE, "e", OF), "e", OF) == HERE


@given(
    st.lists(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text()
        | st.sampled_from([1, "e", OF.request_hash, OF.rights_hash, "2026-11-25"])
        | st.lists(st.none(), max_size=1),
        min_size=9,
        max_size=9,
    )
    | st.text()
)
def test_a_hostile_cursor_is_read_or_refused_and_nothing_else(parts: list[Any] | str) -> None:
    data = json.dumps(parts).encode()
    cursor = base64.urlsafe_b64encode(data).decode().rstrip("=")
    for text in (cursor, parts if isinstance(parts, str) else cursor):
        try:
            found = decode(text, "e", OF)
        except RefusedError as error:
            assert error.code in (ErrorCode.BAD_CURSOR, ErrorCode.CURSOR_RESET)
        else:
            assert encode(found, "e", OF)

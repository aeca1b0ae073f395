"""Search terms that an older version made are written anew, once, by whoever opens the database."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from hub.store.check import check
from hub.store.database import Database
from hub.store.migrations import migrate
from hub.store.renewal import renew_search
from hub.store.search import SEARCH_VERSION
from tests.databases import as_owner, lent_database
from tests.integration.query.conftest import SEM, B, instrument, put, register

pytestmark = pytest.mark.integration
SEARCHED = {"Centre", "Institution", "Instrument", "Topic"}
OLDER = b"UPDATE instrument SET search = '''old'''"
STATE = "SELECT record_type FROM search_state WHERE version = %s"


async def older(database: Database) -> None:
    """Put a record in, and give it terms of another version."""
    await register(database)
    await put(database, [("Instrument", instrument(B, "S1", "扫描电镜", [SEM]))], "beta")
    async with database.writes.transaction() as connection:
        await connection.execute(OLDER)


async def terms(database: Database) -> str:
    ((text,),) = await database.reads.fetch_all("SELECT search::text FROM instrument")
    return str(text)


async def test_older_search_terms_are_written_anew_once(database: Database) -> None:
    await older(database)
    assert set(await renew_search(database)) == SEARCHED
    assert "'电镜'" in await terms(database)
    assert (await check(database)).is_right
    async with database.writes.transaction() as connection:
        await connection.execute(OLDER)
    assert await renew_search(database) == []  # they are of this version, as far as is known
    assert "'old'" in await terms(database)


async def test_several_that_open_a_database_renew_it_once(database: Database) -> None:
    await older(database)
    renewed = await asyncio.gather(*(renew_search(database) for _ in range(3)))
    assert sorted(map(len, renewed)) == [0, 0, len(SEARCHED)]


async def test_a_database_with_a_damaged_entry_is_served_with_the_terms_that_it_has(
    database: Database,
) -> None:
    await older(database)
    url = as_owner(database.url)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(b"UPDATE entry_body SET canon = canon || ' '::bytea")
    assert await renew_search(database) == []
    assert "'old'" in await terms(database)
    assert await database.reads.fetch_all(STATE, (SEARCH_VERSION,)) == []


async def test_a_database_of_the_version_before_takes_names_of_institutions(cluster: str) -> None:
    with lent_database(cluster) as url:
        migrate(url, "0004")
        migrate(url)
        async with Database(url) as opened:
            assert set(await renew_search(opened)) == SEARCHED
            await older(opened)
            assert await renew_search(opened) == []

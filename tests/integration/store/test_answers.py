"""Compiled statements: one value, whatever happens to connections, callers and server."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from hub.embedded.server import EmbeddedPostgres
from hub.errors import DatabaseUnavailableError, ErrorCode, HubError
from hub.store.database import Database, DatabaseLimits
from hub.store.fair import StatementAllowance

pytestmark = pytest.mark.integration


async def test_a_value_comes_as_postgresql_sent_it(database: Database) -> None:
    assert await database.answer(b"SELECT $1::text || '!'", ["电镜".encode()]) == "电镜!".encode()
    assert await database.answer(b"SELECT $1::text", [None]) is None
    assert await database.answer(b"SELECT 1::int WHERE false", []) is None


async def test_a_large_statement_and_a_large_value_pass(database: Database) -> None:
    word = b"x" * 3_000_000
    assert await database.answer(b"SELECT $1::text || $1::text", [word]) == word * 2


async def test_an_error_names_its_cause_and_the_connection_goes_on(database: Database) -> None:
    for _ in range(12):  # more than there are connections
        with pytest.raises(psycopg.errors.DataError):
            await database.answer(b"SELECT ($1::text)::int::text", [b"x"])
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await database.answer(b"SELECT lo_create(0)::text", [])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await database.answer(b"SELECT nextval('entry_entry_id_seq')::text", [])
    assert await database.answer(b"SELECT 'on'", []) == b"on"


async def test_more_callers_than_connections_all_get_their_own_answer(database_url: str) -> None:
    async with Database(database_url, DatabaseLimits(answer_connections=2)) as database:
        asked = [str(n).encode() for n in range(50)]
        found = await asyncio.gather(
            *(database.answer(b"SELECT $1::text", [each]) for each in asked)
        )
        assert found == asked


async def test_statements_beyond_the_bound_are_forgotten_oldest_first(database_url: str) -> None:
    limits = DatabaseLimits(answer_connections=1, statements_prepared=3)
    async with Database(database_url, limits) as database:
        for _ in range(2):
            for n in range(8):
                assert await database.answer(b"SELECT '%d'::text" % n, []) == b"%d" % n
        counted = b"SELECT count(*)::text FROM pg_prepared_statements"
        assert await database.answer(counted, []) == b"3"


async def test_an_overdue_statement_is_told_and_a_silent_wait_is_bounded(database_url: str) -> None:
    limits = DatabaseLimits(answer_connections=1, wait_s=0.3, read_timeout_s=0.3)
    async with Database(database_url, limits) as database:
        with pytest.raises(HubError) as told:
            await database.answer(b"SELECT pg_sleep(30)::text", [])
        assert told.value.code is ErrorCode.TIMEOUT
        assert await database.answer(b"SELECT 'on'", []) == b"on"


async def test_who_waits_too_long_for_a_connection_is_told(database_url: str) -> None:
    limits = DatabaseLimits(answer_connections=1, wait_s=0.2)
    async with Database(database_url, limits) as database:
        busy = asyncio.create_task(database.answer(b"SELECT pg_sleep(2)::text", []))
        await asyncio.sleep(0.1)
        with pytest.raises(DatabaseUnavailableError, match="became free"):
            await database.answer(b"SELECT 'on'", [])
        await busy
        assert await database.answer(b"SELECT 'on'", []) == b"on"


async def test_a_caller_that_gives_up_leaves_no_answer_behind(database_url: str) -> None:
    async with Database(database_url, DatabaseLimits(answer_connections=1)) as database:
        for _ in range(3):
            task = asyncio.create_task(database.answer(b"SELECT 'late' || pg_sleep(1)", []))
            waiting = asyncio.create_task(database.answer(b"SELECT 'mine'", []))
            await asyncio.sleep(0.1)
            task.cancel()
            assert await waiting == b"mine"
        queued = asyncio.create_task(database.answer(b"SELECT pg_sleep(0.2)::text", []))
        given_up = asyncio.create_task(database.answer(b"SELECT 'x'", []))
        await asyncio.sleep(0.05)
        given_up.cancel()
        await queued
        assert await database.answer(b"SELECT 'on'", []) == b"on"


async def test_connections_that_were_ended_are_replaced(database: Database, cluster: str) -> None:
    await asyncio.gather(*(database.answer(b"SELECT pg_sleep(0.1)::text", []) for _ in range(8)))
    with psycopg.connect(cluster, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            " AND application_name = 'deltahub'",
            (database.url.partition("?")[0].rpartition("/")[2],),
        )
    await asyncio.sleep(0.2)  # the loop hears of it
    for _ in range(9):
        assert await database.answer(b"SELECT 'on'", []) == b"on"


async def test_a_server_that_dies_and_comes_back_needs_no_restart(server: EmbeddedPostgres) -> None:
    async with Database(server.start(), DatabaseLimits(wait_s=2.0)) as database:
        assert await database.answer(b"SELECT 'on'", []) == b"on"
        sleeping = asyncio.create_task(database.answer(b"SELECT pg_sleep(60)::text", []))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(server.stop)
        with pytest.raises(DatabaseUnavailableError):
            await sleeping
        with pytest.raises(DatabaseUnavailableError):
            await database.answer(b"SELECT 'on'", [])
        await asyncio.to_thread(server.start)
        assert await database.answer(b"SELECT 'on'", []) == b"on"


async def test_a_statement_ends_when_its_budget_is_spent(database: Database) -> None:
    with pytest.raises(HubError) as told:
        await database.answer(
            b"SELECT pg_sleep(30)::text", [], allowed=StatementAllowance(seconds=0.2)
        )
    assert told.value.code is ErrorCode.TIMEOUT
    active = b"SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' "
    active += b"AND state = 'active' AND pid <> pg_backend_pid()"
    assert await database.answer(active, []) == b"0"  # PostgreSQL does not go on with it
    assert (
        await database.answer(b"SELECT 'on'", [], allowed=StatementAllowance(seconds=5.0)) == b"on"
    )

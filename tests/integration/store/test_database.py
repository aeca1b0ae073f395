from __future__ import annotations

import asyncio
import os
import signal

import psycopg
import pytest
from sqlalchemy import select

from hub.embedded.server import EmbeddedPostgres
from hub.errors import DatabaseUnavailableError, ErrorCode, HubError
from hub.store.database import Database, DatabaseLimits
from hub.store.tables import SOURCE

pytestmark = pytest.mark.integration


async def test_reads_cannot_write(database: Database) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await database.reads.fetch_all("CREATE TABLE x (n int)")


async def test_an_answer_comes_as_the_bytes_that_postgresql_sent(database: Database) -> None:
    assert await database.reads.fetch_bytes("SELECT json_build_object('a', %s::text)", ("电",)) == (
        '{"a" : "电"}'.encode()
    )
    assert await database.reads.fetch_bytes("SELECT 1 WHERE false") is None


async def test_a_transaction_is_undone_by_an_error(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.writes.transaction() as connection:
            await connection.execute("INSERT INTO former_source VALUES ('a', 'b')")
            raise ZeroDivisionError
    assert await database.reads.fetch_all("SELECT FROM former_source") == []


async def test_core_statements_run_in_one_transaction(database: Database) -> None:
    async with database.core() as connection:
        assert (await connection.execute(select(SOURCE))).all() == []


async def test_a_statement_that_takes_too_long_is_a_timeout(database_url: str) -> None:
    async with Database(database_url, DatabaseLimits(read_timeout_s=0.05)) as database:
        with pytest.raises(HubError) as error:
            await database.reads.fetch_all("SELECT pg_sleep(30)")
        assert error.value.code is ErrorCode.TIMEOUT
        assert await database.reads.fetch_all("SELECT 1") == [(1,)]


async def test_waiting_for_a_connection_has_a_bound(database_url: str) -> None:
    limits = DatabaseLimits(read_connections=1, wait_s=0.05)
    async with Database(database_url, limits) as database, database.reads.connection():
        with pytest.raises(DatabaseUnavailableError):
            await database.reads.fetch_all("SELECT 1")


async def test_a_cancelled_statement_does_not_spoil_the_pool(database_url: str) -> None:
    async with Database(database_url, DatabaseLimits(read_connections=1)) as database:
        task = asyncio.create_task(database.reads.fetch_all("SELECT pg_sleep(30)"))
        async with asyncio.timeout(10):
            while not task.done() and not await _sleeps(database_url):
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await database.reads.fetch_all("SELECT 1") == [(1,)]


async def _sleeps(url: str) -> bool:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)'"
        )
        return (await cursor.fetchone()) == (1,)


async def test_connections_are_used_again_and_bounded(database_url: str) -> None:
    async with Database(database_url, DatabaseLimits(read_connections=3)) as database:
        pids = await asyncio.gather(
            *(database.reads.fetch_all("SELECT pg_backend_pid()") for _ in range(30))
        )
        assert len({pid for ((pid,),) in pids}) <= 3


async def test_it_says_so_while_postgresql_is_away_and_recovers_by_itself(
    server: EmbeddedPostgres,
) -> None:
    async with Database(server.start()) as database:
        await database.reads.fetch_all("SELECT 1")
        async with database.writes.transaction() as connection:
            await connection.execute("CREATE TABLE kept (n int)")
        async with database.core() as core:
            await core.execute(select(1))
        pid = int((server.data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            while server.is_running():
                await asyncio.sleep(0.01)
        with pytest.raises(DatabaseUnavailableError) as away:
            await database.reads.fetch_all("SELECT 1")
        assert away.value.code is ErrorCode.DATABASE_UNAVAILABLE
        with pytest.raises(DatabaseUnavailableError):
            async with database.writes.transaction() as connection:
                await connection.execute("INSERT INTO kept VALUES (1)")
        with pytest.raises(DatabaseUnavailableError):
            async with database.core() as core:
                await core.execute(select(1))
        server.start()
        assert await database.reads.fetch_all("SELECT n FROM kept") == []
        async with database.writes.transaction() as connection:
            await connection.execute("INSERT INTO kept VALUES (1)")
        async with database.core() as core:
            await core.execute(select(1))


async def test_a_restart_between_two_statements_goes_unnoticed(server: EmbeddedPostgres) -> None:
    async with Database(server.start()) as database:
        await database.reads.fetch_all("SELECT 1")
        server.stop()
        server.start()
        assert await database.reads.fetch_all("SELECT 1") == [(1,)]


async def test_a_connection_cut_in_the_middle_of_a_statement_is_unavailable(
    database: Database,
) -> None:
    with pytest.raises(DatabaseUnavailableError):
        await database.writes.fetch_all("SELECT pg_terminate_backend(pg_backend_pid())")
    assert await database.writes.fetch_all("SELECT 1") == [(1,)]

"""A process that makes an export is killed at drawn points: what it finished is whole."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from hashlib import sha256
from typing import Any

import pytest

from hub.access.agreements import Agreements
from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.audit.service import Audit
from hub.clock import system_clock
from hub.errors import RefusedError
from hub.exchange.exports.formats import ExportFormat
from hub.exchange.exports.order import ExportOrder
from hub.exchange.exports.service import ExportDesk, ExportState
from hub.graphql.export_desk import HubNames, export_desk
from hub.housekeeping import forget_exports
from hub.intake.batch import Idempotency
from hub.state import open_state
from hub.store.database import Database
from hub.store.exports import chunk
from tests.databases import opened
from tests.eventually import until
from tests.integration.query.conftest import P, seed

pytestmark = pytest.mark.integration
SEED, KILLS = 20261126, int(os.environ.get("HUB_EXPORT_KILLS", "1"))
ROWS = 6
"""Instruments of the small delta, each of which becomes a part of its own."""
SCOPES = frozenset({"catalogue:read", "asset:read", "export:read", "graphql:adhoc"})
MAKING = """
import asyncio, sys
from hub.exchange.exports import making
from tests.databases import opened
from tests.integration.exchange.test_exports_killed import desk_on, order

making.PART_ROWS = making.ROWS_AT_ONCE = 1
keep = making._Maker._keep

async def slowly(maker, part):
    await keep(maker, part)
    await asyncio.sleep(0.1)

making._Maker._keep = slowly

async def main():
    async with opened(sys.argv[1]) as database:
        desk = desk_on(database)
        await desk.order(order(sys.argv[2]), "r")
        await asyncio.sleep(60)

asyncio.run(main())
"""


def desk_on(database: Database) -> ExportDesk:
    state = open_state(None, system_clock)
    agreements = Agreements(database, system_clock)
    names = HubNames("http://hub.example", "hub.example/records")
    audit = Audit(database, system_clock)
    return export_desk(database, state, system_clock, agreements, audit, names)


def caller() -> Caller:
    return Caller("partner", P, ClientKind.PARTNER, SCOPES)


def order(key: str) -> ExportOrder:
    return ExportOrder(
        caller=caller(),
        idempotency=Idempotency(key=key, body_hash=b"b"),
        format=ExportFormat.NDJSON,
        list="instruments",
    )


async def rows_of(database: Database, state: ExportState) -> list[Any]:
    """Return the rows of all parts; each part must be what its hash says."""
    found = []
    for part in state.parts:
        data = await chunk(database, state.kept.export_id, part.number, 0)
        assert data is not None
        assert (sha256(data).digest(), len(data)) == (part.sha256, part.size)
        lines = [json.loads(line) for line in data.splitlines()]
        assert len(lines) == part.rows
        found += lines
    return found


async def killed(database: Database, key: str, parts: int) -> None:
    """Make an export in another process, and kill it when so many parts are there."""
    words = (database.url, key)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", MAKING, *words)

    async def has_parts() -> bool:
        ((count,),) = await database.writes.fetch_all(
            "SELECT count(*) FROM export_part p JOIN export e USING (export_id) "
            "WHERE e.status = 'RUNNING'"
        )
        return bool(count >= parts)

    try:
        await until(has_parts)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_what_was_finished_stays_whole_and_the_rest_is_ordered_anew(
    database_url: str,
) -> None:
    await seed(database_url)
    draw = random.Random(SEED)
    async with opened(database_url) as database:
        desk = desk_on(database)
        for number in range(KILLS):
            await killed(database, f"k{number}", draw.randrange(1, ROWS))
            (kept, *_) = await desk.listed(caller())
            state = await desk.readable(caller(), kept.export_id)
            assert (state.kept.status, state.kept.error_code) == ("FAILED", "EXPORT_CUT_OFF")
            some = await rows_of(database, state)
            assert len(some) == state.kept.rows
            again = await desk.order(order(f"k{number}"), "r")
            assert again.kept.export_id == kept.export_id, "its key stands for the one that failed"
            whole = await made(desk, f"again{number}")
            rows = await rows_of(database, whole)
            assert [row["id"] for row in some] == [row["id"] for row in rows[: len(some)]]
            assert len(rows) == whole.kept.rows == ROWS
            await desk.remove(caller(), whole.kept.export_id)
        await desk.aclose()


async def made(desk: ExportDesk, key: str) -> ExportState:
    """Order an export here and wait for it."""
    state = await desk.order(order(key), "r")

    async def has_ended() -> bool:
        return (await desk.look(caller(), state.kept.export_id)).kept.status != "RUNNING"

    await until(has_ended)
    ended = await desk.look(caller(), state.kept.export_id)
    assert ended.kept.status == "COMPLETED", ended.kept.error_code
    return ended


async def test_files_go_after_a_day_and_the_header_after_a_week(database_url: str) -> None:
    await seed(database_url)
    async with opened(database_url) as database:
        desk = desk_on(database)
        kept = (await made(desk, "k")).kept
        await forget_exports(database, lambda: kept.created_at)
        assert (await desk.readable(caller(), kept.export_id)).parts
        await forget_exports(database, lambda: kept.expires_at)
        with pytest.raises(RefusedError) as caught:
            await desk.readable(caller(), kept.export_id)
        assert caught.value.code.name == "EXPORT_EXPIRED"
        counted = "SELECT (SELECT count(*) FROM export_part) + (SELECT count(*) FROM export_chunk)"
        assert await database.writes.fetch_all(counted) == [(0,)]
        assert (await desk.look(caller(), kept.export_id)).kept.status == "EXPIRED"
        week = kept.expires_at + (kept.expires_at - kept.created_at) * 7
        await forget_exports(database, lambda: week)
        with pytest.raises(RefusedError) as caught:
            await desk.look(caller(), kept.export_id)
        assert caught.value.code.name == "NOT_FOUND"
        await desk.aclose()


async def test_a_statement_that_takes_too_long_fails_and_says_so(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.exchange.exports import making

    monkeypatch.setattr(making, "SECONDS_MAX", 0.0)
    await seed(database_url)
    async with opened(database_url) as database:
        desk = desk_on(database)
        state = await desk.order(order("k"), "r")
        await asyncio.gather(*desk._tasks)
        ended = await desk.look(caller(), state.kept.export_id)
        assert (ended.kept.status, ended.kept.error_code) == ("FAILED", "TIMEOUT")
        monkeypatch.setattr(making, "SIZE_MAX", 1)
        monkeypatch.setattr(making, "SECONDS_MAX", 60.0)
        state = await desk.order(order("k2"), "r")
        await asyncio.gather(*desk._tasks)
        ended = await desk.look(caller(), state.kept.export_id)
        assert (ended.kept.status, ended.kept.error_code) == ("FAILED", "EXPORT_TOO_LARGE")
        assert ended.parts == []
        await desk.aclose()

"""The TEMP table by which rows are written stays, and holds nothing of the batch before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.projection import STAGE_BYTES_MAX
from tests.databases import as_owner

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MANY = 400
"""Rows that together take more than the TEMP table may keep."""


def batch_of(*numbers: int) -> Batch:
    rows: list[dict[str, Any]] = [
        {
            "type": "Instrument",
            "record": {
                "institutionKey": "moe:10335",
                "localNo": f"A{number}",
                "name": {"zh": "扫描电镜"},
                "status": "IN_SERVICE",
            },
        }
        for number in numbers
    ]
    return Batch(
        source="anhui",
        party="hub:hub.delta.example",
        channel=Channel.HARVEST,
        rows=rows,
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, run_id="r"),
        as_of=NOW,
    )


async def take(database: Database, batch: Batch) -> None:
    outcomes = await submit(database, batch, clock=lambda: NOW)
    assert not [each for each in outcomes.rows if each.problems]


async def keys(database: Database) -> set[str]:
    return {key for (key,) in await database.reads.fetch_all("SELECT key FROM instrument_source")}


async def size_of_stage(database: Database) -> int:
    ((size,),) = await database.writes.fetch_all(
        "SELECT pg_relation_size('pg_temp.stage_instrument')"
    )
    return int(size)


@pytest.fixture
async def filled(database: Database) -> Database:
    """One batch written, by the connection that is used for the next one."""
    async with database.writes.transaction() as connection:
        await connection.execute(
            "INSERT INTO source (source_id, title, mode, created_at) "
            "VALUES ('anhui', '安徽', 'HARVEST', now())"
        )
    await take(database, batch_of(1, 2))
    return database


async def test_a_row_of_the_batch_before_is_not_written_again(filled: Database) -> None:
    with psycopg.connect(as_owner(filled.url), autocommit=True) as connection:
        connection.execute("DELETE FROM instrument_source WHERE key = 'moe:10335/A1'")
    await take(filled, batch_of(3))
    assert await keys(filled) == {"moe:10335/A2", "moe:10335/A3"}


async def test_nothing_stays_of_a_batch_that_was_undone(filled: Database) -> None:
    await take(filled, replace(batch_of(4), dry_run=True))
    await take(filled, batch_of(5))
    assert await keys(filled) == {"moe:10335/A1", "moe:10335/A2", "moe:10335/A5"}


async def test_what_many_rows_took_is_given_back_with_the_next_batch(filled: Database) -> None:
    small = await size_of_stage(filled)
    await take(filled, batch_of(*range(10, 10 + MANY)))
    assert await size_of_stage(filled) > STAGE_BYTES_MAX
    await take(filled, batch_of(9))
    assert await size_of_stage(filled) <= small
    assert len(await keys(filled)) == 2 + MANY + 1

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from hub.errors import HubError
from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.service import submit
from hub.store.check import Difference, Fault, check
from hub.store.database import Database
from hub.store.rebuild import rebuild
from hub.store.records import standard_records
from tests.databases import as_owner

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
KEY = "moe:10335/A1"


def instrument(number: int, **changes: Any) -> dict[str, Any]:
    record = {
        "institutionKey": "moe:10335",
        "localNo": f"A{number}",
        "name": {"zh": "扫描电镜"},
        "status": "IN_SERVICE",
        "originalValue": {"amount": "10.50", "currency": "CNY"},
        "topics": ["a"],
    }
    return {"type": "Instrument", "record": record | changes}


COVERAGE = {
    "type": "OccupancyCoverage",
    "record": {
        "instrumentKey": KEY,
        "startAt": "2026-11-23T00:00:00Z",
        "endAt": "2026-11-30T00:00:00Z",
    },
}


async def send(database: Database, *rows: Any, as_of: datetime = NOW) -> None:
    batch = Batch(
        source="anhui",
        party="hub:hub.delta.example",
        channel=Channel.HARVEST,
        rows=rows,
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, run_id="r"),
        as_of=as_of,
    )
    outcomes = await submit(database, batch, clock=lambda: as_of)
    assert not [each for each in outcomes.rows if each.problems]


@pytest.fixture
async def filled(database: Database) -> Database:
    """Two revisions, a withdrawn record, a confirmed coverage."""
    async with database.writes.transaction() as connection:
        await connection.execute(
            "INSERT INTO source (source_id, title, mode, authority, created_at) "
            "VALUES ('anhui', '安徽', 'HARVEST', 'platform:anhui/booking', now())"
        )
    await send(database, instrument(1), instrument(2), instrument(3), COVERAGE)
    await send(database, instrument(1, model="B"), COVERAGE, as_of=NOW + timedelta(hours=1))
    gone = {"type": "Instrument", "withdraw": {"key": "moe:10335/A2", "reason": "sold"}}
    await send(database, gone)
    return database


async def contents(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table.name: await database.reads.fetch_all(f"SELECT * FROM {table.name} ORDER BY key")
        for tables in standard_records().tables.values()
        for table in (tables.source, tables.golden)
        if table is not None
    }


async def run(database: Database, statement: str) -> None:
    with psycopg.connect(as_owner(database.url)) as connection:
        connection.execute(statement.encode())


async def test_what_intake_wrote_is_right(filled: Database) -> None:
    report = await check(filled)
    assert report.is_right, report.differences
    assert report.rows == 4


async def test_a_rebuild_makes_the_same_tables(filled: Database) -> None:
    before = await contents(filled)
    made = {each.record_type: each.rows for each in await rebuild(filled)}
    assert await contents(filled) == before
    assert (made["Instrument"], made["OccupancyCoverage"]) == (3, 1)


async def test_a_rebuild_mends_lost_and_tampered_rows(filled: Database) -> None:
    before = await contents(filled)
    await run(filled, "DELETE FROM instrument")
    await run(filled, "UPDATE instrument_source SET model = 'forged'")
    await rebuild(filled, ["Instrument"])
    assert await contents(filled) == before


@pytest.mark.parametrize(
    ("statement", "table", "columns"),
    [
        ("UPDATE instrument SET model = 'X'", "instrument", ("model",)),
        ("UPDATE instrument_source SET model = 'X'", "instrument_source", ("model",)),
        ("UPDATE instrument SET search = NULL, province = '31'", "instrument", None),
        ("UPDATE instrument SET topics = '{}'", "instrument", ("topics",)),
        ("UPDATE instrument SET original_value_amount = 1", "instrument", None),
        ("UPDATE instrument_source SET revision = 7", "instrument_source", ("revision",)),
    ],
)
async def test_a_tampered_column_is_found_and_named(
    filled: Database, statement: str, table: str, columns: tuple[str, ...] | None
) -> None:
    await run(filled, f"{statement} WHERE key = '{KEY}'")
    (found,) = (await check(filled)).differences
    assert (found.table, found.key, found.fault) == (table, KEY, Fault.DIFFERENT)
    assert found.columns == columns or (columns is None and found.columns)


async def test_missing_and_surplus_rows_are_found(filled: Database) -> None:
    await run(filled, f"DELETE FROM instrument WHERE key = '{KEY}'")
    await run(filled, "UPDATE occupancy_coverage_source SET key = 'other'")
    differences = (await check(filled)).differences
    assert Difference("instrument", "anhui", KEY, Fault.MISSING) in differences
    faults = [each.fault for each in differences if each.table == "occupancy_coverage_source"]
    assert sorted(faults) == [Fault.EXTRA, Fault.MISSING]


async def test_changed_bytes_are_found_and_never_projected(filled: Database) -> None:
    await run(
        filled,
        "UPDATE entry_body b SET canon = convert_to(replace(convert_from(canon, 'UTF8'), "
        "'\"B\"', '\"C\"'), 'UTF8') FROM entry e WHERE e.entry_id = b.entry_id AND revision = 2",
    )
    faults = {each.fault for each in (await check(filled)).differences}
    assert Fault.BODY in faults
    with pytest.raises(HubError, match="damaged"):
        await rebuild(filled)
    assert await filled.reads.fetch_all(f"SELECT model FROM instrument WHERE key = '{KEY}'") == [
        ("B",)
    ]


async def test_a_broken_chain_is_found(filled: Database) -> None:
    await run(filled, "UPDATE entry SET previous = '\\x00' WHERE revision = 2 AND NOT withdrawal")
    (found,) = (await check(filled)).differences
    assert (found.fault, found.key) == (Fault.CHAIN, KEY)


@pytest.mark.parametrize(
    "change",
    ["authority = 'moe:1/other'", "commitment = sha256(commitment)"],
    ids=["whose", "hash"],
)
async def test_a_header_that_its_commitment_does_not_cover_is_found(
    filled: Database, change: str
) -> None:
    await run(filled, f"UPDATE entry SET {change} WHERE key = 'moe:10335/A3'")
    found = {(each.fault, each.key) for each in (await check(filled)).differences}
    assert (Fault.BODY, "moe:10335/A3") in found


async def erase(database: Database, which: str) -> None:
    await run(
        database,
        "WITH gone AS (DELETE FROM entry_body USING entry e WHERE e.entry_id = entry_body.entry_id "
        f"AND {which} RETURNING e.entry_id) "
        "INSERT INTO erased_entry SELECT entry_id, 'order', now() FROM gone",
    )


async def test_an_erased_withdrawal_stays_a_withdrawal(filled: Database) -> None:
    await erase(filled, "e.withdrawal")
    withdrawn = "SELECT key FROM instrument_source WHERE withdrawn ORDER BY key"
    before = await filled.reads.fetch_all(withdrawn)
    assert before
    await rebuild(filled)
    assert (await check(filled)).is_right
    assert await filled.reads.fetch_all(withdrawn) == before


async def test_an_erased_body_leaves_the_projection_and_nothing_else_breaks(
    filled: Database,
) -> None:
    await erase(filled, "e.key = 'moe:10335/A3'")
    made = {each.record_type: each for each in await rebuild(filled)}
    assert made["Instrument"].erased == 1
    assert (await check(filled)).is_right
    assert await filled.reads.fetch_all("SELECT key FROM instrument") == [(KEY,)]

"""Whose coverage is, its record says: its owner, not its key, decides who may vouch for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from hub.store.database import Database
from hub.store.records import stored
from hub.store.sources import register_source
from schema.item import item, record
from schema.parties import party_in
from schema.records import STANDARD
from schema.registry import build
from schema.traits import Covers
from schema.values import KEY_PATTERN
from tests.databases import make_tables, opened
from tests.integration.query.conftest import NOW, A, B, engine_on, instrument, put, register
from tests.integration.query.conftest import Asker as Asking

pytestmark = pytest.mark.integration

WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
ASKED = f"""{{
  instrument(by: {{ key: "{A}/i0" }}) {{
    availability(from: "2026-12-01T00:00:00+08:00", until: "2026-12-02T00:00:00+08:00") {{
      status }} }}
  instruments(filter: {{ availableFor: {{ from: "2026-12-01T00:00:00+08:00",
    until: "2026-12-02T00:00:00+08:00", hours: 24 }} }}) {{ totalCount }} }}"""


@record(
    "值守",
    key=("number",),
    prefix="toywatch",
    owner=party_in("house_key"),
    traits=(Covers(of="instrument_key", start="start_at", end="end_at"),),
)
class Watch:
    """Coverage that is numbered: its key does not begin with whose it is."""

    number: str = item("编号", "Number")
    house_key: str = item("单位", "Whose it is", pattern=KEY_PATTERN)
    instrument_key: str = item("仪器", "Instrument")
    start_at: datetime = item("开始", "Start")
    end_at: datetime = item("结束", "End")


OTHERS = [each for each in STANDARD if each.__name__ != "OccupancyCoverage"]
WATCHED = stored(build([*OTHERS, Watch]))


@pytest.fixture
async def hub(database_url: str) -> AsyncIterator[Database]:
    make_tables(database_url, WATCHED.metadata)
    async with opened(database_url, records=WATCHED) as database:
        await register(database)
        watch = {
            "number": "7",
            "houseKey": A,
            "instrumentKey": f"{A}/i0",
            "startAt": "2026-11-30T16:00:00Z",
            "endAt": "2026-12-02T16:00:00Z",
        }
        hours = [
            {
                "instrumentKey": f"{A}/i0",
                "weekday": day,
                "periods": [{"opens": "00:00", "closes": "24:00"}],
            }
            for day in WEEKDAYS
        ]
        rows = [("Instrument", instrument(A, "i0", "电镜", [])), ("Watch", watch)]
        await put(database, [*rows, *(("OpeningHours", each) for each in hours)], "alpha")
        yield database


async def answered(hub: Database) -> tuple[str, int]:
    asking = Asking(engine_on(hub))
    data = await asking(ASKED)
    assert "errors" not in asking.last, asking.last
    return data["instrument"]["availability"]["status"], data["instruments"]["totalCount"]


async def test_coverage_counts_by_the_owner_that_its_record_names(hub: Database) -> None:
    assert await answered(hub) == ("FREE", 1)


async def test_coverage_of_whom_its_source_no_longer_speaks_for_does_not_count(
    hub: Database,
) -> None:
    await register_source(
        hub, "alpha", "来源", mode="HARVEST", now=NOW, owners=[B], promised_freshness_s=3600
    )
    assert await answered(hub) == ("UNKNOWN", 0)

"""The short form of `python -m bench.sources`: its steps on little data, no look at durations."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from bench import transports
from bench.bare import copied_again
from bench.harvests import HarvestMeasured, read_once, source_at, stand_in
from bench.place import drop_database, fresh_database, postgres
from hub.embedded.server import EmbeddedPostgres
from hub.store.database import Database

pytestmark = pytest.mark.integration
COUNT = 250


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with postgres() as started:
        yield started


async def test_a_source_that_is_read_again_writes_nothing_and_its_rows_are_copied_whole(
    server: EmbeddedPostgres,
) -> None:
    names = ("bench_small", "bench_small_bare")
    url, bare = (fresh_database(server, name) for name in names)
    with stand_in(COUNT) as (_, place):
        async with Database(url) as database:
            source = source_at(place["url"], place["token"])
            found = HarvestMeasured(instruments=COUNT)
            found.readings = [await read_once(database, source) for _ in range(2)]
    assert found.faults == []
    assert [each.entries for each in found.readings] == [COUNT + 1, 0]
    assert {each.questions for each in found.readings} == {4}

    copied = {each.name: each.rows for each in copied_again(url, bare)}
    assert (copied["entry"], copied["instrument_source"]) == (COUNT + 1, COUNT)
    with psycopg.connect(bare) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (COUNT + 1,)
    for name in names:
        drop_database(server, name)


def test_transports_are_asked_the_same_pages() -> None:
    found = transports.measure(8, rounds=1, peers=False)
    assert [(each.name, each.requests) for each in found] == [
        ("own", 8),
        ("stock httpx", 8),
        ("straight", 8),
    ]

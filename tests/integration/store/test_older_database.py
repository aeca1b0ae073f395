"""A database of the version before under the code of this one: migrated, and not migrated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from hub.errors import ErrorCode, HubError
from hub.harvest.report import RunStatus
from hub.harvest.runs import close_interrupted
from hub.harvest.service import Harvester
from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.service import submit
from hub.store.check import check
from hub.store.database import Database
from hub.store.feeds import feeds_of
from hub.store.migrations import differences, migrate
from hub.store.rebuild import rebuild
from hub.store.sources import list_sources
from tests.databases import lent_database
from tests.integration.harvest.small_source import INSTITUTION, Laboratory, serving, source_of

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
PARTY = "hub:hub.delta.example/records"
BEFORE = """
INSERT INTO source (source_id, title, mode, owners, kind, authority, rows, last_status, last_ok_at,
  last_run_at, created_at)
VALUES ('laboratory', '小实验室', 'HARVEST', '{moe:10269}', 'OWN', 'moe:10269/laboratory', 0, 'OK',
  %(now)s, %(now)s, %(now)s);
INSERT INTO run (run_id, source, mode, status, started_at, ended_at) VALUES
  ('run_1', 'laboratory', 'HARVEST', 'OK', %(now)s, %(now)s),
  ('run_2', 'laboratory', 'HARVEST', 'RUNNING', %(now)s, NULL)
"""
"""What the version before wrote when a source was registered and harvested."""


def clock() -> datetime:
    return NOW + timedelta(minutes=1)


COLUMNS = """
SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position)
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' GROUP BY table_name
"""


def copy_common(newer: str, older: str) -> None:
    """Copy what a newer database holds into the tables and columns that an older one has."""
    with psycopg.connect(newer) as source, psycopg.connect(older) as target:
        known = dict(source.execute(COLUMNS).fetchall())
        for table, columns in target.execute(COLUMNS).fetchall():
            if table == "alembic_version":
                continue
            listed = ", ".join(f'"{each}"' for each in columns if each in known[table])
            with (
                source.cursor().copy(f"COPY {table} ({listed}) TO STDOUT") as out,
                target.cursor().copy(f"COPY {table} ({listed}) FROM STDIN") as into,
            ):
                for piece in out:
                    into.write(piece)


@pytest.fixture
def newer_url(cluster: str) -> Iterator[str]:
    """A database of this version with a source and its runs."""
    with lent_database(cluster) as url:
        migrate(url)
        with psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as connection:
            connection.execute(BEFORE, {"now": NOW})
        yield url


@pytest.fixture
def older_url(cluster: str) -> Iterator[str]:
    """An empty database of revision 0003."""
    with lent_database(cluster) as url:
        migrate(url, "0003")
        yield url


@pytest.fixture
async def older(newer_url: str, older_url: str) -> AsyncIterator[Database]:
    """A database of revision 0003 with a source, its runs and records."""
    async with Database(newer_url) as database:
        rows = [
            {
                "type": "Instrument",
                "record": {
                    "institutionKey": INSTITUTION,
                    "localNo": number,
                    "name": {"zh": f"旧电镜{number}"},
                    "status": "IN_SERVICE",
                },
            }
            for number in ("1", "2", "3")
        ]
        batch = Batch(
            source="laboratory",
            party=PARTY,
            channel=Channel.HARVEST,
            rows=rows,
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED, document_hash=b"x" * 32, run_id="run_1"
            ),
            as_of=NOW,
        )
        outcomes = await submit(database, batch, clock=lambda: NOW)
        assert outcomes.counts["ACCEPTED"] == 3
    copy_common(newer_url, older_url)
    async with Database(older_url) as database:
        yield database


async def entries(database: Database) -> list[tuple[object, ...]]:
    return await database.reads.fetch_all(
        "SELECT entry_id, key, revision, commitment FROM entry ORDER BY entry_id"
    )


async def test_a_migrated_database_keeps_what_it_held_and_goes_on(older: Database) -> None:
    before = await entries(older)
    migrate(older.url)
    assert differences(older.url) == []
    assert await entries(older) == before
    assert [source.last_ok_at for source in await list_sources(older)] == [NOW]
    assert await close_interrupted(older, clock()) == 1
    assert await feeds_of(older, ["laboratory"]) == {}

    async with serving(Laboratory()) as laboratory:
        report = await Harvester(older, PARTY, clock).harvest_if_due(source_of(laboratory), None)
    assert report is not None
    assert report.status is RunStatus.OK
    assert report.withdrawn == {"Instrument": 1}
    assert (await entries(older))[: len(before)] == before
    known = (await feeds_of(older, ["laboratory"]))["laboratory"]
    assert {feed.heard_at for feed in known} == {clock()}
    await rebuild(older)
    assert (await check(older)).differences == []


async def test_an_older_database_that_was_not_migrated_is_told_what_to_do(older: Database) -> None:
    before = await entries(older)
    async with serving(Laboratory()) as laboratory:
        for work, lacks in (
            (Harvester(older, PARTY, clock).harvest(source_of(laboratory)), "purpose"),
            (feeds_of(older, ["laboratory"]), "feed"),
        ):
            with pytest.raises(HubError) as error:
                await work
            assert error.value.code is ErrorCode.CONFLICT
            assert "deltahub store migrate" in error.value.hint
            assert lacks in error.value.message_en
            assert error.value.message_zh
    assert await entries(older) == before
    migrate(older.url)
    assert await feeds_of(older, ["laboratory"]) == {}

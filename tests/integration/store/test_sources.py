"""What a registration says of a source, and what stands where it says nothing."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime

import pytest

from hub.errors import ErrorCode, RefusedError
from hub.query.sql.sources import known_sources, sources_now
from hub.store import sources
from hub.store.database import Database
from hub.store.source_events import EventKind, SourceEvent, keep_events
from hub.store.sources import SOURCES_MAX, list_sources, register_source
from hub.store.tables import PROMISED_FRESHNESS_S

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


async def promises(database: Database) -> list[int]:
    return [source.promised_freshness_s for source in await list_sources(database)]


async def test_a_source_that_promises_nothing_is_held_to_one_day(database: Database) -> None:
    await register_source(database, "quiet", "quiet", mode="PUSH", owners=None, now=NOW)
    assert await promises(database) == [PROMISED_FRESHNESS_S] == [86_400]


async def test_a_renewed_registration_keeps_the_promise_that_it_does_not_name(
    database: Database,
) -> None:
    await register_source(
        database, "s", "s", mode="PUSH", owners=None, now=NOW, promised_freshness_s=60
    )
    await register_source(database, "s", "renamed", mode="PUSH", owners=None, now=NOW)
    assert await promises(database) == [60]


async def test_one_more_source_than_can_be_listed_is_refused_and_the_others_are_renewed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "SOURCES_MAX", 2)
    for name in ("a", "b", "a"):
        await register_source(database, name, name, mode="PUSH", owners=None, now=NOW)
    with pytest.raises(RefusedError) as refused:
        await register_source(database, "c", "c", mode="HARVEST", owners=None, now=NOW)
    assert refused.value.code is ErrorCode.CONFLICT
    assert refused.value.hint
    assert [source.source_id for source in await list_sources(database)] == ["a", "b"]


def test_whoever_lists_sources_lists_as_many_as_can_be_registered() -> None:
    assert sources_now("now()").endswith(f"LIMIT {SOURCES_MAX}")
    assert known_sources("$1", None).endswith(f"LIMIT {SOURCES_MAX}")


async def test_events_of_sources_are_kept_in_their_order_and_as_they_are(
    database: Database,
) -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    bare = SourceEvent(source="s", kind=EventKind.BREAKER, status="OPEN", at=at)
    full = SourceEvent(
        source='a,"b\\{}', kind=EventKind.LIVE, record_type="Occupancy", status="OK",
        served_from="LIVE", latency_ms=7, rows=2**40, error_code="NULL", at=at,
    )  # fmt: skip
    for events in ([bare, bare], [], [full, bare, full], [full]):
        async with database.writes.transaction() as connection:
            await keep_events(connection, events)
    columns = [each.name for each in fields(SourceEvent)]
    rows = await database.reads.fetch_all(
        f"SELECT {','.join(columns)} FROM source_event ORDER BY event_id"
    )
    found = [SourceEvent(**dict(zip(columns, row, strict=True))) for row in rows]
    assert found == [bare, bare, full, bare, full, full]

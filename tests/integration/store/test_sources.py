"""What a registration says of a source, and what stands where it says nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.errors import ErrorCode, RefusedError
from hub.query.sql.sources import known_sources, sources_now
from hub.store import sources
from hub.store.database import Database
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

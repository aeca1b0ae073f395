"""What a registration says of a source, and what stands where it says nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.store.database import Database
from hub.store.sources import list_sources, register_source
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

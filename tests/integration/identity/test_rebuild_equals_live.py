"""Whatever happened in whatever order: what is stored follows from the entries alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from hub.store.database import Database
from tests.integration.identity.conftest import assert_follows, emptied
from tests.integration.identity.histories import Event, histories, live

pytestmark = pytest.mark.integration
ASKED = os.environ.get("HUB_REBUILD_HISTORIES")
HISTORIES = int(ASKED or "15")


@pytest.fixture(scope="module")
def opened(shared_url: str) -> Iterator[tuple[asyncio.Runner, Database]]:
    """A database, and what runs whatever is to be done with it."""
    with asyncio.Runner() as runner:
        database = Database(shared_url)
        yield runner, database
        runner.run(database.close())


@settings(max_examples=HISTORIES, deadline=None, derandomize=ASKED is None)
@given(history=histories)
def test_a_rebuild_gives_what_a_history_left(
    opened: tuple[asyncio.Runner, Database], history: tuple[Event, ...]
) -> None:
    runner, database = opened

    async def compare() -> None:
        await emptied(database)
        await live(database, history)
        await assert_follows(database)

    runner.run(compare())

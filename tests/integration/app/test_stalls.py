"""Hostile documents, bodies and headers: each is answered, and none is a fault of the server.

How long they hold up the event loop is printed (`pytest -s`) and judged by `make bench`.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.hostile import corpus
from bench.stalls import longest, measure
from hub.store.database import Database

pytestmark = pytest.mark.integration
LIGHT_BYTES = 300_000
"""Larger bodies are left to the benchmark."""


@pytest.fixture
def settled() -> Iterator[None]:
    """Keep the collector off what lives as long as the process, as `deltahub serve` does."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("settled")
async def test_no_hostile_request_is_answered_with_a_fault_of_the_server(
    database: Database, tmp_path: Path
) -> None:
    attacks = [each for each in corpus() if len(each.body) < LIGHT_BYTES][::2]
    assert len(attacks) >= 300

    found = await measure(database, tmp_path, attacks, tries=1)

    worst = longest(found)
    told = f"{len(found)} requests, longest stall {worst.seconds * 1000:.0f} ms: {worst.attack}"
    print(told)  # noqa: T201 - a figure to read, not to judge
    assert [(str(each.attack), each.status) for each in found if each.status >= 500] == []
    answered = {each.attack.family for each in found if each.status in (200, 400)}
    assert {"fragments", "introspection", "json", "batches"} <= answered  # they came that far

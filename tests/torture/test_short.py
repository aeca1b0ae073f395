"""The short form of `make torture`: one of each kill, under load, and nothing is lost."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.torture.run import Plan, torture
from tests.torture.schedule import Target, schedule

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc"),
]


async def test_nothing_acknowledged_is_lost_when_everything_is_killed_once() -> None:
    with tempfile.TemporaryDirectory(prefix="hub-test-") as folder:
        result = await torture(Plan(seed=7, kills=6, clients=3, throwaway=True), Path(folder))
    assert result.findings.violations == []
    assert result.store_is_right, result.store_check
    assert set(result.kills) == set(Target)
    assert sum(result.kills.values()) == 6
    counts = result.findings.counts
    assert counts["entries acknowledged"] > 0
    assert counts["receipts verified"] >= counts["entries acknowledged"]


def test_a_seed_decides_the_kills_and_a_longer_run_begins_like_a_shorter_one() -> None:
    assert schedule(5, 100) == schedule(5, 100)
    assert schedule(5, 100)[:6] == schedule(5, 6)
    assert schedule(5, 100) != schedule(6, 100)
    assert {action.target for action in schedule(5, 5)} == set(Target)

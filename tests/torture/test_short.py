"""The short form of `make torture`: a little of each trouble, under load, and nothing is lost."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tests.torture.disk import NoDiskError, small_disk
from tests.torture.run import Plan, torture
from tests.torture.scenarios import JUMPS_S, fill
from tests.torture.schedule import Target, schedule

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc"),
]
SEED = 7
KILLS = int(os.environ.get("TORTURE_SHORT_KILLS") or "2")
"""How often something is killed; from five on each of the five targets at least once. Not `HUB_…`:
the hubs that are killed would refuse to start with a setting that they do not know."""


async def test_nothing_acknowledged_is_lost_when_a_few_are_killed() -> None:
    plan = Plan(seed=SEED, kills=KILLS, clients=2, throwaway=True)
    with tempfile.TemporaryDirectory(prefix="hub-test-") as folder:
        result = await torture(plan, Path(folder))
    assert result.findings.violations == []
    assert result.store_is_right, result.store_check
    assert result.kills == Counter(action.target for action in schedule(SEED, KILLS))
    counts = result.findings.counts
    assert counts["entries acknowledged"] > 0
    assert counts["receipts verified"] >= counts["entries acknowledged"]


async def test_nothing_acknowledged_is_lost_without_descriptors_and_when_clocks_jump() -> None:
    plan = Plan(
        seed=11,
        kills=0,
        clients=2,
        throwaway=True,
        scenario="no-descriptors+clock-jumps",
        scale=0.05,
    )
    with tempfile.TemporaryDirectory(prefix="hub-test-") as folder:
        result = await torture(plan, Path(folder))
    assert result.findings.violations == []
    assert result.store_is_right, result.store_check
    assert result.seen["jumps"] == len(JUMPS_S)
    assert result.seen["processes without descriptors"] > 0
    assert result.findings.counts["entries acknowledged"] > 0


def test_a_full_disk_is_full_and_gone_afterwards(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "disk"):
            assert fill(tmp_path / "disk" / "fill") > 600
            with pytest.raises(OSError, match="No space left"):
                (tmp_path / "disk" / "more").write_bytes(bytes(5_000))
    except NoDiskError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    assert list((tmp_path / "disk").iterdir()) == []


def test_a_seed_decides_the_kills_and_a_longer_run_begins_like_a_shorter_one() -> None:
    assert schedule(5, 100) == schedule(5, 100)
    assert schedule(5, 100)[:6] == schedule(5, 6)
    assert schedule(5, 100) != schedule(6, 100)
    assert {action.target for action in schedule(5, 5)} == set(Target)

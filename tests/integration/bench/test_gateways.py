"""The short form of `python -m bench.gateways`: the same answers from the same systems."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import joins, parted
from bench.live_hub import harvest_all
from bench.place import drop_database, fresh_database, postgres

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc"),
]
COUNT = 5


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[dict[str, str], joins.Server]]:
    """Four systems, and a hub that has read them once and asks them."""
    with postgres() as server, joins.upstreams(len(joins.FOUR), COUNT) as addresses:
        url = fresh_database(server, "bench_gateways_small")
        asyncio.run(harvest_all(url, addresses))
        yield addresses, joins.hub_server(url, addresses)
        drop_database(server, "bench_gateways_small")


def ask(host: str, body: bytes) -> Any:
    request = urllib.request.Request(
        f"http://{host}/graphql", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_every_front_joins_the_same_from_the_systems(
    place: tuple[dict[str, str], joins.Server],
) -> None:
    addresses, hub = place
    three = {letter: addresses[letter] for letter in joins.THREE}
    servers = [hub, *joins.peers(three, node=False)]
    with joins.running(servers) as up:
        for case in joins.CASES:
            asked = {
                each.speaks: joins.question(case, each.speaks, joins.THREE, COUNT)
                for each in servers
            }
            before = joins.asked_of(addresses)
            assert joins.compare(servers, up, asked) == COUNT
            assert joins.asked_of(addresses) > before
        body = joins.question("ALL", "hub", joins.THREE, 1).bodies[0]
        joins.fault(addresses["a"], slow_s=0.0)
        found = ask(up[joins.HUB].host, body)
        assert len(found["data"]["a"]["bookings"]["nodes"]) == 4
        sources = {each["id"]: each["servedFrom"] for each in found["extensions"]["sources"]}
        assert set(sources.values()) <= {"LIVE", "CACHE"}
        joins.fault(addresses["a"])


def test_an_answer_tells_which_systems_are_silent_and_has_the_rows_of_the_others(
    place: tuple[dict[str, str], joins.Server],
) -> None:
    addresses, hub = place
    made = parted.Parted()
    with joins.running([hub]) as up:
        joins.fault(addresses[parted.DEAD], dead=True)
        joins.fault(addresses[parted.SLOW], slow_s=parted.SLOW_S)
        parted.ask_once(up[joins.HUB].host, "hub", 1, made)
        for address in addresses.values():
            joins.fault(address)
    assert (len(made.waits), made.marked, made.whole) == (1, 1, 1)
    errors = [{"path": [letter]} for letter in (parted.DEAD, parted.SLOW)]
    assert parted.is_marked("gateway", {"errors": errors})
    assert not parted.is_marked("gateway", {"errors": errors[:1]})

"""The short form of `python -m bench.gateways`: the same answers from the same systems."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import joins, parted
from bench.live_hub import harvest_all
from bench.place import drop_database, fresh_database, postgres
from bench.upstreams import BOOKINGS
from hub.federation.limits import ANSWER_KEPT_S

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc"),
]
COUNT = 3


def ask(host: str, body: bytes) -> Any:
    request = urllib.request.Request(
        f"http://{host}/graphql", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.fixture
def place() -> Iterator[tuple[dict[str, str], str]]:
    """Four systems, and the database of a hub that has read them once."""
    with postgres() as server, joins.upstreams(len(joins.FOUR), COUNT) as addresses:
        url = fresh_database(server, "bench_gateways_small")
        asyncio.run(harvest_all(url, addresses))
        yield addresses, url
        drop_database(server, "bench_gateways_small")


def test_every_front_joins_the_same_and_the_hub_says_which_systems_are_silent(
    place: tuple[dict[str, str], str],
) -> None:
    addresses, url = place
    three = {letter: addresses[letter] for letter in joins.THREE}
    servers = [joins.hub_server(url, addresses), *joins.peers(three, node=False)]
    with joins.running(servers) as up:
        for case in joins.CASES:
            asked = {
                each.speaks: joins.question(case, each.speaks, joins.THREE, COUNT)
                for each in servers
            }
            before = joins.asked_of(addresses)
            assert joins.compare(servers, up, asked) == COUNT
            assert joins.asked_of(addresses) >= before + COUNT * len(joins.THREE)
        hub = up[joins.HUB].host
        found = ask(hub, joins.question("ALL", "hub", joins.THREE, 1).bodies[0])
        assert len(found["data"]["a"]["bookings"]["nodes"]) == BOOKINGS
        told = {each["id"]: each["servedFrom"] for each in found["extensions"]["sources"]}
        assert {told[f"system-{letter}"] for letter in joins.THREE} <= {"LIVE", "CACHE"}

        made = parted.Parted()
        joins.fault(addresses[parted.DEAD], dead=True)
        joins.fault(addresses[parted.SLOW], slow_s=parted.SLOW_S)
        time.sleep(ANSWER_KEPT_S)  # so long the hub shares what a system said before it fell ill
        parted.ask_once(hub, "hub", 1, made)
    assert (len(made.waits), made.marked, made.whole) == (1, 1, 1)


def test_an_answer_is_marked_where_it_says_of_both_that_they_are_silent() -> None:
    errors = [{"path": [letter]} for letter in (parted.DEAD, parted.SLOW)]
    assert parted.is_marked("gateway", {"errors": errors})
    assert not parted.is_marked("gateway", {"errors": errors[:1]})
    sources = [
        {"id": f"system-{letter}", "status": "TIMEOUT"} for letter in (parted.DEAD, parted.SLOW)
    ]
    assert parted.is_marked("hub", {"extensions": {"sources": sources}})
    sources[0]["status"] = "OK"
    assert not parted.is_marked("hub", {"extensions": {"sources": sources}})

"""Clients that follow the change feed while their own institution is linked to another key."""

from __future__ import annotations

import pytest

from hub.store.database import Database
from hub.store.sources import register_source
from tests.integration.exchange import conftest as feed
from tests.integration.exchange.conftest import Mirror
from tests.integration.identity.conftest import key_of, link

pytestmark = pytest.mark.integration
A, B, C = feed.A, feed.B, feed.C


async def test_a_mirror_equals_what_its_client_reads_before_while_and_after_a_link(
    database: Database,
) -> None:
    await feed.register(database)
    await register_source(database, "op", "op", mode="HARVEST", now=feed.NOW, owners=["operator"])
    hub = feed.Hub(database)
    await hub.put(feed.instrument(A, "T1"), feed.usage(A, "1", None), source="a1")
    await hub.put(feed.instrument(B, "T1", annualHours=7), feed.usage(B, "2", A), source="b1")
    await hub.put(feed.usage(B, "3", None), feed.agreement(B, C), source="b1")
    mirrors = [Mirror(feed.caller(party)) for party in (A, B, C, None)]
    joined = link(A, B)
    seen = []
    for said in (None, joined, key_of(joined)):
        if said is not None and isinstance(said[1], dict):
            await hub.put((said[0], said[1]), source="op")
        elif said is not None:
            await hub.withdraw("Link", str(said[1]), "op")
        for mirror in mirrors:
            await mirror.follow(hub)
        hub.wait(feed.SETTLED)
        for mirror in mirrors:
            await mirror.follow(hub)
            assert await mirror.is_right(hub)
        seen.append([len(mirror.items) for mirror in mirrors])
    assert seen[0] == seen[2] != seen[1]

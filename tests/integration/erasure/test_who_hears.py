"""Followers of the change feed, and receipts, after an erasure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.access.agreements import Agreements
from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.erasure.finding import Wanted
from hub.erasure.service import Erasing
from hub.exchange.limits import SETTLED_S
from hub.exchange.page import ChangesRequest
from hub.exchange.service import ChangeFeed
from hub.store.database import Database
from tests.integration.erasure.conftest import (
    NAME,
    NOW,
    ORDER,
    OTHER,
    UNIVERSITY,
    Send,
    instrument,
    usage,
    withdrawal,
)

pytestmark = pytest.mark.integration
KEY = f"{UNIVERSITY}/A1"
STRANGER, AGREED = "moe:10284", "moe:10358"
SCOPES = frozenset({"catalogue:read", "changes:read", "asset:read", "service:read"})


def caller(party: str, *sources: str) -> Caller:
    return Caller(party, party, ClientKind.PARTNER, SCOPES, frozenset(sources))


class Follower:
    """A client that reads the feed from where it stopped, waiting where it is told to."""

    def __init__(self, database: Database, party: str, **asked: Any) -> None:
        self._at = NOW + timedelta(days=400)
        agreements = Agreements(database, lambda: self._at)
        self._feed = ChangeFeed(database, agreements, lambda: self._at)
        self._asked = {"caller": caller(party), **asked}
        self._cursor: str | None = None
        self.resync: set[str] = set()

    async def hears(self) -> list[tuple[str, str, bool]]:
        heard = []
        for _ in range(20):
            page = await self._feed.page(ChangesRequest(after=self._cursor, **self._asked))
            self._cursor = page.end_cursor
            self.resync |= set(page.resync)
            heard += [(c.kind.value, c.record_type, c.header is not None) for c in page.changes]
            if not page.has_more:
                return heard
            self._at += timedelta(seconds=SETTLED_S + 1)
        raise AssertionError("the feed does not end")


async def test_who_follows_a_public_record_is_told_to_drop_it(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME))
    stranger, owner = Follower(database, STRANGER), Follower(database, UNIVERSITY)
    late = Follower(database, STRANGER)
    assert await stranger.hears() == [("CHANGED", "Instrument", True)]
    await owner.hears()
    await erasing.erase(Wanted(record_type="Instrument", key=KEY), **ORDER)
    assert await stranger.hears() == [("REMOVED", "Instrument", False)]
    assert sorted(await owner.hears()) == [
        ("CHANGED", "Erasure", True),
        ("REMOVED", "Instrument", True),
    ]
    assert {kind for kind, *_ in await late.hears()} <= {"REMOVED"}


async def test_who_asks_for_one_type_or_one_owner_hears_of_it_too(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME), instrument("A2"))
    followers = [
        Follower(database, STRANGER, types=frozenset({"Instrument"})),
        Follower(database, STRANGER, owner=UNIVERSITY),
        Follower(database, STRANGER, first=1),
    ]
    other = Follower(database, STRANGER, types=frozenset({"Centre"}))
    for each in [*followers, other]:
        await each.hears()
    await erasing.erase(Wanted(record_type="Instrument", key=KEY), **ORDER)
    for each in followers:
        assert await each.hears() == [("REMOVED", "Instrument", False)]
    assert await other.hears() == []


async def test_an_instrument_that_another_source_still_states_is_read_again(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument(contact=NAME))
    await send(instrument(model="P"), source="platform")
    stranger = Follower(database, STRANGER)
    await stranger.hears()
    await erasing.erase(Wanted(record_type="Instrument", key=KEY, source="zju"), **ORDER)
    assert await stranger.hears() == [("CHANGED", "Instrument", True)]


async def test_a_restricted_record_is_dropped_by_who_could_read_it_and_by_nobody_else_heard_of(
    database: Database, send: Send, erasing: Erasing
) -> None:
    grant = {"providerKey": UNIVERSITY, "consumerKey": AGREED, "dataset": "SERVICE"}
    await send({"type": "Agreement", "record": grant}, usage(userReference=NAME))
    parties = (OTHER, AGREED, STRANGER)
    named, agreed, stranger = (Follower(database, party) for party in parties)
    assert ("CHANGED", "UsageRecord", True) in await named.hears()
    assert ("CHANGED", "UsageRecord", True) in await agreed.hears()
    assert await stranger.hears() == []
    await erasing.erase(Wanted(record_type="UsageRecord", key=f"{KEY}/U1"), **ORDER)
    assert await named.hears() == [("REMOVED", "UsageRecord", False)]
    assert await agreed.hears() == [("REMOVED", "UsageRecord", False)]
    assert await stranger.hears() == []


async def test_who_had_not_read_that_an_agreement_ended_hears_it_by_its_erasure(
    database: Database, send: Send, erasing: Erasing
) -> None:
    grant = {"providerKey": UNIVERSITY, "consumerKey": AGREED, "dataset": "SERVICE"}
    await send({"type": "Agreement", "record": {**grant, "purpose": NAME}})
    consumer = Follower(database, AGREED)
    await consumer.hears()
    assert consumer.resync == {UNIVERSITY}
    consumer.resync.clear()
    key = "/".join(grant.values())
    await send(withdrawal("Agreement", key))
    await erasing.erase(Wanted(record_type="Agreement", key=key), **ORDER)
    await consumer.hears()
    assert consumer.resync == {UNIVERSITY}

"""What a follower is told where several sources speak of one item."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.exchange.limits import OVERLAP_MAX
from schema.codes import SourceKind
from tests.integration.exchange.conftest import (
    PEER,
    PLATFORM,
    A,
    C,
    Hub,
    Mirror,
    U,
    V,
    caller,
    instrument,
    register_as,
    system,
    usage,
)

pytestmark = pytest.mark.integration

KEY = f"{A}/T1/1"
LONG_S = OVERLAP_MAX.total_seconds() + 1
"""After that long nothing overlaps with what was before."""


async def told(hub: Hub, who: str | None, after: str | None = None) -> tuple[list[Any], str]:
    found, page = await hub.all(caller(who), after=after)
    assert page["resync"] == []
    return [(each["kind"], each["id"]) for each in found], page["endCursor"]


async def say(hub: Hub, user: str | None, source: str, hours: str = "4.0") -> None:
    authority = system(A) if source == PEER else None
    await hub.put(usage(A, "1", user, hours=hours), source=source, authority=authority)


async def unsay(hub: Hub, source: str) -> None:
    await hub.withdraw("UsageRecord", KEY, source, system(A) if source == PEER else None)


async def test_the_first_of_two_claims_that_goes_is_a_change_and_the_last_a_removal(
    hub: Hub,
) -> None:
    await hub.put(instrument(A, "T1"), source="a1")
    await hub.put(instrument(A, "T1", annualHours=2), source="a2")
    # each is an entry, and both are about what stands now
    [(_, one), (_, other)], cursor = await told(hub, U)
    assert one == other
    await hub.withdraw("Instrument", f"{A}/T1", "a2")
    found, cursor = await told(hub, U, cursor)
    assert found == [("CHANGED", one)]
    await hub.withdraw("Instrument", f"{A}/T1", "a1")
    found, cursor = await told(hub, U, cursor)
    assert found == [("REMOVED", one)]
    await hub.put(instrument(A, "T1"), source="a2")
    assert (await told(hub, U, cursor))[0] == [("CHANGED", one)]


@pytest.mark.parametrize("gone", ["a1", PEER])
async def test_of_two_claims_of_what_not_everybody_sees_either_may_go_first(
    hub: Hub, gone: str
) -> None:
    await say(hub, U, "a1")
    await say(hub, U, PEER)
    found, cursor = await told(hub, U)
    (item,) = {each for _, each in found}
    await unsay(hub, gone)
    found, cursor = await told(hub, U, cursor)
    assert found == [("CHANGED", item)]
    await unsay(hub, PEER if gone == "a1" else "a1")
    found, cursor = await told(hub, U, cursor)
    assert found == [("REMOVED", item)]
    assert (await told(hub, V))[0] == []


async def test_what_a_platform_says_behind_the_owner_is_told_of_as_a_change_of_the_same_item(
    hub: Hub,
) -> None:
    await hub.put(instrument(A, "T1"), source="a1")
    [(_, item)], cursor = await told(hub, None)
    await hub.put(instrument(A, "T1", annualHours=2), source=PLATFORM)
    ((change,), _) = await hub.all(caller(None), after=cursor)
    assert (change["kind"], change["id"], change["key"]) == ("CHANGED", item, f"{A}/T1")
    assert (change["source"], change["revision"]) == ("a1", 1)  # who leads what is read


async def test_the_same_number_of_another_system_is_another_item(hub: Hub) -> None:
    await say(hub, U, "a1")
    await hub.put(usage(A, "1", U), source=PLATFORM)
    found, cursor = await told(hub, U)
    assert len({item for _, item in found}) == 2
    await unsay(hub, "a1")
    found, _ = await told(hub, U, cursor)
    assert [kind for kind, _ in found] == ["REMOVED"]


async def test_who_is_named_only_by_what_does_not_speak_is_told_nothing_until_it_does(
    hub: Hub,
) -> None:
    mirror = Mirror(caller(V))
    await say(hub, U, "a1")
    hub.wait(LONG_S)
    await say(hub, V, PEER)
    assert (await told(hub, V))[0] == []
    _, cursor = await told(hub, V)
    for hours in ("1.0", "2.0", "3.0"):  # nor how often it changes, whoever says so
        await say(hub, U, "a1", hours)
        await say(hub, V, PEER, hours)
        found, cursor = await told(hub, V, cursor)
        assert found == []
        assert (await told(hub, V))[0] == []
    await mirror.follow(hub)
    assert mirror.items == {}
    await unsay(hub, "a1")
    [(kind, item)], cursor = await told(hub, V, cursor)
    assert kind == "CHANGED"
    await mirror.follow(hub)
    assert mirror.items.keys() == {item}
    assert await mirror.is_right(hub)
    await say(hub, U, "a1")
    found, cursor = await told(hub, V, cursor)
    assert found == [("REMOVED", item)]
    await mirror.follow(hub)
    assert mirror.items == {}
    await say(hub, U, "a1", "1.0")
    found, cursor = await told(hub, V, cursor)
    assert found == []


async def test_whom_the_speaking_claim_names_anew_hides_the_item_from_whom_it_named(
    hub: Hub,
) -> None:
    await say(hub, V, PEER)
    await say(hub, V, "a1")
    found, cursor = await told(hub, V)
    (item,) = {each for _, each in found}
    await say(hub, U, "a1")
    assert (await told(hub, V, cursor))[0] == [("REMOVED", item)]
    _, cursor = await told(hub, V, cursor)
    await say(hub, None, "a1")
    assert (await told(hub, V, cursor))[0] == []


async def test_who_sent_a_claim_that_is_gone_while_another_stands_learns_nothing_of_that_one(
    hub: Hub,
) -> None:
    await say(hub, U, "a1")
    await say(hub, U, PEER)
    sender = caller(V, sources=[PEER])
    _, page = await hub.all(sender)
    await unsay(hub, PEER)
    assert (await hub.all(sender, after=page["endCursor"]))[0] == []


async def test_a_source_that_is_registered_for_others_sends_followers_back_to_the_start(
    hub: Hub,
) -> None:
    mirror = Mirror(caller(V))
    await say(hub, U, "a1")
    await hub.put(usage(A, "1", V), source=PEER, authority=system(A))
    await mirror.follow(hub)
    assert mirror.items == {}
    cursor = mirror.cursor
    await register_as(hub.database, "a1", [A])  # says nothing new
    assert (await hub.page(mirror.who, after=cursor))["nodes"] == []
    await register_as(hub.database, "a1", [C], kind=SourceKind.OWN)
    assert await hub.refused(mirror.who, after=cursor) == "CURSOR_RESET"
    await mirror.follow(hub)
    assert (mirror.resets, len(mirror.items)) == (1, 1)
    assert await mirror.is_right(hub)


async def test_a_hub_hears_nothing_of_hearsay_and_that_what_was_stated_here_no_longer_is(
    hub: Hub,
) -> None:
    other = replace(caller(U), kind=ClientKind.PEER)
    await hub.put(instrument(A, "T1"), source="a1")
    await hub.put(instrument(A, "T1"), instrument(A, "T2"), source=PEER)
    found, page = await hub.all(other)
    (one,) = {(each["kind"], each["id"]) for each in found}
    assert one[0] == "CHANGED", "T1 is stated here, T2 is hearsay"
    assert len((await hub.all(caller(U)))[0]) == 3
    await hub.withdraw("Instrument", f"{A}/T1", "a1")
    found, _ = await hub.all(other, after=page["endCursor"])
    assert [(each["kind"], each["id"]) for each in found] == [("REMOVED", one[1])]

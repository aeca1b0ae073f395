"""A customs office that follows the feed is told what it may see, from when and for how long."""

from __future__ import annotations

import os
import random
from datetime import date, timedelta
from typing import Any

import pytest

from hub.policy.working_days import years_after
from schema.dates import local_date
from tests.integration.exchange.conftest import (
    NOW,
    PLATFORM,
    SCOPES,
    SETTLED,
    A,
    B,
    Hub,
    Mirror,
    U,
    V,
    caller,
    instrument,
)

pytestmark = pytest.mark.integration
OFFICE = caller(V, SCOPES | {"customs:read"})
TODAY = local_date(NOW)
DECLARATION = "290020240000000001"


def supervision(owner: str, **more: Any) -> tuple[str, dict[str, Any]]:
    made = {
        "declarationNo": DECLARATION,
        "itemNo": "01",
        "instrumentKey": f"{owner}/T1",
        "customsKey": V,
        "goodsKind": "OTHER",
        "releasedOn": "2024-06-01",
        **more,
    }
    return "CustomsSupervision", made


def service(owner: str, number: str, **more: Any) -> tuple[str, dict[str, Any]]:
    made = {
        "instrumentKey": f"{owner}/T1",
        "localId": number,
        "startedAt": "2026-11-02T01:00:00Z",
        "purpose": "RESEARCH",
        "collectionMethod": "BOOKING_SYSTEM",
        "userKey": U,
        "userSide": "OUTSIDE",
        **more,
    }
    return "ServiceRecord", made


@pytest.fixture
async def filled(hub: Hub) -> Hub:
    for owner, source in ((A, "a1"), (B, "b1")):
        await hub.put(instrument(owner, "T1"), service(owner, "1"), source=source)
    return hub


async def told(hub: Hub, after: str | None) -> tuple[list[tuple[str, str]], list[str], str]:
    """Return kind and type of what is not public, the owners to read again, and the cursor."""
    found, page = await hub.all(OFFICE, after=after)
    changes = [
        (each["kind"], each["recordType"])
        for each in found
        if each["recordType"] in ("ServiceRecord", "CustomsSupervision")
    ]
    return changes, page["resync"], page["endCursor"]


async def seen(hub: Hub) -> list[str]:
    hub.wait(SETTLED)
    answer = await hub.ask(OFFICE, "{ serviceRecords(first: 50) { nodes { key } } }")
    return sorted(each["key"] for each in answer["data"]["serviceRecords"]["nodes"])


async def test_a_supervision_sends_its_office_to_the_owner_when_it_begins_and_when_it_ends(
    filled: Hub,
) -> None:
    _, _, cursor = await told(filled, None)
    assert await seen(filled) == []
    await filled.put(supervision(A), source="a1")
    changes, resync, cursor = await told(filled, cursor)
    assert (changes, resync) == ([("CHANGED", "CustomsSupervision")], [A])
    assert await seen(filled) == [f"{A}/T1/1"]
    await filled.put(supervision(A, settledOn=TODAY.isoformat()), source="a1")
    changes, resync, cursor = await told(filled, cursor)
    assert (changes, resync) == ([], [A]), "reading the owner again leaves nothing of it"
    assert await seen(filled) == []
    assert (await told(filled, cursor))[:2] == ([], [])


async def test_a_term_that_ends_by_itself_sends_the_office_to_the_owner(filled: Hub) -> None:
    released = years_after(TODAY, -3)
    await filled.put(supervision(A, releasedOn=released.isoformat()), source="a1")
    assert await seen(filled) == [f"{A}/T1/1"], "the anniversary is the last day"
    _, _, cursor = await told(filled, None)
    filled.wait(timedelta(days=1).total_seconds())
    assert (await told(filled, cursor))[1] == [A]
    assert await seen(filled) == []


async def test_a_service_that_turns_out_to_be_an_inside_one_is_dropped(filled: Hub) -> None:
    await filled.put(supervision(A), source="a1")
    filled.wait(SETTLED)
    _, _, cursor = await told(filled, None)
    await filled.put(service(A, "1", userSide="INSIDE"), service(A, "2"), source="a1")
    changes, resync, cursor = await told(filled, cursor)
    assert sorted(changes) == [("CHANGED", "ServiceRecord"), ("REMOVED", "ServiceRecord")]
    assert resync == []
    await filled.put(service(A, "1", userSide="INSIDE", hours="2.0"), source="a1")
    assert (await told(filled, cursor))[0] == [], "nothing of what it may not see any more"


async def test_a_platform_opens_nothing_by_what_it_says_of_a_supervision(filled: Hub) -> None:
    _, _, cursor = await told(filled, None)
    await filled.put(supervision(A), source=PLATFORM)
    changes, _, _ = await told(filled, cursor)
    assert changes == []
    assert await seen(filled) == []


async def test_a_service_before_the_release_is_not_in_term(filled: Hub) -> None:
    day = date(2026, 11, 3)  # the service began on the 2nd
    await filled.put(supervision(A, releasedOn=day.isoformat()), source="a1")
    assert await seen(filled) == []


FOLLOWED = ["CustomsSupervision", "ServiceRecord"]
STEPS = 40
HISTORIES = int(os.environ.get("HUB_OFFICE_HISTORIES", "1"))
"""Of these, `tests.suites` runs more."""
RELEASES = [years_after(TODAY, -3) + timedelta(days=days) for days in (0, 2, 400, 700)]


async def happen(hub: Hub, chance: random.Random) -> None:
    """Let something happen to what an office supervises."""
    owner, source = chance.choice([(A, "a1"), (A, "a2"), (B, "b1")])
    supervised = supervision(
        owner,
        customsKey=chance.choice([V, V, U]),
        releasedOn=chance.choice(RELEASES).isoformat(),
        declarationNo=f"29002024000000000{1 + (owner == B)}",
        **chance.choice([{}, {}, {"settledOn": (TODAY + timedelta(days=1)).isoformat()}]),
    )
    served = service(
        owner,
        chance.choice(["1", "2"]),
        userSide=chance.choice(["OUTSIDE", "OUTSIDE", "INSIDE"]),
        startedAt=f"{chance.choice([2023, 2025, 2026])}-11-02T01:00:00Z",
        content=str(chance.random()),
    )
    what = chance.randrange(8)
    if what <= 1:
        await hub.put(supervised, source=source)
    elif what == 2:
        await hub.put(supervised, source=PLATFORM)
    elif what <= 4:
        await hub.put(served, source=source)
    elif what == 5:
        key = f"{supervised[1]['declarationNo']}/01"
        await hub.withdraw("CustomsSupervision", key, source, may_fail=True)
    elif what == 6:
        await hub.withdraw("ServiceRecord", f"{owner}/T1/1", source, may_fail=True)
    else:
        hub.wait(timedelta(hours=20).total_seconds())


@pytest.mark.parametrize("seed", range(1, 1 + HISTORIES))
async def test_a_mirror_of_an_office_equals_what_it_may_read_whatever_happens(
    filled: Hub, seed: int
) -> None:
    chance = random.Random(seed)
    mirror = Mirror(OFFICE, FOLLOWED)
    sizes = set()
    for _ in range(STEPS):
        await happen(filled, chance)
        if chance.random() < 0.5:
            await mirror.follow(filled)
            filled.wait(SETTLED)
            await mirror.follow(filled)
            assert await mirror.is_right(filled)
            sizes.add(len(mirror.items))
    assert seed > 1 or (len(sizes) > 1 and max(sizes) > 0), "the first history shows something"

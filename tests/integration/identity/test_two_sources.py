"""What is shown where the owner's own system and platforms speak of one thing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.intake.batch import Outcome
from hub.store.sources import register_source
from tests.integration.identity.conftest import (
    NOW,
    A,
    B,
    Hub,
    centre,
    coverage,
    hours,
    institution,
    instrument,
    occupancy,
    offer,
)

pytestmark = pytest.mark.integration
KEY = f"{A}/1"
ALL = """{ instruments(first: 9) { totalCount nodes { id key localNo name { zh } model manufacturer
  provenance { source owner asOf items { item source } claims { source kind key leads revision } }
  offers { code price { amount } provenance { source } }
  openingHours { weekday periods { opens } provenance { source } }
  coverage { startAt provenance { source } }
  occupancies { totalCount nodes { localId provenance { source authority } } }
  centre { code provenance { source } } } } }"""
PLAN = """{ instrument(by: { key: "moe:10335/1" }) {
  availability(from: "2026-11-24T16:00:00Z", until: "2026-11-25T16:00:00Z") {
    status free { from until } sources }
  priceEstimate(audience: OUTSIDE, hours: 1) { status amount { amount } source } } }"""


async def only(hub: Hub) -> Any:
    """Return the one instrument that there is."""
    found = (await hub.ask(ALL))["instruments"]
    assert found["totalCount"] == len(found["nodes"])
    (node,) = found["nodes"]
    return node


async def none(hub: Hub) -> bool:
    return bool((await hub.ask(ALL))["instruments"] == {"totalCount": 0, "nodes": []})


async def test_two_sources_of_one_key_are_one_node_with_two_claims(hub: Hub) -> None:
    (own,) = await hub.say("a", instrument(A))
    (passed_on,) = await hub.say("p", instrument(A, model="JEM"))
    assert own.item_id == passed_on.item_id
    assert own.entry_id != passed_on.entry_id
    node = await only(hub)
    assert node["id"] == own.item_id
    assert [(each["source"], each["kind"], each["leads"]) for each in claims(node)] == [
        ("a", "OWN", True),
        ("p", "PLATFORM", False),
    ]
    assert await hub.rows("SELECT count(*) FROM instrument_source") == [(2,)]
    await hub.assert_right()


def claims(node: Any) -> list[Any]:
    return list(node["provenance"]["claims"])


@pytest.mark.parametrize("first", ["a", "p"])
async def test_what_hangs_on_it_is_there_once_where_keys_are_shared(hub: Hub, first: str) -> None:
    second = "p" if first == "a" else "a"
    said = [instrument(A, centreCode="C1"), centre(A), offer(KEY), hours(KEY), institution(A)]
    for source in (first, second):
        await hub.say(source, *said, occupancy(KEY, source), coverage(KEY))
    node = await only(hub)
    assert [each["provenance"]["source"] for each in node["offers"]] == ["a"]
    assert [each["provenance"]["source"] for each in node["openingHours"]] == ["a"]
    assert node["centre"] == {"code": "C1", "provenance": {"source": "a"}}
    numbered = {each["localId"]: each["provenance"] for each in node["occupancies"]["nodes"]}
    assert node["occupancies"]["totalCount"] == 2
    assert numbered == {
        "a": {"source": "a", "authority": f"{A}/a"},
        "p": {"source": "p", "authority": f"{B}/platform-p"},
    }
    lists = await hub.ask(
        "{ institutions { totalCount } centres { totalCount } serviceOffers { totalCount } }"
    )
    assert [each["totalCount"] for each in lists.values()] == [1, 1, 1]
    await hub.assert_right()


@pytest.mark.parametrize("is_later", [True, False])
async def test_the_own_system_wins_whatever_is_newer_or_better_signed(
    hub: Hub, is_later: bool
) -> None:
    own = {"as_of": NOW - timedelta(days=400)}
    other = {"as_of": NOW + timedelta(days=1), "signed_by": B}
    said = [
        ("a", instrument(A, model="own"), own),
        ("p", instrument(A, model="platform"), other),
        ("d", instrument(A, model="delegate"), other),
    ]
    for source, record, more in said if is_later else reversed(said):
        await hub.say(source, record, **more)
    node = await only(hub)
    assert node["model"] == "own"
    assert {each["source"]: each["kind"] for each in claims(node)} == {
        "a": "OWN",
        "d": "DELEGATE",
        "p": "PLATFORM",
    }
    await hub.say("a", ("Instrument", KEY))
    assert (await only(hub))["model"] == "delegate"
    await hub.assert_right()


async def test_among_platforms_assurance_comes_before_age(hub: Hub) -> None:
    await hub.say("p", instrument(A, model="signed"), as_of=NOW, signed_by=B)
    await hub.say("q", instrument(A, model="seen"), as_of=NOW + timedelta(days=9))
    assert (await only(hub))["model"] == "signed"
    await hub.say("q", instrument(A, model="both"), as_of=NOW + timedelta(days=9), signed_by=B)
    assert (await only(hub))["model"] == "both"
    await hub.assert_right()


async def test_an_item_that_only_the_platform_states_is_filled_and_named(hub: Hub) -> None:
    await hub.say("p", instrument(A, model="platform", manufacturer="JEOL"))
    await hub.say("a", instrument(A, model="own"))
    node = await only(hub)
    assert (node["model"], node["manufacturer"]) == ("own", "JEOL")
    assert node["provenance"]["source"] == "a"
    assert node["provenance"]["items"] == [{"item": "manufacturer", "source": "p"}]
    await hub.say("a", instrument(A, model="own", manufacturer="日本电子"))
    node = await only(hub)
    assert (node["manufacturer"], node["provenance"]["items"]) == ("日本电子", [])
    await hub.assert_right()


async def test_withdrawing_the_own_claim_shows_the_platform_s_then_nothing(hub: Hub) -> None:
    await hub.say("a", instrument(A, model="own"), offer(KEY, price="1.00"), hours(KEY))
    await hub.say(
        "p", instrument(A, model="p"), offer(KEY, price="2.00"), hours(KEY, opens="09:00")
    )
    first = await only(hub)
    assert first["offers"][0]["price"] == {"amount": "1.00"}
    gone = (
        ("Instrument", KEY),
        ("ServiceOffer", f"{KEY}/S1"),
        ("OpeningHours", f"{KEY}/WEDNESDAY"),
    )
    await hub.say("a", *gone)
    node = await only(hub)
    assert (node["id"], node["model"]) == (first["id"], "p")
    assert [each["source"] for each in claims(node)] == ["p"]
    assert node["offers"] == [
        {"code": "S1", "price": {"amount": "2.00"}, "provenance": {"source": "p"}}
    ]
    assert [each["periods"] for each in node["openingHours"]] == [[{"opens": "09:00"}]]
    await hub.assert_right()
    await hub.say("p", *gone)
    assert await none(hub)
    await hub.assert_right()
    (back,) = await hub.say("p", instrument(A, model="again"))
    node = await only(hub)
    assert back.outcome is Outcome.ACCEPTED
    assert (node["id"], node["model"], back.revision) == (first["id"], "again", 3)
    await hub.say("a", instrument(A, model="own again"))
    assert (await only(hub))["model"] == "own again"
    await hub.assert_right()


async def test_one_source_leads_what_is_read_together(hub: Hub) -> None:
    """The platform knows more days, another price and wider coverage: none of it is mixed in."""
    await hub.say("a", instrument(A), hours(KEY), coverage(KEY), offer(KEY, price="100.00"))
    await hub.say(
        "p",
        hours(KEY, opens="00:00"),
        hours(KEY, "THURSDAY"),
        coverage(KEY, "2026-01-01T00:00:00Z"),
        offer(KEY, "CHEAP", price="1.00"),
        occupancy(KEY),
    )
    found = (await hub.ask(PLAN))["instrument"]
    assert found["availability"] == {
        "status": "PARTLY",
        "free": [
            {"from": "2026-11-25T00:00:00Z", "until": "2026-11-25T02:00:00Z"},
            {"from": "2026-11-25T03:00:00Z", "until": "2026-11-25T10:00:00Z"},
        ],
        "sources": ["a", "p"],
    }
    assert found["priceEstimate"] == {
        "status": "OK",
        "amount": {"amount": "100.00"},
        "source": "a",
    }
    await hub.assert_right()
    gone = (
        ("OpeningHours", f"{KEY}/WEDNESDAY"),
        ("OccupancyCoverage", f"{KEY}/2026-11-24T16:00:00Z"),
        ("ServiceOffer", f"{KEY}/S1"),
    )
    await hub.say("a", *gone)
    found = (await hub.ask(PLAN))["instrument"]
    assert found["availability"]["free"][0]["from"] == "2026-11-24T16:00:00Z"
    assert found["priceEstimate"]["source"] == "p"
    await hub.assert_right()


async def test_a_source_that_is_registered_otherwise_is_believed_otherwise(hub: Hub) -> None:
    await hub.say("p", instrument(A, model="p"), hours(KEY, opens="09:00"))
    await hub.say("d", instrument(A, model="d"), hours(KEY))
    assert (await only(hub))["model"] == "d"

    async def again(owners: list[str] | None, source: str = "d", **more: Any) -> None:
        await register_source(
            hub.database, source, source, mode="HARVEST", now=NOW, owners=owners, **more
        )

    await again([B])
    node = await only(hub)
    assert (node["model"], node["openingHours"][0]["provenance"]["source"]) == ("p", "p")
    await hub.assert_right()
    await again([A])
    assert (await only(hub))["model"] == "d"
    await hub.assert_right()


async def test_the_same_key_in_two_systems_names_two_things_where_it_is_a_local_number(
    hub: Hub,
) -> None:
    await hub.say("a", instrument(A))
    (one,) = await hub.say("a", occupancy(KEY))
    (other,) = await hub.say("p", occupancy(KEY))
    assert one.item_id != other.item_id
    assert (await hub.ask("{ occupancies { totalCount } }"))["occupancies"]["totalCount"] == 2
    await hub.assert_right()


async def test_a_batch_with_several_revisions_of_one_key_settles_by_the_last(hub: Hub) -> None:
    await hub.say("p", instrument(A, model="p", manufacturer="JEOL"))
    await hub.say(
        "a",
        instrument(A, model="one"),
        ("Instrument", KEY),
        instrument(A, model="two"),
        instrument(A, "2"),
        ("Instrument", f"{A}/2"),
    )
    node = await only(hub)
    assert (node["model"], node["manufacturer"]) == ("two", "JEOL")
    await hub.assert_right()

"""Two keys that name one thing: what is shown while a link stands, and after it is taken back."""

from __future__ import annotations

from typing import Any

import pytest

from hub.intake.batch import Outcome
from hub.store.view import names_now
from tests.integration.identity.conftest import (
    A,
    B,
    C,
    Hub,
    Said,
    U,
    agreement,
    centre,
    coverage,
    hours,
    institution,
    instrument,
    key_of,
    link,
    occupancy,
    offer,
    raw,
    service,
    usage,
)
from tests.integration.identity.documents import (
    CALLERS,
    INSTITUTION,
    LISTS,
    ONE,
    answers,
    ids,
)

pytestmark = pytest.mark.integration
OPERATOR = [("op", link(A, U))]
OWNERS = [("a", link(A, U, stated_by=A)), ("u", link(A, U, stated_by=U))]
DAY = "2026-11-25T00:00:00Z"


async def fill(hub: Hub) -> None:
    """Say something of every type under both keys, with and without shared numbers."""
    a1, u1, b1 = f"{A}/1", f"{U}/1", f"{B}/1"
    await hub.say(
        "a",
        *(institution(A, departmentName="教育部"), centre(A), centre(A, "C2", operatorKey=U)),
        *(instrument(A, "1", model="A1", centreCode="C2", serialNo="7"), instrument(A, "2")),
        *(offer(a1, price="10.00"), hours(a1), coverage(a1), occupancy(a1), usage(a1, userKey=B)),
        *(service(a1), agreement(A, B), occupancy(f"{A}/2", "o2")),
    )
    await hub.say(
        "u",
        *(institution(U), centre(U), instrument(U, "1"), instrument(U, "3")),
        *(offer(u1, "S2", "20.00"), hours(u1, "THURSDAY"), occupancy(u1, "o9", 4)),
        *(usage(u1, "u9", userKey=C), service(u1, "s9", userKey=B), ("Instrument", f"{U}/3")),
    )
    await hub.say("b", institution(B), instrument(B, "1"), usage(b1, "ub", userKey=A))
    await hub.say("b", agreement(B, A, fields=["hours"]), usage(b1, "uc"), occupancy(b1, "o1"))
    await hub.say("p", instrument(A, "1", manufacturer="JEOL"), instrument(U, "2"), offer(a1))


async def state(hub: Hub, said: list[tuple[str, Said]]) -> None:
    for source, each in said:
        await hub.say(source, each)


async def take_back(hub: Hub, said: list[tuple[str, Said]]) -> None:
    for source, each in said:
        await hub.say(source, key_of(each))


async def names(hub: Hub) -> tuple[dict[str, str], dict[str, str]]:
    async with hub.database.reads.connection() as connection:
        found = await names_now(connection, hub.database.records)
    return dict(found.institutions), dict(found.owned.get("Instrument", {}))


async def total(hub: Hub, name: str, who: str = "nobody") -> int:
    found = (await hub.ask(LISTS[name], CALLERS[who]))[name]
    assert len({node["id"] for node in found["nodes"]}) == len(found["nodes"])
    assert found["totalCount"] == len(found["nodes"])
    return int(found["totalCount"])


@pytest.mark.parametrize("said", [OPERATOR, OWNERS], ids=["operator", "owners"])
async def test_taking_a_link_of_institutions_back_gives_the_same_bytes(
    hub: Hub, said: list[tuple[str, Said]]
) -> None:
    await fill(hub)
    wanted = await ids(hub)
    before, rows = await answers(hub, wanted), await hub.tables()
    await state(hub, said)
    linked = await answers(hub, wanted)
    assert sum(linked[each] != before[each] for each in before) > len(before) / 2
    await hub.assert_right()
    assert await answers(hub, wanted) == linked
    await take_back(hub, said)
    after = await answers(hub, wanted)
    for each, body in before.items():
        assert after[each] == body, each
    now = await hub.tables()
    for name in rows.keys() - {"link_source"}:
        assert now[name] == rows[name], name
    await hub.assert_right()


async def test_linked_institutions_are_one_with_what_both_have(hub: Hub) -> None:
    await fill(hub)
    assert await total(hub, "institutions") == 3
    assert await total(hub, "instruments") == 5
    assert await total(hub, "centres") == 3
    await state(hub, OPERATOR)
    assert await names(hub) == ({A: U}, {})
    assert await total(hub, "institutions") == 2
    assert await total(hub, "instruments") == 3
    node = (await hub.ask(INSTITUTION, key=U))["institution"]
    assert (node["centres"], node["instruments"]) == ({"totalCount": 2}, {"totalCount": 2})
    assert (await hub.ask(INSTITUTION, key=A))["institution"] is None
    one = (await hub.ask(ONE, CALLERS["A"], key=f"{U}/1"))["instrument"]
    assert {each["code"] for each in one["offers"]} == {"S1", "S2"}
    assert {each["weekday"] for each in one["openingHours"]} == {"WEDNESDAY", "THURSDAY"}
    assert {each["localId"] for each in one["occupancies"]["nodes"]} == {"o1", "o9"}
    assert {each["localId"] for each in one["usageRecords"]["nodes"]} == {"u1", "u9"}
    assert {each["localId"] for each in one["serviceRecords"]["nodes"]} == {"s1", "s9"}
    assert one["centre"] is not None
    listed = (await hub.ask(LISTS["instruments"], CALLERS["U"]))["instruments"]["nodes"]
    (merged,) = [each for each in listed if each["key"] == f"{U}/1"]
    claims = merged["provenance"]["claims"]
    assert {(each["source"], each["kind"], each["key"]) for each in claims} == {
        ("a", "OWN", f"{A}/1"),
        ("u", "OWN", f"{U}/1"),
        ("p", "PLATFORM", f"{A}/1"),
    }
    assert (merged["model"], merged["manufacturer"], merged["serialNo"]) == ("A1", "JEOL", "7")


async def test_what_covers_and_prices_an_instrument_counts_while_it_is_linked(hub: Hub) -> None:
    await hub.say("a", instrument(A), hours(f"{A}/1"), coverage(f"{A}/1"), offer(f"{A}/1"))
    await hub.say("u", institution(U))
    plan = ("availability", "priceEstimate")
    before = (await hub.ask(ONE, CALLERS["A"], key=f"{A}/1"))["instrument"]
    assert before["availability"]["free"] != []
    await state(hub, OPERATOR)
    linked = (await hub.ask(ONE, CALLERS["A"], key=f"{U}/1"))["instrument"]
    assert [linked[each] for each in plan] == [before[each] for each in plan]


async def test_ids_that_a_link_replaced_are_kept_while_it_stands(hub: Hub) -> None:
    await fill(hub)
    before = {*await ids(hub)}
    await state(hub, OPERATOR)
    after = {*await ids(hub)}
    former = dict(await hub.rows("SELECT item_id, now_id FROM former_id"))  # type: ignore[arg-type]
    assert before - after <= former.keys()
    assert {*former.values()} <= after
    assert former.keys().isdisjoint(after)
    await take_back(hub, OPERATOR)
    assert await hub.rows("SELECT * FROM former_id") == []


async def test_rows_and_agreements_follow_the_linked_owner(hub: Hub) -> None:
    """A client of either key sees what both have, and what was granted to either."""
    await fill(hub)
    assert await total(hub, "usageRecords", "A") == 3  # its own, one that names it, one granted
    assert await total(hub, "usageRecords", "U") == 1
    assert await total(hub, "usageRecords", "B") == 3
    await state(hub, OPERATOR)
    everything = await total(hub, "usageRecords", "A")
    assert everything == await total(hub, "usageRecords", "U") == 4
    assert await total(hub, "usageRecords", "B") == 4  # A granted it, so U did
    for who in ("A", "U"):
        found = (await hub.ask(LISTS["usageRecords"], CALLERS[who]))["usageRecords"]["nodes"]
        assert {each["localId"]: each["hours"] for each in found}["uc"] == "2.0"
        listed = (await hub.ask(LISTS["agreements"], CALLERS[who]))["agreements"]
        assert listed["totalCount"] == 2
        serial = (await hub.ask(LISTS["instruments"], CALLERS[who]))["instruments"]["nodes"]
        assert "7" in {each["serialNo"] for each in serial}
    assert await total(hub, "usageRecords", "nobody") == 0
    await take_back(hub, OPERATOR)
    assert await total(hub, "usageRecords", "U") == 1


async def test_what_is_said_while_a_link_stands_belongs_to_the_linked_thing(hub: Hub) -> None:
    (before,) = await hub.say("a", instrument(A, model="1"))
    (other,) = await hub.say("u", instrument(U))
    await state(hub, OPERATOR)
    (same,) = await hub.say("a", instrument(A, model="1"))
    (made,) = await hub.say("a", instrument(A, model="2"))
    assert (same.outcome, same.item_id) == (Outcome.DUPLICATE, other.item_id)
    assert made.item_id == other.item_id != before.item_id
    one = (await hub.ask(LISTS["instruments"]))["instruments"]
    assert [each["model"] for each in one["nodes"]] == ["2"]
    await hub.say("u", ("Instrument", f"{U}/1"))
    await hub.assert_right()
    await take_back(hub, OPERATOR)
    one = (await hub.ask(LISTS["instruments"]))["instruments"]
    assert [(each["id"], each["model"]) for each in one["nodes"]] == [(before.item_id, "2")]
    await hub.assert_right()


@pytest.mark.parametrize("first", [0, 1])
async def test_one_owner_alone_links_nothing(hub: Hub, first: int) -> None:
    await fill(hub)
    wanted = await ids(hub)
    before = await answers(hub, wanted)
    source, said = OWNERS[first]
    await hub.say(source, said)
    assert await names(hub) == ({}, {})
    unlinked = await answers(hub, wanted)
    assert {each for each in before if unlinked[each] != before[each]} == {
        (who, "links") for who in CALLERS
    }


async def test_nobody_states_a_link_for_another(hub: Hub) -> None:
    refused: dict[str, Any] = {}
    for source, said in (
        ("a", link(A, U, stated_by=U)),
        ("a", link(A, U)),
        ("p", link(A, U)),
        ("op", link(A, U, stated_by=A)),
        ("b", link(A, U, stated_by=B)),
    ):
        (row,) = await hub.try_to_say(source, raw(said))
        refused[f"{source} {row.key}"] = [each.code for each in row.problems]
    assert all(refused.values()), refused
    (row,) = await hub.try_to_say("op", raw(link(A, U)), signed_by=A)
    assert [each.code for each in row.problems] == ["ISSUER_MUST_VOUCH"]
    assert await names(hub) == ({}, {})


async def test_what_differs_is_kept_apart_whoever_says_so(hub: Hub) -> None:
    await hub.say("op", link(A, U))
    assert (await names(hub))[0] == {A: U}
    await hub.say("a", link(A, U, stated_by=A, relation="DIFFERS"))
    assert (await names(hub))[0] == {}
    await hub.say("a", key_of(link(A, U, stated_by=A)))
    assert (await names(hub))[0] == {A: U}
    await hub.say("op", link(A, U, relation="DIFFERS"))
    assert (await names(hub))[0] == {}


async def test_what_differs_is_kept_apart_though_a_third_would_join_it(hub: Hub) -> None:
    for key, source in ((A, "a"), (B, "b"), (C, "c")):
        await hub.say(source, institution(key))
    await hub.say("op", link(A, B), link(B, C))
    assert await total(hub, "institutions") == 1
    await hub.say("c", link(A, C, stated_by=C, relation="DIFFERS"))
    joined, _ = await names(hub)
    assert joined.get(A, A) != joined.get(C, C)
    assert await total(hub, "institutions") == 2
    await hub.assert_right()
    await hub.say("c", key_of(link(A, C, stated_by=C)))
    assert await total(hub, "institutions") == 1


async def test_a_dry_run_of_a_link_changes_nothing_now_or_later(hub: Hub) -> None:
    """Nor does it leave the names that it tried behind for links of which as many stand."""
    for key, source in ((A, "a"), (U, "u"), (B, "b"), (C, "c")):
        await hub.say(source, institution(key))
    await hub.say("op", link(A, U), link(B, C), link(A, B, relation="DIFFERS"))
    before = await hub.tables()
    gone, other = (key_of(each) for each in (link(A, U), link(B, C)))
    (tried,) = await hub.try_to_say("op", raw(gone), dry_run=True)
    assert tried.outcome is Outcome.WITHDRAWN
    assert await hub.tables() == before
    await hub.say("op", other)
    assert (await names(hub))[0] == {A: U}
    await hub.assert_right()

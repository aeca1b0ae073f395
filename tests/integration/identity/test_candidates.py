"""Pairs that may be one thing: what joins them, what waits for a person, what is decided."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.housekeeping import run_housekeeping
from hub.identity.likeness import Doubt, Pair
from hub.intake.linking import join_identified, link, unlink
from hub.store.candidates import find_pairs, sides_of
from hub.store.explaining import explain
from hub.store.sources import register_source
from schema.codes import LinkRelation, SystemPurpose
from tests.integration.identity.conftest import (
    HUB,
    NOW,
    A,
    B,
    Hub,
    Said,
    U,
    hours,
    institution,
    instrument,
)

pytestmark = pytest.mark.integration


def given(*identifiers: tuple[str, str]) -> dict[str, Any]:
    return {"identifiers": [{"scheme": scheme, "value": value} for scheme, value in identifiers]}


def plate(maker: str = "JEOL", model: str = "JEM-2100F", serial: str = "EM 17") -> dict[str, Any]:
    return {"manufacturer": maker, "model": model, "serialNo": serial}


async def pairs(hub: Hub) -> dict[tuple[str, str], Pair]:
    return {(each.first, each.second): each for each in await find_pairs(hub.database)}


async def only(hub: Hub) -> Pair:
    (found,) = (await pairs(hub)).values()
    return found


async def joined(hub: Hub) -> int:
    return await join_identified(hub.database, lambda: NOW, HUB)


async def shown(hub: Hub) -> list[str]:
    return [key for (key,) in await hub.rows("SELECT key FROM instrument ORDER BY key")]


INVENTORY = ("INVENTORY_NUMBER", "2019-0001")
LOCAL: list[tuple[str, Said, str, Said]] = [
    # asset cloud and university system: the number of the accounts
    (
        "p",
        instrument(A, "2019-0001"),
        "a",
        instrument(A, "EM1", **given(("资产编号", "2019-0001"))),
    ),
    # university and province: what the laboratory numbers, the province repeats
    ("a", instrument(A, "EM1"), "p", instrument(A, "P9", **given((f"{A}/a", "EM1")))),
    # province and national platform: the number of the latter
    (
        "p",
        instrument(A, "P9", **given(("NRII", "n17"))),
        "q",
        instrument(A, "Q1", **given(("nrii", "N17"))),
    ),
    # a persistent identifier, once as an address
    (
        "a",
        instrument(A, "EM1", **given(("HANDLE", "21.T11148/9a"))),
        "p",
        instrument(A, "P9", **given(("HANDLE", "https://hdl.handle.net/21.T11148/9A"))),
    ),
    ("a", instrument(A, "EM1", **given(INVENTORY)), "p", instrument(A, "P9", **given(INVENTORY))),
]


@pytest.mark.parametrize(("one", "said", "other", "too"), LOCAL)
async def test_instruments_of_one_institution_become_one_by_an_identifier(
    hub: Hub, one: str, said: Said, other: str, too: Said
) -> None:
    await hub.say(one, said)
    await hub.say(other, too)
    before = await hub.tables()
    found = await only(hub)
    assert found.is_certain, found
    assert await joined(hub) == 1
    assert len(await shown(hub)) == 1
    assert await pairs(hub) == {}
    await hub.assert_right()
    await unlink(
        hub.database, lambda: NOW, HUB, ("Instrument", found.first, found.second), "not so"
    )
    now = await hub.tables()
    assert {name for name in before if now[name] != before[name]} == {"link_source"}
    assert await joined(hub) == 0  # what a person has taken back stays so
    assert (await only(hub)).doubts == {Doubt.TAKEN_BACK}


async def test_a_running_hub_joins_them_by_itself(hub: Hub) -> None:
    stop = asyncio.Event()
    house = asyncio.create_task(
        run_housekeeping(hub.database, lambda: NOW, stop, party=HUB, pause_s=0.01)
    )
    try:
        await hub.say("a", instrument(A, "1", **given(("NRII", "7"))))
        await hub.say("p", instrument(A, "2", **given(("NRII", "7"))))
        async with asyncio.timeout(20):
            while len(await shown(hub)) > 1:
                await asyncio.sleep(0.02)
    finally:
        stop.set()
        await house


async def test_an_inventory_number_means_nothing_at_another_institution(hub: Hub) -> None:
    await hub.say("a", instrument(A, "1", **given(INVENTORY)))
    await hub.say("b", instrument(B, "2", **given(INVENTORY)), instrument(B, "2019-0001x"))
    assert await pairs(hub) == {}


DOUBTFUL: list[tuple[list[tuple[str, Said]], set[Doubt]]] = [
    (
        [
            ("a", instrument(A, "1", **given(("NRII", "7")))),
            ("b", instrument(B, "1", **given(("NRII", "7")))),
        ],
        {Doubt.OTHER_OWNER},
    ),
    (
        [
            ("p", instrument(A, "1", **given(("NRII", "7")))),
            ("p", instrument(A, "2", **given(("NRII", "7")))),
        ],
        {Doubt.ONE_SOURCE},
    ),
    (
        [
            ("a", instrument(A, "1", **given(("NRII", "7")), **plate())),
            ("p", instrument(A, "2", **given(("NRII", "7")), **plate(serial="EM 18"))),
        ],
        {Doubt.CONTRADICTION},
    ),
    (
        [
            ("a", instrument(A, "1", **given(("NRII", "7")), **plate(maker="日本电子"))),
            ("p", instrument(A, "2", **given(("NRII", "7")), **plate(maker="Bruker"))),
        ],
        {Doubt.CONTRADICTION},
    ),
    (
        [
            ("a", instrument(A, "1", **given(("NEMO", "7")))),
            ("p", instrument(A, "2", **given(("NEMO", "7")))),
        ],
        {Doubt.IDENTIFIER},
    ),
    (
        [
            ("a", instrument(A, "1", **plate())),
            ("p", instrument(A, "2", **plate("日本电子株式会社", "ｊｅｍ 2100f", "em-17"))),
        ],
        {Doubt.PLATE_ONLY},
    ),
    (
        [
            ("a", institution(A, identifiers=[{"scheme": "ROR", "value": "00a2xv884"}])),
            ("u", institution(U, identifiers=[{"scheme": "ROR", "value": "00a2xv884"}])),
        ],
        {Doubt.OTHER_OWNER, Doubt.IDENTIFIER},
    ),
    (
        [
            ("a", institution(A)),
            ("u", institution(U, identifiers=[{"scheme": "MOE", "value": "10335"}])),
        ],
        {Doubt.OTHER_OWNER, Doubt.IDENTIFIER},
    ),
]


@pytest.mark.parametrize(("said", "doubts"), DOUBTFUL)
async def test_a_doubtful_pair_waits_for_a_person(
    hub: Hub, said: list[tuple[str, Said]], doubts: set[Doubt]
) -> None:
    for source, each in said:
        await hub.say(source, each)
    found = await only(hub)
    assert found.doubts == doubts
    assert await joined(hub) == 0
    pair = (found.record_type, found.first, found.second)
    await link(hub.database, lambda: NOW, HUB, pair, LinkRelation.DIFFERS, "seen")
    assert await pairs(hub) == {}


async def test_names_are_no_evidence_and_neither_are_numbers_that_nobody_knows(hub: Hub) -> None:
    await hub.say(
        "a", instrument(A, "1", **plate(serial="不详"), **given(("INVENTORY_NUMBER", "无")))
    )
    await hub.say(
        "p", instrument(A, "2", **plate(serial="不详"), **given(("INVENTORY_NUMBER", "无")))
    )
    await hub.say("q", instrument(A, "3", **plate(serial="-")), instrument(A, "4"))
    await hub.say("b", instrument(B, "3", **plate(serial="/")), instrument(B, "4"))
    assert await pairs(hub) == {}


async def test_a_pair_that_is_decided_does_not_come_back_by_another_name(hub: Hub) -> None:
    """A is known as U afterwards, so that one of the two keys has another name."""
    await hub.say("a", instrument(A, "1", **plate()), institution(A))
    await hub.say("b", instrument(B, "9", **plate()), institution(B))
    await hub.say("u", institution(U))
    pair = ("Instrument", f"{B}/9", f"{A}/1")
    await link(hub.database, lambda: NOW, HUB, pair, LinkRelation.DIFFERS, "two plates")
    await link(hub.database, lambda: NOW, HUB, ("Institution", A, U), LinkRelation.SAME_AS, "one")
    assert await shown(hub) == [f"{B}/9", f"{U}/1"]
    assert await pairs(hub) == {}


async def test_one_owner_cannot_hide_a_pair_by_saying_that_it_is_one(hub: Hub) -> None:
    await hub.say("a", instrument(A, "1", **plate()))
    await hub.say("b", instrument(B, "9", **plate()))
    first, second = sorted((f"{A}/1", f"{B}/9"))
    stated = {"recordType": "Instrument", "firstKey": first, "secondKey": second}
    await hub.say("b", ("Link", {**stated, "statedBy": B, "relation": "SAME_AS"}))
    assert (await only(hub)).said_by == (B,)
    await hub.say("b", ("Link", {**stated, "statedBy": B, "relation": "DIFFERS"}))
    assert await pairs(hub) == {}


async def test_both_sides_are_shown_with_who_states_them(hub: Hub) -> None:
    await hub.say("a", instrument(A, "1", **plate()))
    await hub.say("p", instrument(A, "2", **plate(model="jem2100f")))
    sides = await sides_of(hub.database, "Instrument", [f"{A}/1", f"{A}/2"])
    assert sides[f"{A}/1"]["model"] == "JEM-2100F"
    assert sides[f"{A}/2"]["model"] == "jem2100f"
    assert [sides[f"{A}/{n}"]["sources"] for n in "12"] == ["a (OWN OTHER)", "p (PLATFORM OTHER)"]


async def test_of_each_item_it_is_explained_who_won_and_by_which_rule(hub: Hub) -> None:
    cost = {"amount": "9.00", "currency": "CNY"}
    await hub.say("a", instrument(A, "1", model="own", originalValue=cost))
    await hub.say("p", instrument(A, "1", model="p", manufacturer="JEOL", originalValue=cost))
    await hub.say("q", instrument(A, "1", manufacturer="Jeol Ltd"))
    await register_source(
        hub.database, "p", "p", mode="PUSH", now=NOW, owners=None, purpose=SystemPurpose.ASSET.value
    )
    (found,) = await explain(hub.database, f"{A}/1")
    items = {each.item: each for each in found.items}
    assert [claim.source for claim in items["model"].claims] == ["a", "p"]
    assert (items["model"].rule.name, items["model"].values) == ("KIND", ["own", "p"])
    assert [claim.source for claim in items["originalValue"].claims] == ["p", "a"]
    assert items["originalValue"].rule.name == "LEADS"
    assert [claim.source for claim in items["manufacturer"].claims] == ["q", "p"]
    assert items["manufacturer"].rule.name == "AGE"
    shown = await hub.rows("SELECT model, manufacturer, original_value->>'amount' FROM instrument")
    assert shown == [("own", "Jeol Ltd", "9.00")]


async def test_a_record_that_is_shown_whole_is_explained_whole_also_by_a_former_key(
    hub: Hub,
) -> None:
    await hub.say("a", institution(A), instrument(A), hours(f"{A}/1"))
    await hub.say("u", institution(U))
    await hub.say("p", hours(f"{A}/1", opens="09:00"))
    await link(hub.database, lambda: NOW, HUB, ("Institution", A, U), LinkRelation.SAME_AS, "one")
    (found,) = await explain(hub.database, f"{A}/1/WEDNESDAY", "OpeningHours")
    (whole,) = found.items
    assert (found.key, whole.item, whole.rule.name) == (f"{U}/1/WEDNESDAY", "", "KIND")
    assert [claim.source for claim in whole.claims] == ["a", "p"]
    (thing,) = await explain(hub.database, f"{A}/1")
    assert thing.key == f"{U}/1"
    assert await explain(hub.database, f"{A}/none") == []

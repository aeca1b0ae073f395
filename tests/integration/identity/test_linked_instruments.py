"""Two numbers of one instrument, of one institution or of two, and what follows a broken link."""

from __future__ import annotations

from typing import Any

import pytest

from hub.store import relinking
from hub.store.sources import register_source
from tests.integration.identity.conftest import (
    NOW,
    A,
    B,
    Hub,
    Said,
    U,
    coverage,
    hours,
    institution,
    instrument,
    key_of,
    link,
    occupancy,
    offer,
    usage,
)
from tests.integration.identity.documents import BY_NUMBER, CALLERS, LISTS, ONE, answers, ids
from tests.integration.identity.test_links import fill, names, state, take_back, total

pytestmark = pytest.mark.integration
ONE_A, ONE_B = f"{A}/1", f"{B}/1"
OPERATOR = [("op", link(ONE_A, ONE_B))]
OWNERS = [("b", link(ONE_A, ONE_B, stated_by=B)), ("a", link(ONE_A, ONE_B, stated_by=A))]


@pytest.mark.parametrize("said", [OPERATOR, OWNERS], ids=["operator", "owners"])
async def test_taking_a_link_of_instruments_back_gives_the_same_bytes(
    hub: Hub, said: list[tuple[str, Said]]
) -> None:
    await fill(hub)
    wanted = await ids(hub)
    before = await answers(hub, wanted)
    await state(hub, said)
    assert await names(hub) == ({}, {ONE_A: ONE_B})
    linked = await answers(hub, wanted)
    assert linked != before
    await hub.assert_right()
    await take_back(hub, said)
    after = await answers(hub, wanted)
    for each, body in before.items():
        assert after[each] == body, each
    await hub.assert_right()


async def test_linked_instruments_are_one_with_what_hangs_on_both(hub: Hub) -> None:
    await hub.say("a", instrument(A, model="A"), offer(ONE_A), usage(ONE_A), occupancy(ONE_A, "x"))
    await hub.say("b", instrument(B, manufacturer="B"), offer(ONE_B, "S2"), usage(ONE_B, "u2"))
    await hub.say("p", instrument(A, functions="成像"), occupancy(ONE_B, "y", 5))
    await state(hub, OPERATOR)
    assert await total(hub, "instruments") == 1
    (row,) = await hub.rows("SELECT item_id, key, model, manufacturer, functions FROM instrument")
    assert row[1:] == (ONE_B, "A", "B", "成像")
    assert await hub.rows("SELECT DISTINCT item_id FROM instrument_source") == [(row[0],)]
    one = (await hub.ask(ONE, key=ONE_B))["instrument"]
    assert {each["code"] for each in one["offers"]} == {"S1", "S2"}
    assert {each["localId"] for each in one["occupancies"]["nodes"]} == {"x", "y"}
    former = await hub.rows("SELECT now_id FROM former_id WHERE starts_with(item_id, 'instr_')")
    assert former == [row[:1]]
    await hub.assert_right()


async def test_a_record_stays_whose_it_was_when_its_instrument_is_known_by_another_s_number(
    hub: Hub,
) -> None:
    """A link of two instruments opens nobody's records to the other owner."""
    await hub.say("a", instrument(A), usage(ONE_A, "ua"))
    await hub.say("b", instrument(B), usage(ONE_B, "ub"))
    await state(hub, OWNERS)
    for who, number in (("A", "ua"), ("B", "ub")):
        one = (await hub.ask(ONE, CALLERS[who], key=ONE_B))["instrument"]
        assert [each["localId"] for each in one["usageRecords"]["nodes"]] == [number]
        rows = (await hub.ask(LISTS["usageRecords"], CALLERS[who]))["usageRecords"]["nodes"]
        assert [each["localId"] for each in rows] == [number]


async def test_each_owner_s_own_system_keeps_its_standing(hub: Hub) -> None:
    await hub.say("a", instrument(A, model="A"))
    await hub.say("b", instrument(B))
    await hub.say("p", instrument(A, model="p", manufacturer="p"), as_of=NOW.replace(year=2027))
    await state(hub, OPERATOR)
    (node,) = (await hub.ask(LISTS["instruments"]))["instruments"]["nodes"]
    kinds = {each["source"]: each["kind"] for each in node["provenance"]["claims"]}
    assert kinds == {"a": "OWN", "b": "OWN", "p": "PLATFORM"}
    assert node["model"] == "A"


async def test_what_covers_a_linked_instrument_still_does(hub: Hub) -> None:
    await hub.say("a", instrument(A), hours(ONE_A), coverage(ONE_A), offer(ONE_A))
    await hub.say("b", instrument(B))
    before = (await hub.ask(ONE, key=ONE_A))["instrument"]
    await state(hub, OPERATOR)
    linked = (await hub.ask(ONE, key=ONE_B))["instrument"]
    assert before["availability"]["free"] != []
    assert linked["availability"] == before["availability"]
    assert linked["priceEstimate"] == before["priceEstimate"]


async def test_two_numbers_of_one_institution_are_linked_by_it_alone(hub: Hub) -> None:
    await hub.say("a", instrument(A, "1"), instrument(A, "2", model="M"), offer(f"{A}/2"))
    said = [("a", link(f"{A}/1", f"{A}/2", stated_by=A))]
    await state(hub, said)
    (node,) = (await hub.ask(LISTS["instruments"]))["instruments"]["nodes"]
    assert (node["key"], node["model"]) == (ONE_A, "M")
    assert len(node["provenance"]["claims"]) == 2
    await hub.assert_right()
    await take_back(hub, said)
    assert await total(hub, "instruments") == 2


async def test_one_owner_alone_links_no_instruments(hub: Hub) -> None:
    await hub.say("a", instrument(A))
    await hub.say("b", instrument(B))
    for one in OWNERS:
        await state(hub, [one])
        assert await names(hub) == ({}, {})
        await take_back(hub, [one])


async def test_an_owner_counts_for_every_key_of_its_institution(hub: Hub) -> None:
    """The other owner states the link by the key that its institution was linked to."""
    await hub.say("a", instrument(A, "1"))
    await hub.say("u", instrument(U, "9"))
    await hub.say("op", link(A, U))
    await hub.say("u", link(ONE_A, f"{U}/9", stated_by=U))
    assert await names(hub) == ({A: U}, {f"{U}/9": f"{U}/1"})
    assert await total(hub, "instruments") == 1
    await hub.assert_right()
    await hub.say("op", key_of(link(A, U)))
    assert await names(hub) == ({}, {})
    assert await total(hub, "instruments") == 2
    await hub.assert_right()


async def test_a_source_finds_a_linked_instrument_by_the_number_that_it_states(hub: Hub) -> None:
    (made,) = await hub.say("b", instrument(B, "9"))
    await hub.say("a", instrument(A, "1"))
    asked = {"source": "a", "localNo": "1"}
    await hub.say("op", link(ONE_A, f"{B}/9"))
    found = (await hub.ask(BY_NUMBER, **asked))["instrument"]
    assert found == {"id": made.item_id, "key": f"{B}/9"}


@pytest.mark.parametrize("at", ["_rewrite", "write"])
async def test_a_link_that_breaks_off_while_it_is_carried_out_leaves_everything_as_it_was(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    await fill(hub)
    before = await hub.tables()
    entries = await hub.rows("SELECT count(*), max(entry_id) FROM entry")
    carried_out: Any = getattr(relinking, at)
    calls = 0

    async def breaks(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise ConnectionAbortedError("killed")
        await carried_out(*given)

    with monkeypatch.context() as patched:
        patched.setattr(relinking, at, breaks)
        with pytest.raises(ConnectionAbortedError):
            await hub.say("op", link(A, U))
    assert calls == 4
    assert await hub.tables() == before
    assert await hub.rows("SELECT count(*), max(entry_id) FROM entry") == entries
    assert await names(hub) == ({}, {})
    await hub.say("op", link(A, U))
    assert (await names(hub))[0] == {A: U}
    await hub.assert_right()


async def test_a_link_is_carried_out_anew_when_another_source_speaks_of_it(hub: Hub) -> None:
    """Two systems of an owner disagree about a link; one of them loses its standing."""
    await register_source(hub.database, "a2", "a2", mode="HARVEST", now=NOW, owners=[A])
    await hub.say("a", institution(A), instrument(A, "1"), instrument(A, "2"))
    said = link(f"{A}/1", f"{A}/2", stated_by=A, relation="DIFFERS")
    await hub.say("a", said)
    await hub.say("a2", link(f"{A}/1", f"{A}/2", stated_by=A))
    assert await total(hub, "instruments") == 1
    await register_source(hub.database, "a2", "a2", mode="HARVEST", now=NOW, owners=[B])
    assert await total(hub, "instruments") == 2
    assert await hub.rows("SELECT * FROM former_id") == []
    await hub.assert_right()
    await register_source(hub.database, "a2", "a2", mode="HARVEST", now=NOW, owners=[A])
    assert await total(hub, "instruments") == 1
    await hub.assert_right()

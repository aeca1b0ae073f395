"""What is said again: better vouched for, or confirmed. Who numbers what another hub passes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.intake.batch import Outcome
from tests.integration.identity.conftest import (
    NOW,
    A,
    B,
    Hub,
    Said,
    coverage,
    hours,
    instrument,
    occupancy,
    offer,
    raw,
    usage,
)

pytestmark = pytest.mark.integration
KEY = f"{A}/1"
HOUR = timedelta(hours=1)


async def test_what_comes_again_better_vouched_for_is_proven_by_an_entry(hub: Hub) -> None:
    (seen,) = await hub.say("a", instrument(A))
    (signed,) = await hub.say("a", instrument(A), signed_by=A)
    assert (signed.outcome, signed.revision) == (Outcome.PROVEN, 2)
    assert (signed.item_id, signed.revision_id) == (seen.item_id, seen.revision_id)
    assert signed.entry_id != seen.entry_id
    (again,) = await hub.say("a", instrument(A), signed_by=A)
    (weaker,) = await hub.say("a", instrument(A))
    assert [again.outcome, weaker.outcome] == [Outcome.DUPLICATE] * 2
    assert again.entry_id == weaker.entry_id == signed.entry_id
    assert await hub.rows("SELECT assurance, revision FROM instrument") == [("REQUEST_SIGNED", 2)]
    commitments = await hub.rows("SELECT previous, commitment FROM entry ORDER BY entry_id")
    assert commitments[1][0] == commitments[0][1]
    await hub.assert_right()


async def test_what_is_proven_may_be_believed_before_others(hub: Hub) -> None:
    await hub.say("p", instrument(A, model="p"))
    await hub.say("q", instrument(A, model="q"))
    assert await hub.rows("SELECT model FROM instrument") == [("q",)]
    (proven,) = await hub.say("p", instrument(A, model="p"), signed_by=B, as_of=NOW)
    assert proven.outcome is Outcome.PROVEN
    assert await hub.rows("SELECT model FROM instrument") == [("p",)]
    await hub.assert_right()


async def test_a_new_word_that_is_less_vouched_for_is_a_revision_like_any_other(hub: Hub) -> None:
    await hub.say("a", instrument(A), signed_by=A)
    (made,) = await hub.say("a", instrument(A, model="2"))
    assert (made.outcome, made.revision) == (Outcome.ACCEPTED, 2)
    (back,) = await hub.say("a", instrument(A, model="2"), signed_by=A)
    assert (back.outcome, back.revision) == (Outcome.PROVEN, 3)


async def test_a_withdrawal_can_be_proven_too(hub: Hub) -> None:
    await hub.say("a", instrument(A))
    gone: Said = ("Instrument", KEY)
    await hub.say("a", gone)
    (again,) = await hub.say("a", gone)
    (proven,) = await hub.say("a", gone, signed_by=A)
    assert [again.outcome, proven.outcome] == [Outcome.DUPLICATE, Outcome.PROVEN]
    assert await hub.rows("SELECT count(*) FROM instrument") == [(0,)]
    await hub.assert_right()


AVAILABLE = """{ instrument(by: { key: "moe:10335/1" }) {
  coverage { provenance { asOf } }
  availability(from: "2026-11-25T16:00:00Z", until: "2026-11-26T16:00:00Z") { status asOf } } }"""


async def test_coverage_that_is_said_again_is_heard_and_nothing_else(hub: Hub) -> None:
    await hub.say("a", instrument(A), hours(KEY, "THURSDAY"), coverage(KEY), as_of=NOW)
    before, entries = await hub.tables(), await hub.rows("SELECT count(*) FROM entry")
    hub.at = NOW + 20 * HOUR
    (again,) = await hub.say("a", coverage(KEY), as_of=hub.at)
    (late,) = await hub.say("a", coverage(KEY), as_of=NOW + HOUR)
    assert again.outcome is late.outcome is Outcome.DUPLICATE
    heard = [(again.entry_id, hub.at)]
    assert await hub.rows("SELECT entry_id, as_of FROM heard") == heard
    assert await hub.tables() == before
    assert await hub.rows("SELECT count(*) FROM entry") == entries
    await hub.assert_right()
    assert await hub.rows("SELECT entry_id, as_of FROM heard") == heard


async def test_how_fresh_coverage_is_follows_when_it_was_heard(hub: Hub) -> None:
    await hub.say("a", instrument(A), hours(KEY, "THURSDAY"), coverage(KEY), as_of=NOW)

    async def status() -> str:
        found = (await hub.ask(AVAILABLE))["instrument"]
        return str(found["availability"]["status"])

    assert await status() == "FREE"
    hub.at = NOW + 30 * HOUR
    assert await status() == "UNKNOWN"
    await hub.say("a", coverage(KEY), as_of=NOW + 29 * HOUR)
    found = (await hub.ask(AVAILABLE))["instrument"]
    assert found["availability"] == {"status": "FREE", "asOf": "2026-11-26T07:00:00Z"}
    assert found["coverage"] == [{"provenance": {"asOf": "2026-11-26T07:00:00Z"}}]
    hub.at = NOW + 60 * HOUR
    assert await status() == "UNKNOWN"


async def test_what_is_not_confirmed_is_not_heard(hub: Hub) -> None:
    await hub.say("a", instrument(A), hours(KEY), offer(KEY))
    await hub.say("a", instrument(A), hours(KEY), offer(KEY))
    assert await hub.rows("SELECT * FROM heard") == []


LOCAL = [occupancy(KEY), usage(KEY), coverage(KEY)]
SYSTEM = f"{A}/a"


def codes(rows: list[Any]) -> list[list[str]]:
    return [[each.code for each in row.problems] for row in rows]


async def test_a_peer_says_whose_numbers_it_passes_on(hub: Hub) -> None:
    pushed = await hub.say("a", *LOCAL)
    heard = await hub.try_to_say("peer", *(raw(each, authority=SYSTEM) for each in LOCAL))
    assert codes(heard) == [[], [], []]
    assert [each.item_id for each in heard] == [each.item_id for each in pushed]
    other = await hub.try_to_say("peer", *(raw(each, authority=f"{B}/lims") for each in LOCAL))
    assert {each.item_id for each in other}.isdisjoint(each.item_id for each in pushed)
    assert await hub.rows("SELECT count(*) FROM occupancy_source WHERE speaks") == [(2,)]
    (source,) = await hub.rows(
        "SELECT source FROM occupancy_source WHERE speaks AND authority = 'moe:10335/a'"
    )
    assert source == ("a",)
    await hub.assert_right()


async def test_a_peer_that_heard_it_first_gives_it_the_same_id(hub: Hub) -> None:
    heard = await hub.try_to_say("peer", *(raw(each, authority=SYSTEM) for each in LOCAL))
    pushed = await hub.say("a", *LOCAL)
    assert [each.item_id for each in heard] == [each.item_id for each in pushed]
    gone = raw(("Occupancy", f"{KEY}/o1"))
    (row,) = await hub.try_to_say("a", gone)
    assert row.outcome is Outcome.WITHDRAWN
    assert await hub.rows("SELECT source FROM occupancy_source WHERE speaks") == [("peer",)]
    (row,) = await hub.try_to_say("peer", {**gone, "authority": SYSTEM})
    assert row.outcome is Outcome.WITHDRAWN
    await hub.assert_right()


@pytest.mark.parametrize("authority", [None, "", "nobody", f"{A}/", f"{A}/a/b", 7, [SYSTEM]])
async def test_a_peer_that_names_no_system_is_refused(hub: Hub, authority: Any) -> None:
    more = {} if authority is None else {"authority": authority}
    rows = await hub.try_to_say("peer", *(raw(each, **more) for each in LOCAL))
    assert codes(rows) == [["AUTHORITY_UNKNOWN"]] * 3
    assert await hub.rows("SELECT count(*) FROM entry") == [(0,)]


@pytest.mark.parametrize("source", ["a", "p", "d"])
async def test_others_name_no_foreign_system(hub: Hub, source: str) -> None:
    rows = await hub.try_to_say(source, *(raw(each, authority=f"{B}/lims") for each in LOCAL))
    assert codes(rows) == [["AUTHORITY_FOREIGN"]] * 3


async def test_a_source_may_name_its_own_system(hub: Hub) -> None:
    named = await hub.try_to_say("a", *(raw(each, authority=SYSTEM) for each in LOCAL))
    assert codes(named) == [[], [], []]
    assert [each.outcome for each in await hub.say("a", *LOCAL)] == [Outcome.DUPLICATE] * 3


@pytest.mark.parametrize("source", ["a", "p", "peer"])
async def test_what_the_world_names_has_no_system(hub: Hub, source: str) -> None:
    shared = [instrument(A), offer(KEY), hours(KEY)]
    rows = await hub.try_to_say(source, *(raw(each, authority=SYSTEM) for each in shared))
    assert codes(rows) == [["AUTHORITY_FOREIGN"]] * 3
    assert codes(await hub.try_to_say(source, *(raw(each) for each in shared))) == [[], [], []]

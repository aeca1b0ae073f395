"""What a follower is told, and what it is not."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from hub.exchange.limits import PAGE_MAX, SCANNED_MAX
from tests.integration.exchange.conftest import (
    PAGE,
    SCOPES,
    A,
    B,
    Hub,
    U,
    V,
    caller,
    instrument,
    usage,
)

pytestmark = pytest.mark.integration

_HIDDEN = ("key", "owner", "source", "revision", "entryId", "acceptedAt", "withdrawn")


def kinds(changes: list[Any]) -> list[tuple[str, str | None]]:
    return [(each["kind"], each["key"]) for each in changes]


async def test_a_new_record_says_look_again_with_its_place_and_no_content(hub: Hub) -> None:
    await hub.put(instrument(A, "T1"), source="a1")
    ((change,), last) = await hub.all(caller(U))
    assert change["kind"] == "CHANGED"
    assert change["recordType"] == "Instrument"
    assert change["key"] == f"{A}/T1"
    assert change["owner"] == A
    assert (change["source"], change["revision"], change["withdrawn"]) == ("a1", 1, False)
    found = await hub.ask(caller(U), "query($id: ID!) { node(id: $id) { id } }", id=change["id"])
    assert found["data"]["node"] == {"id": change["id"]}
    assert (await hub.all(caller(U), after=last["endCursor"]))[0] == []


async def test_only_the_newest_revision_of_a_record_is_told_of(hub: Hub) -> None:
    await hub.put(instrument(A, "T1"), instrument(A, "T2"), source="a1")
    await hub.put(instrument(A, "T1", annualHours=5), source="a1")
    changes, _ = await hub.all(caller(U))
    assert [(each["key"], each["revision"]) for each in changes] == [(f"{A}/T2", 1), (f"{A}/T1", 2)]


async def test_a_withdrawn_record_leaves_a_tombstone_that_names_it_and_no_more(hub: Hub) -> None:
    await hub.put(instrument(A, "T1"), source="a1")
    ((made,), last) = await hub.all(caller(U))
    await hub.withdraw("Instrument", f"{A}/T1", "a1")
    ((gone,), _) = await hub.all(caller(U), after=last["endCursor"])
    assert (gone["kind"], gone["recordType"], gone["id"]) == ("REMOVED", "Instrument", made["id"])
    assert [gone[name] for name in _HIDDEN] == [None] * len(_HIDDEN)


async def test_owner_and_sender_of_what_was_withdrawn_are_told_its_place(hub: Hub) -> None:
    await hub.put(usage(A, "1", None), source="a1")
    await hub.withdraw("UsageRecord", f"{A}/T1/1", "a1")
    sender = caller(V, sources=["a1"])
    for who in (caller(A), sender):
        ((gone,), _) = await hub.all(who)
        assert (gone["kind"], gone["key"], gone["revision"]) == ("REMOVED", f"{A}/T1/1", 2)
        assert gone["withdrawn"] is True
    assert (await hub.all(caller(V)))[0] == []


async def test_who_may_see_nothing_of_a_record_is_told_nothing(hub: Hub) -> None:
    await hub.put(*(usage(A, str(n), U) for n in range(9)), source="a1")
    await hub.put(usage(A, "1", U, hours="1.0"), source="a1")
    await hub.withdraw("UsageRecord", f"{A}/T1/2", "a1")
    assert len((await hub.all(caller(U)))[0]) == 9
    without = caller(U, SCOPES - {"service:read"})
    for who in (caller(V), without):
        found, page = await hub.all(who)
        assert (found, page["resync"]) == ([], [])


async def test_a_user_that_a_correction_takes_out_is_told_once_to_drop_it(hub: Hub) -> None:
    await hub.put(usage(A, "1", U), source="a1")
    ((seen,), last) = await hub.all(caller(U))
    await hub.put(usage(A, "1", V), source="a1")
    ((gone,), last) = await hub.all(caller(U), after=last["endCursor"])
    assert (gone["kind"], gone["id"]) == ("REMOVED", seen["id"])
    assert [gone[name] for name in _HIDDEN] == [None] * len(_HIDDEN)
    ((new,), _) = await hub.all(caller(V))
    assert (new["kind"], new["id"]) == ("CHANGED", seen["id"])
    for hours in ("1.0", "2.0"):
        await hub.put(usage(A, "1", V, hours=hours), source="a1")
        found, last = await hub.all(caller(U), after=last["endCursor"])
        assert found == []
    await hub.put(usage(A, "1", U), source="a1")
    ((back,), _) = await hub.all(caller(U), after=last["endCursor"])
    assert (back["kind"], back["revision"]) == ("CHANGED", 5)


async def test_types_narrow_the_feed(hub: Hub) -> None:
    await hub.put(instrument(A, "T1"), usage(A, "1", U), source="a1")
    for kind in ("Instrument", "UsageRecord"):
        found, _ = await hub.all(caller(U), types=[kind])
        assert [each["recordType"] for each in found] == [kind]
    assert (await hub.all(caller(U), types=[]))[0] == []
    assert await hub.refused(caller(U), types=["Instrument", "Spaceship"]) == "BAD_USER_INPUT"


async def test_an_owner_narrows_the_feed(hub: Hub) -> None:
    await hub.put(instrument(A, "T1"), source="a1")
    await hub.put(instrument(B, "S1"), source="b1")
    found, _ = await hub.all(caller(U), owner=B)
    assert kinds(found) == [("CHANGED", f"{B}/S1")]


@pytest.mark.parametrize("owner", ["", " ", f"{B} ", "10335", "\u200b", ":"])
async def test_an_owner_that_is_no_key_is_refused(hub: Hub, owner: str) -> None:
    assert await hub.refused(caller(U), owner=owner) == "BAD_USER_INPUT"


async def test_the_feed_needs_its_scope(hub: Hub) -> None:
    assert await hub.refused(caller(U, SCOPES - {"changes:read"})) == "SCOPE_MISSING"


@pytest.mark.parametrize("first", [0, -1, PAGE_MAX + 1])
async def test_a_page_has_a_bound(hub: Hub, first: int) -> None:
    assert await hub.refused(caller(U), first=first) == "BAD_USER_INPUT"
    assert (await hub.page(caller(U), first=PAGE_MAX))["nodes"] == []


async def test_many_pages_in_one_request_cost_too_much(hub: Hub) -> None:
    many = " ".join(f"p{n}: changes(first: {PAGE_MAX}) {{ endCursor }}" for n in range(11))
    answer = await hub.ask(caller(U), f"{{ {many} }}")
    assert {each["extensions"]["code"] for each in answer["errors"]} == {"COST_LIMIT"}


async def test_pages_of_any_size_give_the_same(hub: Hub) -> None:
    await hub.put(*(instrument(A, f"T{n}") for n in range(7)), source="a1")
    whole, _ = await hub.all(caller(U))
    assert len(whole) == 7
    for first in (1, 3, 7):
        assert (await hub.all(caller(U), first=first))[0] == whole


_INSERT = """
INSERT INTO entry (record_type, source, key, owner, issuer, revision, authority, commitment,
  withdrawal, assurance, channel, party, as_of, accepted_at, entry_id)
OVERRIDING SYSTEM VALUE
SELECT %s, 'a1', %s || n, %s, %s, %s, '', 'c', false, 'HUB_OBSERVED', 'HARVEST', 'hub:x', now(),
  now(), coalesce(%s, nextval('entry_entry_id_seq')) FROM generate_series(1, %s) n"""


def write(
    connection: psycopg.Connection[Any],
    key: str,
    *,
    kind: str = "Instrument",
    revision: int = 1,
    entry: int | None = None,
    count: int = 1,
) -> None:
    parameters = (kind, f"{A}/{key}", A, A, revision, entry, count)
    connection.execute(_INSERT.encode(), parameters)


async def test_a_page_looks_at_a_bounded_number_of_entries(hub: Hub) -> None:
    with psycopg.connect(hub.database.url) as connection:
        write(connection, "U", kind="UsageRecord", count=SCANNED_MAX + 10)
        write(connection, "T")
    who = caller(V)
    page = await hub.page(who, types=["Instrument"])
    assert (page["nodes"], page["hasMore"], page["retryAfterS"]) == ([], True, 0)
    page = await hub.page(who, types=["Instrument"], after=page["endCursor"])
    assert (kinds(page["nodes"]), page["hasMore"]) == ([("CHANGED", f"{A}/T1")], False)


async def test_entries_that_commit_out_of_order_are_told_once_each_and_none_is_lost(
    hub: Hub,
) -> None:
    told: list[Any] = []
    cursor: str | None = None

    async def follow() -> None:
        nonlocal cursor
        found, page = await hub.all(caller(U), after=cursor, first=1)
        told.extend(found)
        cursor = page["endCursor"]

    url = hub.database.url
    with psycopg.connect(url) as early, psycopg.connect(url) as late:
        write(early, "E")  # the lower transaction
        await follow()
        write(late, "L", entry=1002)
        late.commit()
        write(early, "F", entry=1001)
        await follow()
        assert told == []  # what precedes it may still come
        await hub.put(instrument(A, "T1"), source="a2")
        await follow()
        assert told == []
        early.commit()
        write(late, "M")
        await follow()
        late.commit()
    await follow()
    assert sorted(each["key"] for each in told) == [
        f"{A}/{key}" for key in ("E1", "F1", "L1", "M1", "T1")
    ]


async def test_a_revision_of_a_lower_transaction_than_the_one_before_is_told_as_it_stands(
    hub: Hub,
) -> None:
    url = hub.database.url
    with psycopg.connect(url) as early, psycopg.connect(url) as late:
        write(early, "other")
        write(late, "K")
        late.commit()
        write(early, "K", revision=2)
        early.commit()
    found, _ = await hub.all(caller(U), first=1)
    assert [(each["key"], each["revision"]) for each in found] == [
        (f"{A}/other1", 1),
        (f"{A}/K1", 2),
    ]


async def test_followers_beside_pushes_miss_nothing(hub: Hub) -> None:
    told: list[str] = []
    cursor: str | None = None
    pushed = 40

    async def push(numbers: range) -> None:
        for n in numbers:
            await hub.put(instrument(A, f"T{n}"), source="a1")

    pushing = [asyncio.create_task(push(range(start, pushed, 4))) for start in range(4)]
    done = asyncio.gather(*pushing)
    while True:
        was_done = done.done()
        page = await hub.page(caller(U), first=3, after=cursor)
        told += [each["key"] for each in page["nodes"]]
        cursor = page["endCursor"]
        if was_done and not page["hasMore"]:
            break
    await done
    assert sorted(told) == sorted(f"{A}/T{n}" for n in range(pushed))


def test_the_query_of_these_tests_asks_for_every_fact_of_a_change() -> None:
    assert all(name in PAGE for name in _HIDDEN)

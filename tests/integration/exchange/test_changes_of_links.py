"""What a follower is told when keys are linked and no longer linked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.exchange.conftest import (
    LINKS,
    SCOPES,
    A,
    B,
    C,
    Hub,
    Mirror,
    U,
    V,
    agreement,
    caller,
    centre,
    instrument,
    link,
    link_key,
    usage,
)

pytestmark = pytest.mark.integration

NO_LINKS = ["Instrument", "UsageRecord"]


@pytest.fixture
async def filled(hub: Hub) -> Hub:
    await hub.put(instrument(A, "T1"), usage(A, "1", U), source="a1")
    await hub.put(instrument(B, "T2"), usage(B, "1", V), source="b1")
    await hub.put(instrument(C, "T1"), centre(C, "1", V), source="c1")
    return hub


async def resynced(hub: Hub, who: Any, after: str | None, **asked: Any) -> tuple[list[str], str]:
    _, page = await hub.all(who, after=after, **asked)
    return page["resync"], page["endCursor"]


async def joined(hub: Hub, one: str, other: str, **more: Any) -> None:
    await hub.put(link(one, other, **more), source=LINKS)


async def parted(hub: Hub, one: str, other: str) -> None:
    await hub.withdraw("Link", link_key(one, other), LINKS)


@pytest.mark.parametrize("who", [None, U])
@pytest.mark.parametrize("types", [None, NO_LINKS, []])
async def test_a_link_sends_every_follower_to_both_owners_whatever_types_it_follows(
    filled: Hub, who: str | None, types: list[str] | None
) -> None:
    hub = filled
    _, cursor = await resynced(hub, caller(who), None, types=types)
    for happen in (joined, parted):
        await happen(hub, A, B)
        found, cursor = await resynced(hub, caller(who), cursor, types=types)
        assert found == sorted({A, B})
        assert (await resynced(hub, caller(who), cursor, types=types))[0] == []


async def test_an_instrument_that_is_linked_sends_followers_to_its_owners(filled: Hub) -> None:
    _, cursor = await resynced(filled, caller(None), None)
    await joined(filled, f"{A}/T1", f"{B}/T2")
    assert (await resynced(filled, caller(None), cursor))[0] == sorted({A, B})


async def test_a_mirror_drops_what_it_holds_under_a_name_that_a_third_institution_gave(
    filled: Hub,
) -> None:
    hub, mirror = filled, Mirror(caller(None), types=["Instrument"], first=1)
    await joined(hub, A, C)
    await mirror.follow(hub)
    for happen, pair in ((joined, (A, B)), (parted, (A, C)), (parted, (A, B))):
        await happen(hub, *pair)
        await mirror.follow(hub)
        assert await mirror.is_right(hub)
    assert len(mirror.items) == 3


async def test_who_may_read_a_mention_of_what_is_linked_is_sent_to_the_owner_of_the_mention(
    filled: Hub,
) -> None:
    hub, owner, anybody = filled, Mirror(caller(B)), Mirror(caller(None))
    for mirror in (owner, anybody):
        await mirror.follow(hub)
    await joined(hub, U, V)
    found, _ = await resynced(hub, owner.who, owner.cursor)
    assert found == sorted({B, C, U, V})  # its own usage, and the centre that all see
    found, _ = await resynced(hub, anybody.who, anybody.cursor)
    assert found == sorted({C, U, V})  # and not who has records of its use
    for mirror in (owner, anybody):
        await mirror.follow(hub)
        assert await mirror.is_right(hub)


async def test_what_one_owner_alone_says_of_another_concerns_nobody(filled: Hub) -> None:
    hub = filled
    _, cursor = await resynced(hub, caller(None), None)
    own = await resynced(hub, caller(B), None)
    await hub.put(link(A, B, by=A), source="a1")
    assert (await resynced(hub, caller(None), cursor))[0] == []
    assert (await resynced(hub, caller(B), own[1]))[0] == []
    await hub.put(link(A, B, by=B), source="b1")
    assert (await resynced(hub, caller(None), cursor))[0] == sorted({A, B})
    _, cursor = await resynced(hub, caller(None), cursor)
    await hub.withdraw("Link", link_key(A, B, A), "a1")
    assert (await resynced(hub, caller(None), cursor))[0] == sorted({A, B})


async def test_a_party_that_is_linked_begins_anew_when_every_worker_goes_by_its_rights(
    filled: Hub,
) -> None:
    hub, mirrors = filled, [Mirror(caller(U)), Mirror(caller(V))]
    await hub.put(agreement(B, U), source="b1")
    for mirror in mirrors:
        await mirror.follow(hub)
    for happen in (joined, parted):
        await happen(hub, U, V)
        for mirror in mirrors:
            assert await hub.refused(mirror.who, after=mirror.cursor) == "CURSOR_RESET"
            page = await hub.page(mirror.who)
            assert (page["nodes"], page["hasMore"]) == ([], True)
            assert page["retryAfterS"] >= 1
            for worker in (0, 1):  # each keeps what was granted for some seconds
                await hub.ask(mirror.who, "{ usageRecords(first: 1) { totalCount } }", worker)
            await mirror.follow(hub)
            assert await mirror.is_right(hub)
    assert [each.resets for each in mirrors] == [2, 2]


async def test_reading_an_owner_that_is_linked_gives_what_all_its_keys_have(filled: Hub) -> None:
    hub = filled
    _, before = await hub.all(caller(None), owner=A, types=["Instrument"])
    await joined(hub, A, B)
    for owner in (A, B):
        found, page = await hub.all(caller(None), owner=owner, types=["Instrument"])
        assert page["resync"] == []
        assert {each["owner"] for each in found} == {min(A, B)}
        assert len({each["id"] for each in found}) == 2
    await hub.put(instrument(B, "T3"), source="b1")
    found, _ = await hub.all(caller(None), owner=A, types=["Instrument"], after=before["endCursor"])
    assert [each["owner"] for each in found] == [B]


async def test_linked_owners_state_one_item_and_each_withdrawal_is_told(filled: Hub) -> None:
    hub, who = filled, caller(None)
    await joined(hub, A, C)
    found, page = await hub.all(who, types=["Instrument"])
    ids = [each["id"] for each in found if each["owner"] == C]
    assert len(ids) == 2  # both claims
    (item,) = set(ids)
    for key, source, kind in ((f"{A}/T1", "a1", "CHANGED"), (f"{C}/T1", "c1", "REMOVED")):
        await hub.withdraw("Instrument", key, source)
        found, page = await hub.all(who, types=["Instrument"], after=page["endCursor"])
        assert [(each["kind"], each["id"]) for each in found] == [(kind, item)]


async def test_an_agreement_with_a_former_key_is_told_to_whom_it_now_grants(filled: Hub) -> None:
    hub = filled
    await joined(hub, U, V)
    name = caller(min(U, V))
    _, cursor = await resynced(hub, name, None)
    await hub.put(agreement(B, max(U, V)), source="b1")
    assert (await resynced(hub, name, cursor))[0] == [B]


async def test_who_reads_no_catalogue_learns_of_no_link(filled: Hub) -> None:
    who = caller(V, SCOPES - {"catalogue:read"})
    await joined(filled, A, B)
    found, page = await filled.all(who)
    assert (found, page["resync"]) == ([], [])


async def test_a_withdrawal_that_was_only_tried_leaves_no_names_behind(filled: Hub) -> None:
    hub, mirror = filled, Mirror(caller(None))
    await joined(hub, A, C)
    await joined(hub, U, V)
    await joined(hub, f"{B}/T2", f"{B}/T3")
    await hub.withdraw("Link", link_key(U, V), LINKS, dry_run=True)
    await parted(hub, A, C)
    await mirror.follow(hub)
    owners = {each["provenance"]["owner"] for each in mirror.items.values() if "localNo" in each}
    assert owners == {A, B, C}
    assert await mirror.is_right(hub)

"""A change of rights is told to its consumer, when every worker goes by it and not before."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest

from schema.dates import SHANGHAI, local_date
from tests.integration.exchange.conftest import (
    NOW,
    SCOPES,
    SETTLED,
    A,
    B,
    Hub,
    Mirror,
    U,
    V,
    agreement,
    caller,
    instrument,
    usage,
)

pytestmark = pytest.mark.integration

KEY = f"{A}/{U}/SERVICE"
TODAY = local_date(NOW)


@pytest.fixture
async def filled(hub: Hub) -> Hub:
    await hub.put(instrument(A, "T1"), usage(A, "1", None), usage(A, "2", V), source="a1")
    await hub.put(usage(B, "1", None), source="b1")
    return hub


async def resynced(hub: Hub, who: str, after: str | None) -> tuple[list[str], str]:
    _, page = await hub.all(caller(who), after=after)
    return page["resync"], page["endCursor"]


async def test_an_agreement_that_is_stated_corrected_or_withdrawn_sends_its_consumer_to_the_owner(
    filled: Hub,
) -> None:
    hub = filled
    _, cursor = await resynced(hub, U, None)
    _, other = await resynced(hub, V, None)
    await hub.put(agreement(A, U), source="a1")
    owners, cursor = await resynced(hub, U, cursor)
    assert owners == [A]
    await hub.put(agreement(A, U, fields=["hours"]), source="a1")
    owners, cursor = await resynced(hub, U, cursor)
    assert owners == [A]
    await hub.withdraw("Agreement", KEY, "a1")
    owners, cursor = await resynced(hub, U, cursor)
    assert owners == [A]
    assert (await resynced(hub, U, cursor))[0] == []
    assert (await resynced(hub, V, other))[0] == []
    assert (await resynced(hub, A, None))[0] == []


async def test_rights_that_change_are_told_whatever_types_are_followed(filled: Hub) -> None:
    await filled.put(agreement(A, U), source="a1")
    found, page = await filled.all(caller(U), types=["UsageRecord"])
    assert page["resync"] == [A]
    assert {each["recordType"] for each in found} == {"UsageRecord"}


async def test_reading_an_owner_anew_gives_what_its_agreement_opens_and_no_resync(
    filled: Hub,
) -> None:
    await filled.put(agreement(A, U), source="a1")
    filled.wait(SETTLED)
    found, page = await filled.all(caller(U), owner=A)
    assert page["resync"] == []
    assert {each["key"] for each in found if each["recordType"] == "UsageRecord"} == {
        f"{A}/T1/1",
        f"{A}/T1/2",
    }


async def test_a_page_ends_before_rights_that_may_not_be_known_everywhere_and_says_when_to_return(
    filled: Hub,
) -> None:
    hub, who = filled, caller(U)
    _, cursor = await resynced(hub, U, None)
    await hub.put(agreement(A, U), source="a1")
    await hub.put(instrument(A, "T2"), source="a1")
    held = await hub.page(who, after=cursor)
    assert (held["nodes"], held["resync"], held["hasMore"]) == ([], [], True)
    assert 1 <= held["retryAfterS"] <= SETTLED
    early = await hub.page(who, after=held["endCursor"])  # asked again too soon
    assert (early["nodes"], early["resync"], early["hasMore"]) == ([], [], True)
    hub.wait(held["retryAfterS"])
    page = await hub.page(who, after=early["endCursor"])
    assert page["resync"] == [A]
    assert page["nodes"][-1]["key"] == f"{A}/T2"
    assert (page["hasMore"], page["retryAfterS"]) == (False, 0)


async def test_a_worker_that_still_goes_by_former_rights_leaves_nothing_in_a_mirror(
    filled: Hub,
) -> None:
    hub, mirror = filled, Mirror(caller(U))
    await hub.put(agreement(A, U), source="a1")
    hub.wait(SETTLED)
    await mirror.follow(hub)
    used = [each["provenance"]["owner"] for each in mirror.items.values() if "userKey" in each]
    assert used == [A, A]
    for worker in (0, 1):  # both know the agreement, and keep it for some seconds
        await hub.ask(mirror.who, "{ usageRecords(first: 1) { totalCount } }", worker)
    await hub.withdraw("Agreement", KEY, "a1")
    for _ in range(30):
        await mirror.step(hub, 10, (0, 1))
        hub.wait(0.5)
    assert mirror.items == await hub.lists(mirror.who)
    used = [each["provenance"]["owner"] for each in mirror.items.values() if "userKey" in each]
    assert used == []


@pytest.mark.parametrize("days", [1, 3])
async def test_an_agreement_that_begins_by_date_is_told_on_its_day(filled: Hub, days: int) -> None:
    hub = filled
    since = TODAY + timedelta(days=1)
    await hub.put(agreement(A, U, validFrom=since.isoformat()), source="a1")
    _, cursor = await resynced(hub, U, None)
    assert (await resynced(hub, U, cursor))[0] == []
    hub.wait(86_400 * days)
    owners, cursor = await resynced(hub, U, cursor)
    assert owners == [A]
    assert (await resynced(hub, U, cursor))[0] == []


@pytest.mark.parametrize("days", [1, 3])
async def test_an_agreement_that_ends_by_date_is_told_on_the_day_after(
    filled: Hub, days: int
) -> None:
    hub, mirror = filled, Mirror(caller(U))
    await hub.put(agreement(A, U, validUntil=TODAY.isoformat()), source="a1")
    await mirror.follow(hub)
    before = len(mirror.items)
    assert mirror.items == await hub.lists(mirror.who)
    hub.wait(86_400 * days)
    await mirror.follow(hub)
    assert mirror.items == await hub.lists(mirror.who)
    assert len(mirror.items) == before - 2
    page = await hub.page(mirror.who, after=mirror.cursor)
    assert page["resync"] == []


async def test_a_day_turns_only_when_no_worker_goes_by_the_one_before(filled: Hub) -> None:
    hub = filled
    await hub.put(agreement(A, U, validUntil=TODAY.isoformat()), source="a1")
    _, cursor = await resynced(hub, U, None)
    tomorrow = TODAY + timedelta(days=1)
    hub.at = datetime.combine(tomorrow, time(0, 0, 1), SHANGHAI)
    assert (await resynced(hub, U, cursor))[0] == []
    hub.wait(SETTLED)
    assert (await resynced(hub, U, cursor))[0] == [A]


async def test_a_token_with_other_scopes_has_to_begin_anew(filled: Hub) -> None:
    _, cursor = await resynced(filled, U, None)
    for scopes in (SCOPES - {"service:read"}, SCOPES | {"customs:read"}):
        assert await filled.refused(caller(U, scopes), after=cursor) == "CURSOR_RESET"
    same = SCOPES | {"records:push"}  # it reveals nothing
    assert (await filled.page(caller(U, same), after=cursor))["nodes"] == []

"""What comes wrong, at the worst moment, or from somebody else under the same number."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hub.access.agreements import Agreements
from hub.policy.vouchers.claim import S
from hub.policy.vouchers.messages import Event, VoucherRefusal
from hub.store.database import Database
from hub.vouchers.cases.case_desk import VoucherCaseDesk
from hub.vouchers.cases.search import CaseBy
from hub.vouchers.cases.sight import RecordSight
from hub.vouchers.closing import close_over
from hub.vouchers.money.audit import audit
from hub.vouchers.service import VoucherDesk
from tests.integration.vouchers.followed_world import FollowedWorld, service
from tests.integration.vouchers.voucher_world import (
    CODE,
    HOLDER,
    HUB,
    ISSUER,
    PROVIDER,
    SPRING,
    VoucherWorld,
    grant,
)

pytestmark = pytest.mark.integration
OTHER = "moe:10002"
LAST_SECOND = datetime(2026, 9, 30, 15, 59, 59, tzinfo=UTC)
"""Of the last day of settlement, in Shanghai."""


async def test_a_service_that_is_corrected_while_it_is_claimed_is_paid_as_corrected(
    database: Database, tmp_path
) -> None:
    """Whichever of both comes first: no more is held than the corrected service gives."""
    world = FollowedWorld(database, tmp_path)
    await world.begin()
    assert (await world.send(Event.RESERVE, 400_000)).state is S.RESERVED
    told, _ = await asyncio.gather(
        world.send(Event.CONSUME, 400_000), world.state([service("6000")])
    )
    await world.follow()
    claim = await world.claim()
    if told.state is None:  # the checks saw the corrected one
        assert (claim["state"], claim["voucher_fen"]) == ("RESERVED", 400_000)
        assert (await world.send(Event.CONSUME, 300_000)).state is S.CONSUMED
        claim = await world.claim()
    assert (claim["state"], claim["voucher_fen"]) == ("CONSUMED", 300_000)
    found = await audit(database)
    assert found.is_sound, found.faults
    assert (found.buckets.available, found.buckets.consumed) == (1_700_000, 300_000)


async def test_a_voucher_of_another_issuer_with_the_same_code_is_another_voucher(
    database: Database,
) -> None:
    await grant(database, CODE)
    await grant(database, CODE, fen=500_000, issuer=OTHER)
    world = VoucherWorld(database)
    issuers = frozenset({ISSUER, OTHER})
    world.desk = VoucherDesk(database, world.services, world.time, party=HUB, issuers=issuers)
    mine = await world.send(Event.RESERVE, "A", 800_000, party=HOLDER)
    theirs = await world.send(Event.RESERVE, "A", 300_000, party=HOLDER, issuer=OTHER)
    assert mine.buckets is not None
    assert theirs.buckets is not None
    assert (mine.buckets.available, mine.buckets.reserved) == (1_200_000, 800_000)
    assert (theirs.buckets.available, theirs.buckets.reserved) == (200_000, 300_000)
    released = await world.send(Event.RELEASE, "A", party=HOLDER, issuer=OTHER)
    assert released.state is S.RELEASED
    again = await world.send(Event.RESERVE, "A", 1, party=HOLDER)
    assert again.refused is VoucherRefusal.CLAIM_EXISTS, "the other one's end frees no number here"
    desk = VoucherCaseDesk(database, Agreements(database, lambda: SPRING), issuers)
    operator = RecordSight.of_operator(database.records.registry)
    found = await desk.find(operator, CODE, CaseBy.VOUCHER)
    claims = [each.claim["key"] for each in found.cases if each.claim]
    assert claims == [f"{ISSUER}/{CODE}/A", f"{OTHER}/{CODE}/A"]
    office = await desk.sight(OTHER, operator.scopes)
    assert await desk.look(office, f"{ISSUER}/{CODE}/A") is None
    seen = await desk.look(office, f"{OTHER}/{CODE}/A")
    assert seen is not None
    assert seen.balance is not None
    assert seen.balance.available == 500_000


@pytest.mark.parametrize(("late_s", "refused"), [(0, None), (1, VoucherRefusal.CASH_EXPIRED)])
async def test_the_last_second_of_shanghai_counts_and_the_next_does_not(
    database: Database, late_s: int, refused: VoucherRefusal | None
) -> None:
    """On the day on which settlement ends, at the desk's own clock: 23:59:59 and 00:00:00."""
    await grant(database, CODE)
    world = VoucherWorld(database)
    await world.send(Event.RESERVE, "A", 400_000, party=HOLDER)
    told = await world.send(Event.CONSUME, "A", 400_000, party=PROVIDER, provider=PROVIDER)
    assert told.state is S.CONSUMED, told
    world.time.now = LAST_SECOND + timedelta(seconds=late_s)
    told = await world.send(Event.SUBMIT, "A", party=PROVIDER)
    assert told.refused is refused
    await close_over(world.desk, database)
    found = await audit(database)
    assert found.is_sound, found.faults
    assert found.buckets.consumed == (400_000 if refused is None else 0)

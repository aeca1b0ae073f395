"""A hub of vouchers that comes back with an old backup spends nothing that was spent before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.clock import system_clock
from hub.errors import ErrorCode, RefusedError
from hub.exchange.watch import FeedWatch
from hub.operate.backup import backup
from hub.policy.bounds import Missing
from hub.policy.vouchers.claim import S
from hub.policy.vouchers.messages import Event, VoucherRefusal
from hub.vouchers.between.ring import ErrandKind
from hub.vouchers.closing import keep_days, reservations_of
from hub.vouchers.followed.following import VoucherFollowing
from hub.vouchers.limits import LOG_PAUSE_S
from tests.databases import Spares
from tests.integration.vouchers.claim_hubs import ClaimHub, anew, restored
from tests.integration.vouchers.claim_talk import (
    claimed,
    grants,
    say,
    settled,
    sound,
    state_of,
    tracks_of,
)
from tests.integration.vouchers.voucher_world import HOLDER

pytestmark = pytest.mark.integration


@dataclass(slots=True)
class OldBackup:
    """A backup of a hub, and how the hub comes back with it."""

    hub: ClaimHub
    file: Path
    spares: Spares

    async def make(self) -> None:
        await backup(self.hub.database, self.file, system_clock())

    @asynccontextmanager
    async def back(self) -> AsyncIterator[ClaimHub]:
        async with restored(self.hub, self.file, self.spares) as hub:
            yield hub
            await sound(hub)


@pytest.fixture
def old(hubs: list[ClaimHub], spares: Spares, tmp_path: Path) -> OldBackup:
    return OldBackup(hubs[0], tmp_path / "old.zip", spares)


def after_the_last_day() -> datetime:
    return system_clock() + timedelta(days=400)


async def lost_of(hub: ClaimHub) -> list[tuple[str, str, str]]:
    """Return what its open findings of lost claims say: claim, hub and service, holder."""
    await hub.parts.keeping.look()
    return [
        tuple(row)
        for row in await hub.rows(
            "SELECT claim_no, detail, holder_key FROM voucher_finding_source "
            "WHERE kind = 'CLAIM_LOST' AND state = 'OPEN' ORDER BY 1"
        )
    ]


async def test_what_was_consumed_since_is_not_spent_again(
    hubs: list[ClaimHub], old: OldBackup
) -> None:
    anhui, jiangsu, _ = hubs
    service, provider = jiangsu.place.service(50), anhui.place.provider
    first = await say(anhui, Event.RESERVE, "L48", provider=provider)
    assert first.buckets is not None
    rest = first.buckets.available - 150_000
    await say(anhui, Event.RESERVE, "L49", provider=provider, fen=rest)
    await old.make()
    assert (await claimed(anhui, service, "L50")).state is S.CONSUMED
    async with old.back() as hub:
        waits = await say(hub, Event.RESERVE, "L51", provider=provider)
        assert (waits.state, waits.missing) == (None, Missing("restored", "jiangsu L50"))
        assert await lost_of(hub) == [("L50", f"jiangsu {service}", HOLDER)]
        wrong = await claimed(hub, jiangsu.place.service(51), "L50")
        assert wrong.missing == Missing("restored", "jiangsu L50"), "for another service"
        assert (await claimed(hub, service, "L50")).state is S.CONSUMED
        assert await lost_of(hub) == []
        assert await hub.rows("SELECT claim_no FROM lost_claim") == []
        again = await say(hub, Event.RESERVE, "L51", provider=provider)
        assert (again.state, again.refused) == (None, VoucherRefusal.INSUFFICIENT)
        assert await grants(jiangsu, service) == [(hub.place.issuer, "L50", "CONSUMED")]
        # From here on its word is about the attempt that it holds.
        await say(hub, Event.REJECT, "L50", reason="looked at")
        await settled([hub])
        assert await grants(jiangsu, service) == [(hub.place.issuer, "L50", "FREED")]
    await say(anhui, Event.RELEASE, "L49")


async def test_nothing_moves_before_every_hub_was_heard_and_a_number_is_not_a_claim(
    hubs: list[ClaimHub], old: OldBackup
) -> None:
    """Then two histories under one number: neither is taken for the other, a person decides."""
    anhui, jiangsu, _ = hubs
    own, service = anhui.place.service(52), jiangsu.place.service(52)
    await old.make()
    async with old.back() as hub:
        mine = {"provider": hub.place.provider}
        await _nothing_moves_without(jiangsu, hub)
        assert await lost_of(hub) == [], "nothing was told"
        assert (await say(hub, Event.RESERVE, "L53", **mine)).state is S.RESERVED
        assert (await claimed(hub, own, "L52")).state is S.CONSUMED
        assert (await claimed(anhui, service, "L52")).state is S.CONSUMED
        async with anew(hub) as later:
            assert await lost_of(later) == [("L52", f"jiangsu {service}", HOLDER)]
            again = await say(later, Event.CONSUME, "L52", service=service, key="again")
            assert (again.state, again.refused) == (None, VoucherRefusal.STATE_NOT_FITTING)
            waits = await say(later, Event.RESERVE, "L54", **mine)
            assert waits.missing == Missing("restored", "jiangsu L52")
            assert (await say(later, Event.RELEASE, "L53")).state is S.RELEASED
            lifted = await say(later, Event.CLEAR, "L52", reason="both are known")
            assert (lifted.state, await lost_of(later)) == (S.CONSUMED, [])
            assert await state_of(later, "L52") == "CONSUMED"
            assert (await say(later, Event.RESERVE, "L54", **mine)).state is S.RESERVED


async def _nothing_moves_without(peer: ClaimHub, hub: ClaimHub) -> None:
    peer.is_silent = True
    for event in (Event.RESERVE, Event.RELEASE, Event.REJECT):
        waits = await say(hub, event, "L53", provider=hub.place.provider, reason="r", key="early")
        assert (waits.state, waits.missing) == (None, Missing("peer", peer.place.name)), event
    hub.desk.clock = after_the_last_day
    await keep_days(hub.desk, hub.database, hub.place.origin)
    ended = "SELECT count(*) FROM voucher_movement_source WHERE event = 'USE_OVER'"
    assert await hub.rows(ended) == [(0,)]
    hub.desk.clock = system_clock
    following = VoucherFollowing.of(tracks_of(hub), FeedWatch(hub.database))
    assert await following.look() == LOG_PAUSE_S
    assert await hub.rows("SELECT * FROM voucher_place") == []
    peer.is_silent = False


async def test_what_may_have_been_consumed_stays_granted_until_the_issuer_lifts_the_stop(
    hubs: list[ClaimHub], old: OldBackup
) -> None:
    """The word that it was consumed never came; a restored hub does not say that it was not."""
    anhui, jiangsu, shanghai = hubs
    granted, consumed, reserved = (jiangsu.place.service(at) for at in (55, 56, 58))
    await say(anhui, Event.RESERVE, "L58", provider=jiangsu.place.provider)
    await old.make()
    assert (await claimed(anhui, consumed, "L56")).state is S.CONSUMED
    assert (await claimed(anhui, reserved, "L58")).state is S.CONSUMED
    shanghai.is_silent = True
    assert (await claimed(anhui, granted, "L55")).missing == Missing("peer", "shanghai")
    async with old.back() as hub:
        for is_heard in (False, True):
            shanghai.is_silent = not is_heard
            await settled([hub])
            await jiangsu.rows_changed("UPDATE service_grant SET ask_at = now()")
            await jiangsu.parts.keeping.grants.look()
            assert await grants(jiangsu, granted) == [(hub.place.issuer, "L55", "GRANTED")]
        assert [claim for claim, *_ in await lost_of(hub)] == ["L55", "L56", "L58"]
        await _stays_reserved(hub, "L58")
        assert (await claimed(hub, reserved, "L58")).state is S.CONSUMED
        assert (await claimed(hub, granted, "L55")).state is S.CONSUMED
        assert [claim for claim, *_ in await lost_of(hub)] == ["L56"]
        await _lifted(hub, "L56")
        async with anew(hub) as later:
            assert await lost_of(later) == [], "what is told again stays lifted"
            told = await say(later, Event.RESERVE, "L57", provider=hub.place.provider)
            assert told.state is S.RESERVED
            # Who comes after all is taken as far as there is money.
            assert (await claimed(later, consumed, "L56")).state is S.CONSUMED


async def _stays_reserved(hub: ClaimHub, claim: str) -> None:
    """What another hub knows as consumed is released by nobody, though it stands as reserved."""
    assert (await say(hub, Event.RELEASE, claim)).missing is not None
    await reservations_of(hub.desk).look()
    told = await hub.rows(
        "SELECT detail FROM voucher_finding_source WHERE kind = 'RESERVATION_OVER' "
        "AND state = 'OPEN' AND claim_no = %s",
        claim,
    )
    assert (told, await state_of(hub, claim)) == ([("PENDING",)], "RESERVED")


async def _lifted(hub: ClaimHub, claim: str) -> None:
    """Lift a stop as the issuer; before, nothing expires, and nobody else may lift it."""
    lifting = {"reason": "the parties never came", "key": "lift"}
    assert (await say(hub, Event.CLEAR, claim)).refused is VoucherRefusal.REASON_MISSING
    with pytest.raises(RefusedError) as refused:
        await say(hub, Event.CLEAR, claim, party=hub.place.provider, **lifting)
    assert refused.value.code is ErrorCode.FORBIDDEN
    hub.desk.clock = after_the_last_day
    assert await hub.desk.close(hub.place.issuer, "V-0", Event.USE_OVER) is None
    hub.desk.clock = system_clock
    assert (await say(hub, Event.CLEAR, claim, **lifting)).state is S.RELEASED
    assert (await say(hub, Event.CLEAR, claim, **lifting)).replayed
    with pytest.raises(RefusedError) as other:
        await say(hub, Event.CLEAR, claim, **{**lifting, "reason": "another"})
    assert other.value.code is ErrorCode.IDEMPOTENCY_CONFLICT
    noted = await hub.rows(
        "SELECT party, reason, detail ->> 'claim' FROM audit WHERE action = 'lost claim lifted'"
    )
    assert noted == [(hub.place.issuer, lifting["reason"], f"{hub.place.issuer}/V-0/{claim}")]


async def test_grants_are_told_to_the_home_of_their_vouchers_alone(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, _ = hubs
    service = jiangsu.place.service(59)
    await claimed(anhui, service, "L59")
    asked = {"issuer": "", "code": "", "claimNo": "", "issuers": [anhui.place.issuer]}
    answer = jiangsu.parts.errands.answer
    told = await answer("hub-anhui", ErrandKind.GRANTS, asked)
    assert [each["service"] for each in told["grants"] if each["claimNo"] == "L59"] == [service]
    assert await answer("hub-shanghai", ErrandKind.GRANTS, asked) == {"grants": []}
    after = {**asked, "issuer": anhui.place.issuer, "code": "V-0", "claimNo": "L59"}
    later = await answer("hub-anhui", ErrandKind.GRANTS, after)
    assert "L59" not in {each["claimNo"] for each in later["grants"]}
    for wrong in ({**asked, "issuers": []}, {**asked, "issuers": [None]}, {"issuers": ["x"]}):
        with pytest.raises(RefusedError) as refused:
            await answer("hub-anhui", ErrandKind.GRANTS, wrong)
        assert refused.value.code is ErrorCode.BAD_USER_INPUT
    noted = await jiangsu.rows(
        "SELECT detail ->> 'hub' FROM audit WHERE kind = 'RELAY' AND action = 'claim grants told'"
    )
    assert {hub for (hub,) in noted} >= {"anhui", "shanghai"}

"""What follows a claim on a service of another hub: settlement, fast track, expiry, attestation."""

from __future__ import annotations

import pytest

from hub.errors import ErrorCode, RefusedError
from hub.policy.bounds import Missing
from hub.policy.vouchers.claim import S
from hub.policy.vouchers.fast_track import FastTrackNeed
from hub.policy.vouchers.messages import Event, VoucherRefusal
from hub.vouchers.attested.attestation_told import NotAttested
from hub.vouchers.between.ring import ErrandKind
from hub.vouchers.closing import reservations_of
from hub.vouchers.marks import ClaimName
from hub.vouchers.question import VoucherWanted
from tests.integration.vouchers.claim_hubs import (
    ClaimHub,
)
from tests.integration.vouchers.claim_talk import (
    claimed,
    say,
    settled,
    state_of,
    tracks_of,
)

pytestmark = pytest.mark.integration


async def in_review(anhui: ClaimHub, service: str, claim: str) -> None:
    """Bring a claim on a service of another hub to where only the money is left to pay."""
    assert (await claimed(anhui, service, claim)).state is S.CONSUMED
    for event in (Event.SUBMIT, Event.COUNTY, Event.CITY):
        assert (await say(anhui, event, claim)).state is not None


async def test_a_claim_on_a_service_of_another_hub_is_settled(hubs: list[ClaimHub]) -> None:
    """Its home is asked again before money is paid out; while that is silent nothing is paid."""
    anhui, jiangsu, _ = hubs
    service = jiangsu.place.service(18)
    await in_review(anhui, service, "S18")
    jiangsu.is_silent = True
    waits = await say(anhui, Event.SETTLE, "S18", key="first")
    assert (waits.state, waits.missing) == (None, Missing("peer", "jiangsu"))
    jiangsu.is_silent = False
    told = await say(anhui, Event.SETTLE, "S18", key="first")
    assert (told.state, told.fen, told.missing) == (S.SETTLED, 100_000, None)
    assert (await say(anhui, Event.SETTLE, "S18", key="first")).replayed
    asked = await jiangsu.rows(
        "SELECT detail ->> 'answer', detail -> 'for' ->> 'party' FROM audit "
        "WHERE action = 'claim facts answered' ORDER BY audit_id"
    )
    assert asked == [("TOLD", anhui.place.issuer)]


async def test_what_its_home_corrected_since_is_not_settled(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, _ = hubs
    service = jiangsu.place.service(19)
    await in_review(anhui, service, "S19")
    jiangsu.services.facts[service] = {"overlaps": True}
    told = await say(anhui, Event.SETTLE, "S19", key="overlapping")
    assert (told.state, told.refused) == (None, VoucherRefusal.CHECKS_INVALID)
    jiangsu.services.facts[service] = {"reviewed_by": Missing("review")}
    told = await say(anhui, Event.SETTLE, "S19", key="unclear")
    assert (told.state, told.missing) == (None, Missing("review"))
    assert await state_of(anhui, "S19") == "CITY_OK"


async def test_who_may_not_settle_makes_the_hub_ask_nobody(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, _ = hubs
    service = jiangsu.place.service(20)
    await in_review(anhui, service, "S20")
    jiangsu.is_silent = True
    with pytest.raises(RefusedError) as refused:
        await say(anhui, Event.SETTLE, "S20", party=jiangsu.place.provider)
    assert refused.value.code is ErrorCode.FORBIDDEN
    too_much = await say(anhui, Event.SETTLE, "S20", fen=100_001, key="too much")
    assert too_much.refused is VoucherRefusal.AMOUNT_INVALID


async def test_facts_are_told_to_who_holds_the_grant_alone(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, _ = hubs
    service = jiangsu.place.service(21)
    await claimed(anhui, service, "S21")
    asked = {"issuer": anhui.place.issuer, "code": "V-0", "claimNo": "S21", "attempt": "guessed"}
    asked |= {"service": service, "fen": 1, "holder": "h", "party": "p", "client": "c"}
    answer = jiangsu.parts.errands.answer
    told = await answer("hub-shanghai", ErrandKind.FACTS, asked)
    assert told == {"missing": {"fact": "grant", "reason": "NOT_KEPT"}}
    other = {**asked, "service": jiangsu.place.service(22)}
    assert await answer("hub-anhui", ErrandKind.FACTS, other) == told
    assert "given" in await answer("hub-anhui", ErrandKind.FACTS, asked)


async def test_the_fast_track_names_that_the_service_is_at_another_hub(
    hubs: list[ClaimHub],
) -> None:
    anhui, jiangsu, _ = hubs
    for claim, provider, is_named in (
        ("S26", jiangsu.place.provider, True),
        ("S27", anhui.place.provider, False),
    ):
        await say(anhui, Event.RESERVE, claim, provider=provider)
        wanted = VoucherWanted(
            issuer=anhui.place.issuer, code="V-0", event=Event.SUBMIT, claim_no=claim
        )
        wanting = (await tracks_of(anhui).told(anhui.place.issuer, wanted)).track.wanting
        assert (FastTrackNeed.HOME in wanting) == is_named


async def test_a_reservation_that_other_hubs_may_know_of_is_not_released(
    hubs: list[ClaimHub],
) -> None:
    """One waits for its service's home; of the other one only that home knows whether it came."""
    anhui, jiangsu, _ = hubs
    jiangsu.is_silent = True
    assert (await claimed(anhui, jiangsu.place.service(23), "S23")).missing is not None
    await say(anhui, Event.RESERVE, "S24", provider=jiangsu.place.provider)
    await say(anhui, Event.RESERVE, "S25", provider=anhui.place.provider)
    assert await reservations_of(anhui.desk).look() >= 1
    told = await anhui.rows(
        "SELECT claim_no, detail FROM voucher_finding_source WHERE kind = 'RESERVATION_OVER' "
        "AND state = 'OPEN' AND claim_no IN ('S23', 'S24', 'S25') ORDER BY 1"
    )
    assert told == [("S23", "PENDING"), ("S24", "HOME_ELSEWHERE")]
    assert await state_of(anhui, "S25") == "RELEASED"
    jiangsu.is_silent = False
    await settled(hubs)
    assert await state_of(anhui, "S23") == "CONSUMED"


async def test_a_service_whose_log_is_not_pinned_is_not_attested_and_the_answer_says_why(
    hubs: list[ClaimHub],
) -> None:
    anhui, jiangsu, _ = hubs
    service = jiangsu.place.service(41)
    assert (await claimed(anhui, service, "S41")).state is S.CONSUMED
    name = ClaimName(anhui.place.issuer, "V-0", "S41")
    told = await anhui.attesting.attest(anhui.place.issuer, name)
    assert (told.text, told.refused) == (None, NotAttested.LOG_NOT_PINNED)
    assert told.claim is not None
    asked = await anhui.rows("SELECT FROM audit WHERE action = 'claim proof asked'")
    assert asked == [], "what could not be verified is not asked for"
    with pytest.raises(RefusedError) as refused:
        await anhui.attesting.attest("moe:10246", name)
    assert refused.value.code is ErrorCode.NOT_FOUND, "a stranger is not told where it is"

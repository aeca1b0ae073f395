"""A service of another hub is checked for a voucher before anything is claimed."""

from __future__ import annotations

import pytest

from hub.errors import ErrorCode, RefusedError
from hub.policy.vouchers.checks import CheckCode, CheckResult, VoucherVerdict
from hub.policy.vouchers.messages import Event
from hub.vouchers.between.advance_checks import ServiceAsker
from hub.vouchers.between.ring import ErrandKind, PeerSilentError
from hub.vouchers.question import ServiceChecked, VoucherWanted
from tests.integration.vouchers.claim_hubs import ClaimHub, client_at
from tests.integration.vouchers.claim_talk import grants
from tests.integration.vouchers.voucher_world import HOLDER

pytestmark = pytest.mark.integration
VERIFY = """query ($issuer: String!, $service: String!) {
  verifyService(issuer: $issuer, code: "V-0", service: $service, fen: 100000) {
    verdict inLog chargeFen checks { code result missing missingReason } } }"""


async def looked_at(hub: ClaimHub, service: str, party: str, issuer: str = "") -> ServiceChecked:
    wanted = VoucherWanted(
        issuer=issuer or hub.place.issuer,
        code="V-0",
        event=Event.CONSUME,
        claim_no="",
        fen=100_000,
        service=service,
    )
    return await hub.parts.advance.of(ServiceAsker(party, "office"), wanted)


async def test_its_home_is_asked_and_nothing_is_claimed(hubs: list[ClaimHub]) -> None:
    """The verdict is that of the voucher's hub, on what the home of the service knows."""
    anhui, jiangsu, _ = hubs
    service = jiangsu.place.service(201)
    async with client_at(anhui.place, "lab-jiangsu") as client:
        named = {"issuer": anhui.place.issuer, "service": service}
        found = (await client.query(VERIFY, named))["data"]["verifyService"]
        assert (found["verdict"], found["inLog"], found["chargeFen"]) == ("VALID", True, 2_000_000)
        jiangsu.services.facts[service] = {"overlaps": True}
        found = (await client.query(VERIFY, named))["data"]["verifyService"]
    assert found["verdict"] == "INVALID"
    assert found["checks"][0] == {
        "code": "OVERLAP",
        "result": "FAIL",
        "missing": None,
        "missingReason": None,
    }
    assert await grants(jiangsu, service) == []
    assert await anhui.rows("SELECT 1 FROM shared_claim WHERE service = %s", service) == []
    asked = await anhui.rows(
        "SELECT client_id, party, detail ->> 'hub' FROM audit WHERE action = 'service asked about'"
    )
    assert asked == [("lab-jiangsu", jiangsu.place.provider, "jiangsu")] * 2
    told = await jiangsu.rows(
        "SELECT detail -> 'for' ->> 'party' FROM audit WHERE action = 'service told'"
    )
    assert told == [(jiangsu.place.provider,)] * 2


async def test_while_its_home_is_silent_nothing_is_known(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, _ = hubs
    jiangsu.is_silent = True
    service = jiangsu.place.service(202)
    found = await looked_at(anhui, service, jiangsu.place.provider)
    assert (found.verified.verdict, found.in_log) == (VoucherVerdict.UNKNOWN, False)
    lacking = {each.code: each.missing for each in found.verified.checks if each.missing}
    assert all((each.fact, each.reason) == ("peer", "jiangsu") for each in lacking.values())
    assert {CheckCode.CHAIN, CheckCode.USE_DATE, CheckCode.POWER, CheckCode.AMOUNT} <= set(lacking)
    assert not set(found.verified.told(CheckResult.PASS)) & {CheckCode.INVOICE, CheckCode.CUSTOMS}


async def test_who_may_not_see_the_record_is_told_of_none(hubs: list[ClaimHub]) -> None:
    """Its issuer neither gave the service nor may read the record; a stranger asks nobody."""
    anhui, jiangsu, shanghai = hubs
    service = jiangsu.place.service(203)
    with pytest.raises(RefusedError) as refused:
        await looked_at(anhui, service, anhui.place.issuer)
    assert refused.value.code is ErrorCode.NOT_FOUND
    jiangsu.is_silent = True
    with pytest.raises(RefusedError) as refused:
        await looked_at(anhui, service, shanghai.place.provider)
    assert refused.value.code is ErrorCode.NOT_FOUND, "and it is not asked for a stranger"


async def test_a_voucher_of_another_hub_is_checked_there(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, _ = hubs
    with pytest.raises(RefusedError) as refused:
        await looked_at(anhui, jiangsu.place.service(204), HOLDER, jiangsu.place.issuer)
    assert refused.value.code is ErrorCode.HOME_ELSEWHERE
    assert jiangsu.place.base in refused.value.hint


async def test_a_hub_looks_at_no_service_of_a_third_one(hubs: list[ClaimHub]) -> None:
    anhui, _, shanghai = hubs
    service = shanghai.place.service(205)
    asked = {"issuer": anhui.place.issuer, "code": "V-0", "claimNo": "", "attempt": "look"}
    asked |= {"service": service, "fen": 1, "holder": "h", "client": "c"}
    with pytest.raises(PeerSilentError, match="HOME_ELSEWHERE"):
        await anhui.ring.ask(
            "jiangsu", ErrandKind.LOOK, {**asked, "party": shanghai.place.provider}
        )

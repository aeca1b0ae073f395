"""Claims over hubs: the home of the service decides, money moves at the home of the voucher."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest

from hub.clock import system_clock
from hub.errors import ErrorCode, RefusedError
from hub.operate.backup import backup
from hub.policy.bounds import Missing
from hub.policy.vouchers.claim import S
from hub.policy.vouchers.fingerprints import Hit
from hub.policy.vouchers.messages import Event
from hub.vouchers.between.fingerprint_keys import claim_keys_text, parse_claim_keys, rolled
from hub.vouchers.between.ring import ErrandKind
from hub.vouchers.followed.corrections import own_message
from hub.vouchers.question import FAST_TRACK, VoucherWanted
from tests.databases import Spares
from tests.integration.vouchers.claim_hubs import (
    ClaimHub,
    client_at,
    restored,
)
from tests.integration.vouchers.claim_talk import (
    NOW,
    claimed,
    grants,
    say,
    settled,
    state_of,
)
from tests.ordering import sent

pytestmark = pytest.mark.integration
INVOICE = ("033001900104", "01234567")
CONSUME = """mutation ($input: VoucherClaimInput!) { consumeVoucher(input: $input) {
  state refused missing heldFor userErrors { code } } }"""
CONSUME_TOLD = CONSUME.replace("code }", "code message }")
ERRAND = """mutation ($input: ClaimErrandInput!) { claimErrand(input: $input) {
  content userErrors { code } } }"""


async def test_a_service_of_another_hub_is_consumed_once(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, shanghai = hubs
    service = jiangsu.place.service(1)
    told = await claimed(anhui, service)
    assert (told.state, told.refused, told.missing) == (S.CONSUMED, None, None)
    assert await grants(jiangsu, service) == [(anhui.place.issuer, "A", "CONSUMED")]
    for other in (shanghai, jiangsu):
        second = await claimed(other, service)
        assert (second.state, second.refused) == (None, Hit.ALREADY_CLAIMED)
    (row,) = await jiangsu.rows(
        "SELECT detail ->> 'answer', detail -> 'for' ->> 'party' FROM audit "
        "WHERE action = 'claim grant answered' ORDER BY audit_id LIMIT 1"
    )
    assert row == ("GRANTED", jiangsu.place.provider)


async def test_over_graphql_as_a_client_says_it(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, _ = hubs
    service = jiangsu.place.service(2)
    await say(anhui, Event.RESERVE, "G", provider=jiangsu.place.provider)
    given = {"issuer": anhui.place.issuer, "code": "V-0", "claimNo": "G", "fen": 100_000}
    async with client_at(anhui.place, "office-anhui") as client:
        answer = await sent(client, CONSUME, {**given, "service": service}, "graphql-1")
    told = answer["data"]["consumeVoucher"]
    # The issuer asked, who neither gave the service nor may read its record at its home.
    assert [each["code"] for each in told["userErrors"]] == ["NOT_FOUND"]
    assert await grants(jiangsu, service) == []
    again = await say(anhui, Event.CONSUME, "G", service=service, party=jiangsu.place.provider)
    assert again.state is S.CONSUMED


async def test_a_silent_home_leaves_the_claim_as_it_is(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, _ = hubs
    service = jiangsu.place.service(3)
    jiangsu.is_silent = True
    told = await claimed(anhui, service, "S3")
    assert (told.state, told.refused, told.missing) == (None, None, Missing("peer", "jiangsu"))
    assert await anhui.parts.keeping.look(NOW) == 0
    assert await state_of(anhui, "S3") == "RESERVED"
    jiangsu.is_silent = False
    assert await anhui.parts.keeping.look(NOW) >= 1
    assert await state_of(anhui, "S3") == "CONSUMED"
    again = await claimed(anhui, service, "S3")
    assert (again.state, again.replayed) == (S.CONSUMED, True)


async def test_a_silent_third_hub_is_waited_for_and_the_pending_claim_is_a_hit(
    hubs: list[ClaimHub],
) -> None:
    anhui, jiangsu, shanghai = hubs
    service = jiangsu.place.service(4)
    shanghai.is_silent = True
    told = await claimed(anhui, service, "S4")
    assert told.missing == Missing("peer", "shanghai")
    assert await grants(jiangsu, service) == [(anhui.place.issuer, "S4", "GRANTED")]
    assert (await claimed(jiangsu, service, "S4")).refused is Hit.ALREADY_CLAIMED
    shanghai.is_silent = False
    await settled(hubs)
    assert await state_of(anhui, "S4") == "CONSUMED"
    assert await grants(jiangsu, service) == [(anhui.place.issuer, "S4", "CONSUMED")]


async def test_an_invoice_in_two_logs_pays_once(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, shanghai = hubs
    one, other = jiangsu.place.service(5), shanghai.place.service(5)
    jiangsu.services.facts[one] = {"invoice_told": INVOICE}
    shanghai.services.facts[other] = {"invoice_told": (INVOICE[0], "ＮＯ. 0123 4567")}
    assert (await claimed(anhui, one, "S5")).state is S.CONSUMED
    assert (await claimed(shanghai, other, "S5")).refused is Hit.INVOICE_CLAIMED
    assert (await claimed(jiangsu, other, "S5")).refused is Hit.INVOICE_CLAIMED
    await settled(hubs)
    assert await grants(shanghai, other) == [(jiangsu.place.issuer, "S5", "FREED")]
    heard = await anhui.rows(
        "SELECT count(*) FROM audit WHERE action = 'claim fingerprints answered' "
        "AND detail -> 'hits' ? 'F2'"
    )
    assert heard == [(1,)]


async def test_the_same_service_in_two_logs_waits_for_a_person(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, shanghai = hubs
    one, other = jiangsu.place.service(6), shanghai.place.service(6)
    for hub, service in ((jiangsu, one), (shanghai, other)):
        hub.services.facts[service] = {"instrument": "instr-6"}
    assert (await claimed(anhui, one, "S6")).met == ()
    held = await claimed(shanghai, other, "S6")
    assert (held.state, [each.hit for each in held.met]) == (S.CONSUMED, [Hit.SAME_SERVICE])


async def test_of_two_at_once_for_one_invoice_exactly_one_is_paid(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, shanghai = hubs
    for at in range(70, 74):
        one, other = jiangsu.place.service(at), shanghai.place.service(at)
        invoice = (INVOICE[0], f"012345{at}")
        jiangsu.services.facts[one] = {"invoice_told": invoice}
        shanghai.services.facts[other] = {"invoice_told": invoice}
        told = await asyncio.gather(
            claimed(anhui, one, f"S{at}"), claimed(jiangsu, other, f"S{at}")
        )
        assert sorted(str(each.refused) for each in told) == ["INVOICE_CLAIMED", "None"], told
        assert sum(each.state is S.CONSUMED for each in told) == 1


async def test_what_is_rejected_may_be_claimed_anew(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, shanghai = hubs
    service = jiangsu.place.service(8)
    await claimed(anhui, service, "S8")
    await say(anhui, Event.REJECT, "S8", reason="looked at")
    await settled(hubs)
    assert (await claimed(shanghai, service, "S8")).state is S.CONSUMED


async def test_a_grant_is_freed_only_when_the_home_of_the_voucher_says_so(
    hubs: list[ClaimHub],
) -> None:
    """The word that it was given up is lost, and then the hub that would say it is silent."""
    anhui, jiangsu, shanghai = hubs
    service = jiangsu.place.service(9)
    shanghai.is_silent = True
    await claimed(anhui, service, "S9")
    await anhui.rows_changed("UPDATE shared_claim SET state = 'FREED' WHERE claim_no = 'S9'")
    await jiangsu.rows_changed("UPDATE service_grant SET ask_at = now() WHERE claim_no = 'S9'")
    anhui.is_silent = True
    assert await jiangsu.parts.keeping.grants.look() == 0
    assert await grants(jiangsu, service) == [(anhui.place.issuer, "S9", "GRANTED")]
    anhui.is_silent = shanghai.is_silent = False
    await jiangsu.rows_changed("UPDATE service_grant SET ask_at = now() WHERE claim_no = 'S9'")
    assert await jiangsu.parts.keeping.grants.look() == 1
    assert await grants(jiangsu, service) == [(anhui.place.issuer, "S9", "FREED")]
    assert (await claimed(shanghai, service, "S9")).state is S.CONSUMED


async def test_the_grant_names_the_revision_that_it_was_given_for(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, shanghai = hubs
    service = jiangsu.place.service(10)
    shanghai.is_silent = True
    await claimed(anhui, service, "S10")
    jiangsu.services.facts[service] = {"list_price_fen": 1_600_000}  # corrected meanwhile
    shanghai.is_silent = False
    await settled(hubs)
    ((kept,),) = await jiangsu.rows(
        "SELECT commitment FROM service_grant WHERE service = %s", service
    )
    ((given,),) = await anhui.rows(
        "SELECT given ->> 'commitment' FROM shared_claim WHERE service = %s", service
    )
    assert kept == given == sha256(repr({}).encode()).hexdigest()


@pytest.mark.parametrize("is_heard", [True, False])
async def test_a_hub_with_an_old_backup_grants_nothing_twice(
    hubs: list[ClaimHub], spares: Spares, tmp_path: Path, is_heard: bool
) -> None:
    anhui, jiangsu, shanghai = hubs
    number = 11 + is_heard
    service = jiangsu.place.service(number)
    await backup(jiangsu.database, file := tmp_path / "old.zip", system_clock())
    assert (await claimed(anhui, service, f"S{number}")).state is S.CONSUMED
    async with restored(jiangsu, file, spares) as back:
        anhui.is_silent = not is_heard
        told = await claimed(shanghai, service, f"S{number}")
        anhui.is_silent = False
        if is_heard:
            assert told.refused is Hit.ALREADY_CLAIMED
            kept = await grants(back, service)
            assert kept == [(anhui.place.issuer, f"S{number}", "CONSUMED")]
        else:
            assert (told.state, told.missing) == (None, Missing("peer", "jiangsu"))
            await settled([shanghai])
            assert await state_of(shanghai, f"S{number}") == "RESERVED"


async def test_who_may_not_ask(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, _ = hubs
    service = jiangsu.place.service(13)
    with pytest.raises(RefusedError) as stranger:
        await jiangsu.parts.errands.answer("office-jiangsu", ErrandKind.CLAIMS, {})
    assert stranger.value.code is ErrorCode.FORBIDDEN
    await say(anhui, Event.RESERVE, "S13", provider=anhui.place.provider)
    with pytest.raises(RefusedError) as unseen:
        await say(anhui, Event.CONSUME, "S13", service=service, party=anhui.place.provider)
    assert unseen.value.code is ErrorCode.NOT_FOUND
    async with client_at(jiangsu.place, "office-jiangsu") as client:
        answer = await sent(client, ERRAND, {"kind": "CLAIMS", "content": {}}, "errand-1")
    told = answer["data"]["claimErrand"]
    assert (told["content"], told["userErrors"]) == (None, [{"code": "FORBIDDEN"}])


async def test_hubs_without_a_key_in_common_wait(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, shanghai = hubs
    service = jiangsu.place.service(14)
    file = Path(shanghai.place.folder) / "claim.keys"
    former = parse_claim_keys(file.read_text("ascii"))
    file.write_text(claim_keys_text({2027: b"\1" * 32}), "ascii")
    assert (await claimed(anhui, service, "S14")).missing == Missing("peer", "shanghai")
    file.write_text(claim_keys_text(rolled(former, 2027)), "ascii")
    await settled(hubs)
    assert await state_of(anhui, "S14") == "CONSUMED"
    file.write_text(claim_keys_text(former), "ascii")


async def test_a_message_for_a_voucher_of_another_hub_is_told_where_to_go(
    hubs: list[ClaimHub],
) -> None:
    anhui, jiangsu, _ = hubs
    given = {"issuer": anhui.place.issuer, "code": "V-0", "claimNo": "E", "fen": 100_000}
    given["service"] = jiangsu.place.service(15)
    async with client_at(jiangsu.place, "lab-jiangsu") as client:
        answer = await sent(client, CONSUME_TOLD, given, "elsewhere-1")
    (problem,) = answer["data"]["consumeVoucher"]["userErrors"]
    assert problem["code"] == "HOME_ELSEWHERE"
    assert anhui.place.base in problem["message"]
    elsewhere = dict(given, issuer="moe:10999")  # no hub is known to keep its money
    async with client_at(jiangsu.place, "lab-jiangsu") as client:
        answer = await sent(client, CONSUME_TOLD, elsewhere, "elsewhere-2")
    (problem,) = answer["data"]["consumeVoucher"]["userErrors"]
    assert problem["code"] == "NOT_FOUND"


async def test_what_the_hub_began_by_itself_goes_on_as_its_own(hubs: list[ClaimHub]) -> None:
    """A peer is silent when the fast track consumes; the retry is the hub's message still."""
    anhui, jiangsu, _ = hubs
    service = anhui.place.service(16)
    await say(anhui, Event.RESERVE, "S16", provider=anhui.place.provider)
    wanted = VoucherWanted(
        issuer=anhui.place.issuer,
        code="V-0",
        event=Event.CONSUME,
        claim_no="S16",
        fen=100_000,
        service=service,
        reason=FAST_TRACK,
    )
    asking = own_message(wanted, f"hub:{anhui.place.origin}", FAST_TRACK)
    jiangsu.is_silent = True
    assert (await anhui.desk.take(asking, wanted)).missing == Missing("peer", "jiangsu")
    jiangsu.is_silent = False
    await settled(hubs)
    stated = await anhui.rows(
        "SELECT event, stated_by, reason FROM voucher_movement_source "
        "WHERE claim_no = 'S16' AND event = 'CONSUME'"
    )
    assert stated == [("CONSUME", None, FAST_TRACK)]
    assert (await anhui.desk.take(asking, wanted)).replayed


async def test_a_claim_that_is_refused_leaves_nothing_behind(hubs: list[ClaimHub]) -> None:
    """Neither at the home of its service nor at that of its voucher, whoever was first."""
    anhui, jiangsu, _ = hubs
    service = jiangsu.place.service(17)
    assert (await claimed(anhui, service, "S17")).state is S.CONSUMED
    for hub, claim in ((jiangsu, "S17"), (anhui, "S17b")):
        assert (await claimed(hub, service, claim)).refused is Hit.ALREADY_CLAIMED
        assert await state_of(hub, claim) == "RESERVED"
        name = (hub.place.issuer, claim)
        for table in ("shared_claim", "voucher_mark", "claim_fingerprint"):
            left = await hub.rows(
                f"SELECT count(*) FROM {table} WHERE (issuer, claim_no) = (%s, %s)",
                *name,
            )
            assert left == [(0,)], table
    assert await grants(jiangsu, service) == [(anhui.place.issuer, "S17", "CONSUMED")]
    await say(anhui, Event.REJECT, "S17", reason="looked at")
    await settled(hubs)
    # The one that was refused may be sent anew, and has it then.
    again = {"service": service, "party": jiangsu.place.provider, "key": "anew"}
    assert (await say(anhui, Event.CONSUME, "S17b", **again)).state is S.CONSUMED

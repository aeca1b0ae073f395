"""Attestations of stored claims, their state now, and proofs of days: to whom and of what."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.crypto.answer import parse_answer
from hub.crypto.base64url import b64url
from hub.crypto.keys import generate_key
from hub.errors import ErrorCode, RefusedError
from hub.ledger.attestation_verdict import WantedClaim, verify_attestation
from hub.ledger.claims_proof import verify_claims
from hub.ledger.keys import parse_keys
from hub.ledger.note import Signer
from hub.ledger.receipts import receipt_for
from hub.ledger.verdict import Word
from hub.policy.vouchers.checks import CheckCode, CheckResult
from hub.policy.vouchers.messages import Event, VoucherRefusal
from hub.store.database import Database
from hub.vouchers.attested.attestation_told import NotAttested
from hub.vouchers.attested.attesting import STATE_TYPE
from hub.vouchers.closing import keep_days
from hub.vouchers.marks import ClaimName
from hub.vouchers.service import VoucherDesk
from schema.canonical import parse_canonical
from schema.dates import local_date
from tests.databases import as_owner
from tests.integration.vouchers.claimed_service import (
    CLAIM,
    FEN,
    HOLDER,
    INVOICED,
    ISSUER,
    ORIGIN,
    PROVIDER,
    SERVICE,
    ClaimedService,
    at_noon,
    claimed_service,
)
from tests.integration.vouchers.test_stored_services import VOUCHER, changed, record
from tests.integration.vouchers.voucher_world import HUB

pytestmark = pytest.mark.integration
STRANGER = "moe:10246"
OLDER = "older.delta.example/records"


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> ClaimedService:
    return await claimed_service(database, tmp_path)


async def test_each_party_gets_an_attestation_without_salt_and_a_stranger_none(
    world: ClaimedService,
) -> None:
    for party in (HOLDER, PROVIDER, ISSUER, None):
        told = await world.attesting.attest(party, CLAIM)
        assert told.text is not None, told
        wanted = WantedClaim(voucher=f"{ISSUER}/{CLAIM.code}", claim_no="A")
        found = verify_attestation(
            told.text, world.policy, world.keys(), now=world.time(), wanted=wanted
        )
        assert (found.word, found.attested) == (Word.VALID_UNWITNESSED, told.attested)
    assert told.attested is not None
    assert (told.attested.charge_fen, told.attested.voucher_fen) == (800_000, FEN)
    assert told.attested.ended_on == date(2026, 5, 4)
    assert len(told.text) < 4_000
    told = await world.attesting.attest(HOLDER, CLAIM)
    assert told.text is not None
    rows = await world.database.reads.fetch_all("SELECT salt FROM entry_body")
    assert all(b64url(salt).encode() not in told.text for (salt,) in rows)
    assert b"S-1" not in told.text
    for ask in (
        world.attesting.attest(STRANGER, CLAIM),
        world.attesting.state(STRANGER, CLAIM),
        world.attesting.attest(HOLDER, ClaimName(ISSUER, CLAIM.code, "B")),
        world.attesting.claims_of(STRANGER, SERVICE, date(2026, 5, 9)),
        world.attesting.claims_of(HOLDER, f"{SERVICE}0", date(2026, 5, 9)),
    ):
        with pytest.raises(RefusedError) as refused:
            await ask
        assert refused.value.code is ErrorCode.NOT_FOUND


async def test_what_is_unknown_reserved_or_rejected_is_not_attested(
    world: ClaimedService,
) -> None:
    world.checks.is_known = False
    told = await world.attesting.attest(HOLDER, CLAIM)
    assert (told.text, told.refused) == (None, NotAttested.NOT_VALID)
    unknown = [each.code for each in told.checks if each.result is CheckResult.UNKNOWN]
    assert unknown == [CheckCode.STATUS]
    await world.send(Event.RESERVE, "B", 1, party=HOLDER, provider=PROVIDER)
    reserved = await world.attesting.attest(HOLDER, ClaimName(ISSUER, CLAIM.code, "B"))
    assert reserved.refused is NotAttested.NOT_CLAIMED
    await world.send(Event.REJECT)
    assert (await world.attesting.attest(HOLDER, CLAIM)).refused is NotAttested.NOT_CLAIMED


async def test_not_before_the_log_signed_it_nor_after_the_last_day_of_settlement(
    world: ClaimedService,
) -> None:
    await world.send(Event.SUBMIT, party=PROVIDER)
    assert (await world.attesting.attest(HOLDER, CLAIM)).refused is NotAttested.NOT_IN_LOG
    await world.sign()
    told = await world.attesting.attest(HOLDER, CLAIM)
    assert told.attested is not None
    assert told.attested.state == "SUBMITTED"
    assert told.attested.valid_until == local_date(world.time()) + timedelta(days=90)
    world.time.now = at_noon("2026-09-29")
    await world.state(INVOICED["instrument"])  # customs answers rest on what was heard lately
    late = await world.attesting.attest(HOLDER, CLAIM)
    assert late.attested is not None
    assert late.attested.valid_until == date(2026, 9, 30)
    world.time.now = at_noon("2026-10-01")
    assert (await world.attesting.attest(HOLDER, CLAIM)).refused is NotAttested.CASH_OVER


async def test_a_service_that_was_corrected_is_not_attested_as_it_was(
    world: ClaimedService,
) -> None:
    corrected = changed(
        "service", invoiceNo="12345678901234567890", charge={"amount": "7999", "currency": "CNY"}
    )
    await world.state(corrected["service"])
    told = await world.attesting.attest(HOLDER, CLAIM)
    assert told.refused in {NotAttested.CORRECTED, NotAttested.NOT_VALID}
    await world.state(INVOICED["service"])
    await world.sign()
    assert (await world.attesting.attest(HOLDER, CLAIM)).text is not None


async def test_the_state_now_is_told_with_its_time_and_signed(world: ClaimedService) -> None:
    told = await world.attesting.state(PROVIDER, CLAIM)
    assert (told.claim["state"], told.home) == ("CONSUMED", "hub.delta.example")
    assert told.looked_up_at == "2026-05-10T04:00:00Z"
    read = parse_answer(STATE_TYPE, told.jws)
    assert read.is_by(world.key.private.public_key())
    said = parse_canonical(read.payload)
    assert (said["state"], said["voucherFen"], said["iat"]) == ("CONSUMED", FEN, 1778385600)
    await world.send(Event.REJECT)
    assert (await world.attesting.state(HOLDER, CLAIM)).claim["state"] == "REJECTED"


# The map of each day


async def test_days_end_at_midnight_in_shanghai_and_missed_ones_are_made_up_for(
    world: ClaimedService,
) -> None:
    world.time.now = at_noon("2026-05-10").replace(hour=23, minute=59)
    assert await world.map_days() == 0
    world.time.now = at_noon("2026-05-11").replace(hour=0, minute=4)
    assert await world.map_days() == 0
    world.time.now = at_noon("2026-05-11").replace(hour=0, minute=5)
    assert await world.map_days() == 1
    world.time.now = at_noon("2026-05-13")
    assert await world.map_days() == 2
    assert await world.map_days() == 0
    rows = await world.database.reads.fetch_all(
        "SELECT day::text, keys_count FROM claim_map_source ORDER BY day"
    )
    days = ("2026-05-10", "2026-05-11", "2026-05-12")  # from that of the first movement
    assert rows == [(day, 1) for day in days]


async def test_a_hub_without_claims_states_an_empty_day(database: Database, tmp_path: Path) -> None:
    world = ClaimedService(database, tmp_path)
    no_money = VoucherDesk(database, world.checks, world.time, party=HUB, issuers=frozenset())
    await keep_days(no_money, database, ORIGIN)
    assert await database.reads.fetch_all("SELECT count(*) FROM claim_map_source") == [(0,)]
    await keep_days(world.desk, database, ORIGIN)
    await keep_days(world.desk, database, ORIGIN)
    rows = await database.reads.fetch_all("SELECT day::text, keys_count FROM claim_map_source")
    assert rows == [("2026-05-09", 0)]


async def test_claimed_and_not_claimed_are_proved_offline(world: ClaimedService) -> None:
    unclaimed = f"{SERVICE}9"
    await world.state(
        record(
            "ServiceRecord",
            **{
                **INVOICED["service"]["record"],
                "localId": "S-19",
                "startedAt": "2026-05-05T01:00:00Z",
                "endedAt": "2026-05-05T06:00:00Z",
            },
        )
    )
    await world.sign()
    world.time.now = at_noon("2026-05-11")
    await world.map_days()
    day = date(2026, 5, 10)
    for service, is_claimed in ((SERVICE, True), (unclaimed, False)):
        told = await world.attesting.claims_of(PROVIDER, service, day)
        assert (told.refused, told.is_claimed) == (None, is_claimed)
        assert told.text is not None
        found = verify_claims(told.text, world.policy, now=world.time())
        assert (found.word, found.day) == (Word.VALID_UNWITNESSED, day)
        assert (found.mark is not None) is is_claimed
    attested = await world.attesting.attest(HOLDER, CLAIM)
    told = await world.attesting.claims_of(ISSUER, SERVICE, day)
    assert attested.text is not None
    assert told.text is not None


async def test_a_claim_that_was_attested_and_rejected_is_superseded_by_the_next_day(
    world: ClaimedService,
) -> None:
    attested = await world.attesting.attest(HOLDER, CLAIM)
    assert attested.text is not None
    world.time.now = at_noon("2026-05-11")
    await world.map_days()
    stands = await world.attesting.claims_of(ISSUER, SERVICE, date(2026, 5, 10))
    await world.send(Event.REJECT)
    world.time.now = at_noon("2026-05-12")
    await world.map_days()
    gone = await world.attesting.claims_of(HOLDER, SERVICE, date(2026, 5, 11))
    words = []
    for proof in (stands, gone):
        found = verify_attestation(
            attested.text,
            world.policy,
            world.keys(),
            now=world.time(),
            wanted=WantedClaim(claims=proof.text),
        )
        words.append((found.word, found.detail.partition(":")[0]))
    assert words == [
        (Word.VALID_UNWITNESSED, ""),
        (Word.BAD_RECORD, "ATTESTATION_SUPERSEDED"),
    ]
    again = await world.attesting.claims_of(HOLDER, SERVICE, date(2026, 5, 10))
    assert again.text is not None
    assert verify_claims(again.text, world.policy).mark is not None  # a past day stays as it was


async def test_a_revision_that_came_after_the_map_is_not_said_to_be_unclaimed(
    world: ClaimedService,
) -> None:
    world.time.now = at_noon("2026-05-11")
    await world.map_days()
    day = date(2026, 5, 10)
    before = await world.attesting.claims_of(HOLDER, SERVICE, day)
    assert before.is_claimed is True
    corrected = changed("service", invoiceNo="12345678901234567890", userReference="R-2")
    await world.state(corrected["service"])
    await world.sign()
    told = await world.attesting.claims_of(HOLDER, SERVICE, day)
    assert (told.text, told.refused) == (None, NotAttested.AFTER_DAY)
    world.time.now = at_noon("2026-05-12")
    await world.map_days()
    later = await world.attesting.claims_of(HOLDER, SERVICE, date(2026, 5, 11))
    assert later.is_claimed is True
    rows = await world.database.reads.fetch_all(
        "SELECT keys_count FROM claim_map_source ORDER BY day"
    )
    assert rows == [(1,), (2,)]  # both revisions of the claimed service
    none = await world.attesting.claims_of(HOLDER, SERVICE, date(2026, 5, 12))
    assert none.refused is NotAttested.NO_MAP
    table = await world.database.reads.fetch_all("SELECT entry_id FROM claim_map_source")
    receipt = await receipt_for(world.database, table[0][0], world.policy)
    assert receipt is not None
    assert receipt.record_type == "ClaimMap"


async def test_a_claim_that_was_settled_for_less_stands_with_what_was_paid(
    world: ClaimedService,
) -> None:
    for event in (Event.SUBMIT, Event.COUNTY, Event.CITY):
        assert (await world.send(event)).state is not None
    settled = await world.send(Event.SETTLE, fen=700_000, service=SERVICE, order_no="O-1")
    assert settled.fen == 700_000, settled
    await world.sign()
    told = await world.attesting.attest(ISSUER, CLAIM)
    assert told.attested is not None
    assert (told.attested.state, told.attested.voucher_fen) == ("SETTLED", 700_000)
    world.time.now = at_noon("2026-05-11")
    await world.map_days()
    proof = await world.attesting.claims_of(ISSUER, SERVICE, date(2026, 5, 10))
    assert told.text is not None
    found = verify_attestation(
        told.text,
        world.policy,
        world.keys(),
        now=world.time(),
        wanted=WantedClaim(claims=proof.text),
    )
    assert found.word is Word.VALID_UNWITNESSED, found.detail
    assert found.claims is not None
    assert found.claims.mark is not None
    assert (found.claims.mark.state, found.claims.mark.fen) == ("SETTLED", 700_000)


async def test_a_map_whose_content_was_erased_is_not_made_up(world: ClaimedService) -> None:
    unclaimed = record(
        "ServiceRecord",
        **{
            **INVOICED["service"]["record"],
            "localId": "S-19",
            "startedAt": "2026-05-05T01:00:00Z",
            "endedAt": "2026-05-05T06:00:00Z",
        },
    )
    await world.state(unclaimed)
    await world.sign()
    world.time.now = at_noon("2026-05-11")
    await world.map_days()
    async with await psycopg.AsyncConnection.connect(as_owner(world.database.url)) as connection:
        await connection.execute(
            b"DELETE FROM entry_body USING entry e WHERE e.entry_id = entry_body.entry_id "
            b"AND e.record_type = 'ServiceRecord' AND e.key = %s",
            (SERVICE,),
        )
    told = await world.attesting.claims_of(PROVIDER, f"{SERVICE}9", date(2026, 5, 10))
    assert (told.text, told.refused) == (None, NotAttested.MAP_GONE)


async def test_a_key_that_was_replaced_is_pinned_up_to_the_size_that_the_log_had(
    world: ClaimedService,
) -> None:
    first = await world.attesting.attest(HOLDER, CLAIM)
    former, changed_over = world.key, world.time() + timedelta(hours=1)
    world.key = generate_key()
    world.time.now = changed_over + timedelta(hours=1)
    await world.send(Event.SUBMIT, party=PROVIDER)
    await world.sign()
    periods = [(former.public, 0), (world.key.public, int(changed_over.timestamp()))]
    keys = parse_keys(await world.attesting.keys_to_pin(periods))
    second = await world.attesting.attest(HOLDER, CLAIM)
    world.key = former
    stale = await world.attesting.attest(HOLDER, CLAIM)
    words = [
        verify_attestation(each.text or b"", world.policy, keys, now=world.time()).word
        for each in (first, second, stale)
    ]
    assert words == [Word.VALID_UNWITNESSED, Word.VALID_UNWITNESSED, Word.KEY_NOT_ACTIVE]


async def test_a_claim_for_one_provider_does_not_pay_another_one(
    database: Database, tmp_path: Path
) -> None:
    world = ClaimedService(database, tmp_path)
    await world.state(*INVOICED.values(), VOUCHER)
    await world.sign()
    await world.send(Event.RESERVE, "A", FEN, party=HOLDER, provider=STRANGER, order_no="O-1")
    for party in (ISSUER, STRANGER):
        told = await world.send(
            Event.CONSUME, "A", FEN, party=party, service=SERVICE, order_no="O-1"
        )
        assert told.refused is VoucherRefusal.CHECKS_INVALID
        failed = {each.code for each in told.checks if each.result is CheckResult.FAIL}
        assert failed == {CheckCode.CHAIN}


async def test_a_service_that_an_older_log_has_is_attested_by_both(
    database: Database, tmp_path: Path
) -> None:
    world = ClaimedService(database, tmp_path)
    await world.state(*INVOICED.values(), VOUCHER)
    now = world.signer
    world.signer = Signer(OLDER, Ed25519PrivateKey.generate())
    older = world.signer.key
    await world.sign()
    world.signer = now
    assert (await world.claim()).state is not None
    await world.sign()
    told = await world.attesting.attest(HOLDER, CLAIM)
    assert told.text is not None, told
    assert told.attested is not None
    assert told.attested.service_log is not None
    assert told.attested.service_log.origin == OLDER
    both = replace(world.policy, logs=(now.key, older))
    found = verify_attestation(told.text, both, world.keys(), now=world.time())
    assert (found.word, found.attested) == (Word.VALID_UNWITNESSED, told.attested)
    one = verify_attestation(told.text, world.policy, world.keys(), now=world.time())
    assert one.word is Word.BAD_LOG_SIG

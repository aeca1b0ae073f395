"""An attestation is checked offline: every part of it, every character, and what changed since."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.crypto.base64url import b64url, unb64url
from hub.crypto.es256 import ORDER
from hub.ledger.attestation import AttestedCheck, ServiceLog
from hub.ledger.attestation_verdict import (
    AttestationVerdict,
    WantedClaim,
    verify_attestation,
)
from hub.ledger.keys import ProducerKeys
from hub.ledger.verdict import Word
from schema.canonical import canonical
from tests.unit.ledger.attested_log import (
    CLAIM_AT,
    DAY,
    MARK,
    NOW,
    SERVICE_AT,
    VOUCHER,
    AttestedLog,
    HubKey,
    others,
)

LOG = AttestedLog()
MEMBERS = frozenset(
    {
        *("v", "iss", "iat", "origin", "logSize", "instrument", "provider", "holder", "voucher"),
        *("claimNo", "state", "endedOn", "chargeFen", "voucherFen", "verdict", "checks"),
        *("validUntil", "serviceCommitment", "claimCommitment", "claimKey", "receipts"),
    }
)
GOOD, POLICY, KEYS = LOG.attestation(), LOG.policy(), LOG.keys()


def judged(
    data: bytes, log: AttestedLog = LOG, keys: ProducerKeys | None = None, **wanted: object
) -> AttestationVerdict:
    return verify_attestation(
        data,
        log.policy(),
        log.keys() if keys is None else keys,
        now=NOW,
        wanted=WantedClaim(**wanted),  # type: ignore[arg-type]
    )


def refused(verdict: AttestationVerdict) -> tuple[Word, str]:
    assert verdict.attested is None
    assert verdict.reasons[0].zh
    return verdict.word, verdict.detail.partition(":")[0]


def test_a_whole_one_is_valid_and_says_what_was_attested() -> None:
    verdict = judged(GOOD, voucher=VOUCHER, claim_no="A")
    assert (verdict.word, verdict.attested) == (Word.VALID, LOG.attested())
    assert verdict.party == f"hub:{LOG.origin}"
    assert verdict.witnesses == ("ah", "js", "sh")
    plain = verify_attestation(GOOD, LOG.policy("none"), KEYS)
    assert plain.word is Word.VALID_UNWITNESSED


def test_no_character_can_be_changed() -> None:
    words = set()
    for position, old in enumerate(GOOD):
        changed = GOOD[:position] + bytes([old ^ 1]) + GOOD[position + 1 :]  # a digit stays one
        verdict = verify_attestation(changed, POLICY, KEYS, now=NOW)
        assert not verdict.word.is_valid, position
        assert verdict.attested is None
        words.add(verdict.word)
    assert {Word.MALFORMED, Word.BAD_PRODUCER_SIG, Word.BAD_LEAF} <= words


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_piece_can_be_cut_out_put_in_or_replaced(data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(begin, len(GOOD)))
    piece = data.draw(st.binary(max_size=8) | st.sampled_from([GOOD[:9], GOOD[-9:]]))
    changed = GOOD[:begin] + piece + GOOD[end:]
    is_same = changed == GOOD
    assert verify_attestation(changed, POLICY, KEYS, now=NOW).word.is_valid is is_same


def test_also_where_the_policy_does_not_know_a_witness() -> None:
    few = LOG.policy("none")
    place = GOOD.index(b"witness.sh.example/w ") + 40
    changed = GOOD[:place] + bytes([GOOD[place] ^ 1]) + GOOD[place + 1 :]
    assert not verify_attestation(changed, few, KEYS, now=NOW).word.is_valid


def test_a_signature_in_its_other_form_is_refused_or_changes_nothing_that_is_said() -> None:
    """(r, n - s) is a signature of the same bytes: another file, the same statement."""
    read = json.loads(GOOD)
    head, payload, signature = read["attestation"].split(".")
    raw = unb64url(signature)
    other = raw[:32] + (ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    token = f"{head}.{payload}.{b64url(other)}"
    verdict = judged(canonical({**read, "attestation": token}))
    assert verdict.attested in {None, LOG.attested()}


def test_another_vouchers_attestation_is_a_bad_record() -> None:
    other = LOG.attestation(voucher="moe:10001/ZJ-2026-0002")
    assert judged(other).word is Word.VALID
    assert refused(judged(other, voucher=VOUCHER)) == (Word.BAD_RECORD, "ATTESTATION_OTHER")
    assert refused(judged(GOOD, claim_no="B")) == (Word.BAD_RECORD, "ATTESTATION_OTHER")


def test_parts_of_two_do_not_fit_together() -> None:
    one, other = json.loads(GOOD), json.loads(LOG.attestation(voucher_fen=1))
    mixed = canonical({**one, "attestation": other["attestation"]})
    assert judged(mixed).attested == LOG.attested(voucher_fen=1)  # same proofs: a whole one
    swapped = canonical({**one, "service": one["claim"], "claim": one["service"]})
    assert refused(judged(swapped)) == (Word.BAD_LEAF, "ATTESTATION_PROOFS")
    of_another = LOG.attestation(claim=LOG.proof(SERVICE_AT))
    assert refused(judged(of_another)) == (Word.BAD_LEAF, "LEAF_HASH")
    elsewhere = LOG.attestation(claim=LOG.proof(4), claim_commitment=LOG.entries[4].salted_hash)
    assert refused(judged(elsewhere)) == (Word.BAD_LEAF, "LEAF_HASH")  # a leaf of another type


def test_a_claim_in_another_log_is_refused() -> None:
    other = AttestedLog("hub.other.example/records")
    of_two = LOG.attestation(
        claim=other.proof(CLAIM_AT), claim_commitment=other.entries[CLAIM_AT].salted_hash
    )
    assert refused(judged(of_two)) == (Word.BAD_LOG_SIG, "ATTESTATION_HEADS")
    foreign = LOG.attestation(
        service=other.proof(SERVICE_AT),
        claim=other.proof(CLAIM_AT),
        service_commitment=other.entries[SERVICE_AT].salted_hash,
        claim_commitment=other.entries[CLAIM_AT].salted_hash,
    )
    assert refused(judged(foreign))[0] is Word.BAD_LOG_SIG
    assert refused(judged(LOG.attestation(log_size=9))) == (Word.BAD_LOG_SIG, "ATTESTATION_LOG")


# A service in the log of another hub

OTHER = AttestedLog("hub.other.example/records")
OTHER.add("UsageRecord", {"more": 1})  # another size than that of the claim's log
OF_TWO, BOTH = LOG.attestation_over(OTHER), LOG.policy("all", OTHER)


def test_a_service_in_another_log_is_valid_where_the_policy_pins_both() -> None:
    verdict = verify_attestation(OF_TWO, BOTH, KEYS, now=NOW)
    assert (verdict.word, verdict.party) == (Word.VALID, f"hub:{LOG.origin}")
    assert verdict.attested is not None
    assert verdict.attested.service_log == ServiceLog(OTHER.origin, 9)
    for pinned in (LOG, OTHER):
        one = verify_attestation(OF_TWO, pinned.policy(), KEYS, now=NOW)
        assert refused(one) == (Word.BAD_LOG_SIG, "SIGNATURE_MISSING")
    assert verify_attestation(GOOD, BOTH, KEYS, now=NOW).word is Word.VALID


def test_no_character_of_one_over_two_logs_can_be_changed() -> None:
    for position in range(0, len(OF_TWO), 7):
        changed = OF_TWO[:position] + bytes([OF_TWO[position] ^ 1]) + OF_TWO[position + 1 :]
        assert not verify_attestation(changed, BOTH, KEYS, now=NOW).word.is_valid, position


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (None, (Word.BAD_LOG_SIG, "ATTESTATION_HEADS")),
        (ServiceLog(OTHER.origin, 8), (Word.BAD_LOG_SIG, "ATTESTATION_LOG")),
        (ServiceLog("hub.third.example/records", 9), (Word.BAD_LOG_SIG, "ATTESTATION_LOG")),
        (ServiceLog(LOG.origin, 8), (Word.BAD_RECORD, "ATTESTATION_MEMBERS")),
        (ServiceLog(OTHER.origin, -1), (Word.BAD_RECORD, "ATTESTATION_MEMBERS")),
    ],
)
def test_the_log_of_the_service_is_the_one_that_the_hub_named(
    log: ServiceLog | None, expected: tuple[Word, str]
) -> None:
    data = LOG.attestation_over(OTHER, service_log=log)
    assert refused(verify_attestation(data, BOTH, KEYS, now=NOW)) == expected


def test_both_logs_must_have_been_witnessed() -> None:
    few = OTHER.proof(SERVICE_AT, OTHER.head(("sh",)))
    data = LOG.attestation_over(OTHER, service=few)
    assert refused(verify_attestation(data, BOTH, KEYS, now=NOW)) == (Word.NO_QUORUM, "QUORUM")
    one = verify_attestation(data, LOG.policy("any", OTHER), KEYS, now=NOW)
    assert (one.word, one.witnesses) == (Word.VALID, ("sh",)), "who saw one of two saw not both"


def test_the_map_of_one_hub_says_nothing_of_a_service_of_another() -> None:
    log = AttestedLog()
    data = log.attestation_over(OTHER)
    claims = log.claims({log.claim_key(): MARK})
    wanted = WantedClaim(claims=claims)
    verdict = verify_attestation(data, log.policy("all", OTHER), KEYS, now=NOW, wanted=wanted)
    assert refused(verdict) == (Word.BAD_RECORD, "CLAIMS_OTHER")


def test_the_keys_decide() -> None:
    assert refused(judged(GOOD, keys=ProducerKeys())) == (Word.UNKNOWN_KEY, "KEY_UNKNOWN")
    assert judged(GOOD, keys=LOG.keys((0, 8))).word is Word.VALID
    for window in ((0, 7), (8, None), (0, 0)):
        assert refused(judged(GOOD, keys=LOG.keys(window))) == (Word.KEY_NOT_ACTIVE, "KEY_WINDOW")
    thief = AttestedLog()
    thief.key = HubKey(4712)
    thief.key.kid = LOG.key.kid
    stolen = judged(thief.attestation())
    assert refused(stolen) == (Word.BAD_PRODUCER_SIG, "ATTESTATION_SIGNATURE")


def test_time_decides() -> None:
    last = LOG.attestation(valid_until=DAY)
    assert judged(last).word is Word.VALID
    over = LOG.attestation(valid_until=DAY - timedelta(days=1))
    assert refused(judged(over)) == (Word.BAD_RECORD, "ATTESTATION_ENDED")
    late = LOG.attestation(issued_at=int(NOW.timestamp()) + 700)
    assert refused(judged(late)) == (Word.BAD_PRODUCER_SIG, "ATTESTATION_TIME")


def test_only_what_passed_every_check_is_attested() -> None:
    for checks in ((), (AttestedCheck("STATUS", "UNKNOWN"),), (AttestedCheck("POWER", "FAIL"),)):
        data = LOG.attestation(checks=checks)
        assert refused(judged(data)) == (Word.BAD_RECORD, "ATTESTATION_MEMBERS")


def test_too_few_witnesses_are_no_quorum() -> None:
    few = LOG.head(("sh",))
    data = LOG.attestation(service=LOG.proof(SERVICE_AT, few), claim=LOG.proof(CLAIM_AT, few))
    assert refused(judged(data)) == (Word.NO_QUORUM, "QUORUM")


# What a later day's map adds


@pytest.fixture
def log() -> AttestedLog:
    return AttestedLog()


def test_a_claim_that_stands_on_a_later_day_is_told_so(log: AttestedLog) -> None:
    data = log.attestation()
    verdict = judged(data, log, claims=log.claims({**others(9), log.claim_key(): MARK}))
    assert (verdict.word, verdict.claims and verdict.claims.mark) == (Word.VALID, MARK)


@pytest.mark.parametrize(
    "mark",
    [None, replace(MARK, claim=f"{VOUCHER}/B"), replace(MARK, fen=300_000)],
    ids=["ended", "another's", "capped"],
)
def test_a_claim_that_changed_since_is_superseded(log: AttestedLog, mark: object) -> None:
    data = log.attestation()
    marks = others(9) if mark is None else {**others(9), log.claim_key(): mark}
    verdict = judged(data, log, claims=log.claims(marks))  # type: ignore[arg-type]
    assert refused(verdict) == (Word.BAD_RECORD, "ATTESTATION_SUPERSEDED")


def test_a_proof_of_claims_must_be_of_this_service_this_log_and_not_older(
    log: AttestedLog,
) -> None:
    data, here = log.attestation(), {log.claim_key(): MARK}
    older = log.claims(here, day=DAY - timedelta(days=1))
    assert refused(judged(data, log, claims=older)) == (Word.BAD_RECORD, "CLAIMS_OLDER")
    before = log.claims(here, log_size=SERVICE_AT)
    assert refused(judged(data, log, claims=before)) == (Word.BAD_RECORD, "CLAIMS_OTHER")
    of_other = log.claims(here, key=next(iter(others(1))))
    assert refused(judged(data, log, claims=of_other)) == (Word.BAD_RECORD, "CLAIMS_OTHER")
    no_map = log.claims(here, record_type="UsageRecord")
    assert refused(judged(data, log, claims=no_map)) == (Word.BAD_RECORD, "CLAIMS_PROOF")
    broken = log.claims(here)[:-1]
    assert refused(judged(data, log, claims=broken)) == (Word.MALFORMED, "CLAIMS_PROOF")


def test_the_verifier_loads_nothing_but_cryptography_and_its_own_pure_modules() -> None:
    script = (
        "import sys; before = set(sys.modules); import hub.ledger.attestation_verdict;"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    foreign = set(done.stdout.split()) - sys.stdlib_module_names
    assert foreign <= {"hub", "schema", "cryptography", "_cffi_backend", "_openssl"}


def test_it_names_no_person_no_content_and_no_project() -> None:
    payload = json.loads(unb64url(json.loads(GOOD)["attestation"].split(".")[1]))
    assert sorted(payload) == sorted(MEMBERS)
    salt = LOG.entries[SERVICE_AT].salt
    assert b64url(salt).encode() not in GOOD
    assert LOG.canons[SERVICE_AT] not in GOOD
    assert date.fromisoformat(payload["endedOn"]) == date(2026, 5, 4)

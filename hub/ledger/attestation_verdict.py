"""`attestation_verdict`: whether an attestation proves what it says, offline, in one word.

The words are those of receipts (`hub.ledger.verdict`). Steps, in this order, the first failure
decides: the file is well formed (MALFORMED); what is signed is an attestation (BAD_RECORD); its key
is pinned for the hub of the log (UNKNOWN_KEY) and signed it (BAD_PRODUCER_SIG); both proofs are
those that were signed for, of a service record and of a claim, and of these commitments (BAD_LEAF);
a log of the policy, the one that is named, signed the checkpoint (BAD_LOG_SIG) and enough witnesses
did (NO_QUORUM), and where the service is in another log so it is with that one's; both leaves are
in their trees (BAD_INCLUSION); the key was in force at that size of the log (KEY_NOT_ACTIVE); it is
of the voucher that was asked for, its time is not over, and with a proof of a later day the claim
stands still (BAD_RECORD).

Invariants:
- Never raises because of a file; facts are told only with a valid word.
- VALID means: so it was at that size of the log. That nothing changed since is said by a proof of a
  later day's map, or by the hub when it is asked (`claimState`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hub.ledger.attestation import (
    CLAIM,
    SERVICE,
    AttestationError,
    AttestationFile,
    Attested,
    attested_of,
    parse_attestation,
)
from hub.ledger.claims_proof import ClaimsVerdict, told_of, verify_claims
from hub.ledger.errors import NoteError
from hub.ledger.keys import PinnedKey, ProducerKeys
from hub.ledger.leaf_proof import check_inclusion
from hub.ledger.limits import CLOCK_SKEW_S
from hub.ledger.policy import Policy
from hub.ledger.proof import TlogProof
from hub.ledger.trusted_head import TrustedHead, seen_by, trusted_head
from hub.ledger.verdict import RefusedVerdictError, VerdictReason, Word
from schema.dates import local_date
from schema.parties import HUB_PARTY

SUPERSEDED = "ATTESTATION_SUPERSEDED"
ENDED = "ATTESTATION_ENDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedClaim:
    """What the verifier expects; what is None is not compared."""

    voucher: str | None = None
    """Key of the issuing department and number, joined by `/`."""
    claim_no: str | None = None
    claims: bytes | None = None
    """A proof of the map of a later day (`hub.ledger.claims_proof`)."""


ANY = WantedClaim()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationVerdict:
    """The answer; everything but word, reasons and detail is None unless the word is valid."""

    word: Word
    reasons: tuple[VerdictReason, ...]
    detail: str = ""
    """Code and technical cause of a refusal, in English."""
    attested: Attested | None = None
    party: str | None = None
    """The hub that attests."""
    witnessed_at: datetime | None = None
    witnesses: tuple[str, ...] = ()
    claims: ClaimsVerdict | None = None
    """What the map of a later day says, where its proof was given."""


def verify_attestation(
    data: bytes,
    policy: Policy,
    keys: ProducerKeys,
    *,
    now: datetime | None = None,
    wanted: WantedClaim = ANY,
) -> AttestationVerdict:
    """Judge an attestation. Without `now` no time is compared."""
    try:
        return _judge(data, policy, keys, now, wanted)
    except RefusedVerdictError as refusal:
        reason = _REFUSALS[refusal.word]
        for code, sentence in _CAUSES.items():
            if refusal.detail.startswith(code):
                reason = sentence
        return AttestationVerdict(word=refusal.word, reasons=(reason,), detail=refusal.detail)


def _judge(
    data: bytes, policy: Policy, keys: ProducerKeys, now: datetime | None, wanted: WantedClaim
) -> AttestationVerdict:
    try:
        file = parse_attestation(data)
    except AttestationError as error:
        raise RefusedVerdictError(Word.MALFORMED, f"ATTESTATION_TEXT: {error}") from error
    attested, key = _signed(file, keys, now)
    head = _in_log(file, attested, policy, now)
    size = head.checkpoint.size
    if not key.is_active(attested.origin, size - 1):
        raise RefusedVerdictError(
            Word.KEY_NOT_ACTIVE, f"KEY_WINDOW: key {key.kid} does not sign at {size} leaves"
        )
    _check_wanted(attested, wanted, now)
    claims = None if wanted.claims is None else _still(file, attested, policy, wanted.claims, now)
    said = VerdictReason(
        f"枢纽证明：日志共 {size} 项时，该服务的各项核验均通过，申兑已入账。",
        f"The hub attests: at {size} leaves every check of the service had passed and the claim "
        "stood in the log.",
    )
    return AttestationVerdict(
        word=Word.VALID if policy.asks_witnesses else Word.VALID_UNWITNESSED,
        reasons=(
            said,
            seen_by(head.witnessed_at),
            *(() if claims is None else (told_of(claims),)),
        ),
        attested=attested,
        party=key.party,
        witnessed_at=head.witnessed_at,
        witnesses=head.witnesses,
        claims=claims,
    )


def _signed(
    file: AttestationFile, keys: ProducerKeys, now: datetime | None
) -> tuple[Attested, PinnedKey]:
    """Return what the pinned key of the hub signed."""
    try:
        attested, digests = attested_of(file)
    except AttestationError as error:
        raise RefusedVerdictError(Word.BAD_RECORD, f"ATTESTATION_MEMBERS: {error}") from error
    party = f"{HUB_PARTY}{attested.origin}"
    key = keys.find(file.jws.kid, party)
    if key is None:
        raise RefusedVerdictError(
            Word.UNKNOWN_KEY, f"KEY_UNKNOWN: key {file.jws.kid} is not pinned for {party}"
        )
    if not file.jws.is_by(key.public):
        raise RefusedVerdictError(
            Word.BAD_PRODUCER_SIG, "ATTESTATION_SIGNATURE: the key did not sign these bytes"
        )
    if now is not None and attested.issued_at > now.timestamp() + CLOCK_SKEW_S:
        raise RefusedVerdictError(
            Word.BAD_PRODUCER_SIG, "ATTESTATION_TIME: it was signed in the future; set the clock"
        )
    _check_leaves(file, attested, dict(digests))
    return attested, key


def _check_leaves(file: AttestationFile, attested: Attested, digests: dict[str, str]) -> None:
    if digests != file.digests:
        raise RefusedVerdictError(
            Word.BAD_LEAF, "ATTESTATION_PROOFS: the proofs are not those that were signed for"
        )
    for name, record_type, commitment in (
        ("service", SERVICE, attested.service_commitment),
        ("claim", CLAIM, attested.claim_commitment),
    ):
        leaf = file.leaves[name]
        if leaf.record_type != record_type or leaf.salted_hash != commitment:
            raise RefusedVerdictError(
                Word.BAD_LEAF, f"LEAF_HASH: the proof of the {name} is of another record"
            )


def _in_log(
    file: AttestationFile, attested: Attested, policy: Policy, now: datetime | None
) -> TrustedHead:
    """Return the checkpoint that the claim is under, and who saw that of the service as well."""
    elsewhere = attested.service_log
    if elsewhere is None and file.claim.checkpoint.text != file.service.checkpoint.text:
        raise RefusedVerdictError(
            Word.BAD_LOG_SIG, "ATTESTATION_HEADS: claim and service stand under two checkpoints"
        )
    head = _head(file.claim, (attested.origin, attested.log_size), policy, now)
    of_service = head if elsewhere is None else _head(file.service, elsewhere, policy, now)
    check_inclusion(file.service, of_service, "service")
    check_inclusion(file.claim, head, "claim")
    return head if elsewhere is None else _seen_both(head, of_service)


def _head(
    proof: TlogProof, said: tuple[str, int], policy: Policy, now: datetime | None
) -> TrustedHead:
    """Return the checkpoint of a proof, of the log and size that the hub named."""
    try:
        head = trusted_head(proof.checkpoint, policy, now)
    except NoteError as error:
        raise RefusedVerdictError(Word.MALFORMED, str(error)) from error
    if (head.checkpoint.origin, head.checkpoint.size) != said:
        raise RefusedVerdictError(
            Word.BAD_LOG_SIG, "ATTESTATION_LOG: the checkpoint is of another log or size"
        )
    return head


def _seen_both(head: TrustedHead, other: TrustedHead) -> TrustedHead:
    """Return a checkpoint as witnessed only when and by whom both were seen."""
    times = [each.witnessed_at for each in (head, other) if each.witnessed_at is not None]
    return TrustedHead(
        head.checkpoint,
        max(times, default=None),
        tuple(each for each in head.witnesses if each in other.witnesses),
    )


def _check_wanted(attested: Attested, wanted: WantedClaim, now: datetime | None) -> None:
    for name, asked, said in (
        ("voucher", wanted.voucher, attested.voucher),
        ("claim", wanted.claim_no, attested.claim_no),
    ):
        if asked is not None and asked != said:
            raise RefusedVerdictError(
                Word.BAD_RECORD, f"ATTESTATION_OTHER: it is of {name} {said}, not of {asked}"
            )
    if now is not None and local_date(now) > attested.valid_until:
        raise RefusedVerdictError(Word.BAD_RECORD, f"{ENDED}: it held until {attested.valid_until}")


def _still(
    file: AttestationFile,
    attested: Attested,
    policy: Policy,
    proof: bytes,
    now: datetime | None,
) -> ClaimsVerdict:
    """Return what a later day's map says, where it says that the claim stands as attested."""
    found = verify_claims(proof, policy, now=now)
    if not found.word.is_valid:
        raise RefusedVerdictError(found.word, f"CLAIMS_PROOF: {found.verdict.detail}")
    assert found.day is not None
    assert found.log_size is not None
    is_here = attested.service_log is None and found.verdict.origin == attested.origin
    covers = is_here and file.service.index < found.log_size
    if found.key != attested.claim_key or not covers:
        raise RefusedVerdictError(
            Word.BAD_RECORD, "CLAIMS_OTHER: the proof of claims is of another service or log"
        )
    if found.day < local_date(datetime.fromtimestamp(attested.issued_at, UTC)):
        raise RefusedVerdictError(
            Word.BAD_RECORD, f"CLAIMS_OLDER: the proof is of {found.day}, before the attestation"
        )
    mark = found.mark
    stands = mark is not None and (mark.claim, mark.fen) == (
        f"{attested.voucher}/{attested.claim_no}",
        attested.voucher_fen,
    )
    if not stands:
        now_is = "nobody's" if mark is None else f"{mark.claim}'s, {mark.fen} fen"
        raise RefusedVerdictError(
            Word.BAD_RECORD, f"{SUPERSEDED}: at the end of {found.day} the service was {now_is}"
        )
    return found


_CAUSES = {
    "ATTESTATION_OTHER": VerdictReason(
        "这份证明属于另一张券或另一笔申兑。请索取所需的那一份。",
        "This attestation is of another voucher or claim. Ask for the right one.",
    ),
    ENDED: VerdictReason(
        "这份证明的有效期已过。请重新领取。",
        "The time of this attestation is over. Fetch it again.",
    ),
    SUPERSEDED: VerdictReason(
        "证明出具后，申兑已变更或不再有效。请重新领取并核对金额。",
        "The claim changed or ended since it was attested. Fetch it again and compare the amount.",
    ),
    "CLAIMS_": VerdictReason(
        "申兑日表的证明无效，或不属于这份证明。请重新领取。",
        "The proof of the daily map of claims is not valid, or not of this attestation. Fetch it "
        "again.",
    ),
}

_REFUSALS = {
    Word.MALFORMED: VerdictReason(
        "文件格式有误，可能在传输中损坏。请重新领取，勿重新排版。",
        "The file is not well formed, perhaps damaged on the way. Fetch it again; do not reformat.",
    ),
    Word.UNKNOWN_KEY: VerdictReason(
        "签名密钥不在固定的密钥清单中。请向枢纽索取清单并当面核对。",
        "The signing key is not among the pinned ones. Get the list from the hub and check it.",
    ),
    Word.BAD_PRODUCER_SIG: VerdictReason(
        "枢纽的签名与内容不符：文件被改动过。",
        "The hub's signature does not fit what is said: the file was changed.",
    ),
    Word.BAD_RECORD: VerdictReason(
        "签名内容不是一份完整的证明。",
        "What is signed is not a whole attestation.",
    ),
    Word.BAD_LEAF: VerdictReason(
        "所附的日志证明不属于这份证明。",
        "The proofs from the log are not those of this attestation.",
    ),
    Word.BAD_LOG_SIG: VerdictReason(
        "检查点没有策略所列日志的有效签名，或不是所称的日志。",
        "No log of the policy has validly signed the checkpoint, or it is not the log named.",
    ),
    Word.NO_QUORUM: VerdictReason(
        "见证方签名不足或无效。稍后重新领取再验证。",
        "Witnesses are missing or wrong. Fetch the attestation again later and verify that.",
    ),
    Word.BAD_INCLUSION: VerdictReason(
        "包含证明与检查点不符：记录不在这份日志中。",
        "The proof does not lead to the checkpoint: the record is not in this log.",
    ),
    Word.KEY_NOT_ACTIVE: VerdictReason(
        "签名密钥在该日志位置未启用或已停用。",
        "The signing key was not in force at this size of the log.",
    ),
}

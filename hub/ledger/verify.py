"""`verify`: whether a receipt proves a record, offline, in one word.

Steps, in this order, the first failure decides: the receipt is well formed (MALFORMED); the record
is in canonical form (BAD_RECORD); the producer's signature, where there is one, is of a pinned key
(UNKNOWN_KEY), of this record and of who may state it (BAD_PRODUCER_SIG); the evidence is of this
record, and its key is the one that the record's own items give (BAD_LEAF); a log of the policy
signed the checkpoint (BAD_LOG_SIG); enough witnesses did (NO_QUORUM); the leaf is in the tree
(BAD_INCLUSION); the producer's key was in force at that leaf (KEY_NOT_ACTIVE).

Invariants:
- `verify` never raises because of receipt or record, and answers VALID only when the
  policy asks for witnesses and has them; with `quorum none` the best word is VALID_UNWITNESSED.
- A verdict carries facts (assurance, key, revision, index, size, time) only when they were proved.
- Needs the standard library, `cryptography` and pure modules; no network, no clock of its own.

What it cannot say: whether the record was corrected or withdrawn since. Ask the hub for that.
"""

from __future__ import annotations

from datetime import datetime

from hub.crypto.base64url import b64url
from hub.ledger.checkpoint import Checkpoint
from hub.ledger.errors import NoteError, ProofError, StatementError
from hub.ledger.keys import PinnedKey, ProducerKeys
from hub.ledger.leaf import LeafEvidence
from hub.ledger.limits import RECORD_BYTES_MAX
from hub.ledger.merkle import verify_inclusion
from hub.ledger.policy import Policy
from hub.ledger.proof import parse_receipt
from hub.ledger.statement import check_statement, parse_statement
from hub.ledger.trusted_head import seen_by, trusted_head
from hub.ledger.verdict import REFUSALS, RefusedVerdictError, Verdict, VerdictReason, Word
from schema.canonical import digest, parse_canonical
from schema.codes import Assurance
from schema.registry import Registry, standard

TOMBSTONE = frozenset({"type", "key", "reason", "at"})
"""Members of the canonical bytes of a withdrawal."""


def verify(
    receipt: bytes,
    record: bytes,
    policy: Policy,
    keys: ProducerKeys,
    *,
    now: datetime | None = None,
    registry: Registry | None = None,
) -> Verdict:
    """Judge a receipt for the canonical bytes of a record.

    With `now`, signatures and cosignatures from more than ten minutes in the future are refused.
    `registry`: the record types that are known, those of the standard by default.
    """
    try:
        return _judge(receipt, record, policy, keys, (now, registry or standard()))
    except RefusedVerdictError as refusal:
        return Verdict(word=refusal.word, reasons=(REFUSALS[refusal.word],), detail=refusal.detail)
    except NoteError as error:
        return Verdict(word=Word.MALFORMED, reasons=(REFUSALS[Word.MALFORMED],), detail=str(error))


def _judge(
    data: bytes,
    record: bytes,
    policy: Policy,
    keys: ProducerKeys,
    known: tuple[datetime | None, Registry],
) -> Verdict:
    now, registry = known
    receipt = parse_receipt(data)
    evidence = receipt.evidence
    leaf = evidence.leaf()
    _check_record(record)
    key = None if evidence.jws is None else _check_producer(evidence, record, keys, now)
    record_type, record_key = evidence.revision.record_type, _record_key(record, registry, evidence)
    issuer = _issuer(record_type, record, registry)
    if key is not None and issuer not in (None, evidence.party):
        raise RefusedVerdictError(
            Word.BAD_PRODUCER_SIG,
            f"PRODUCER_PARTY: {evidence.party} signed what only {issuer} may state",
        )
    if not evidence.matches(record):
        raise RefusedVerdictError(Word.BAD_LEAF, "LEAF_HASH: the salted hash is of another record")
    if record_key not in (None, evidence.revision.key):
        raise RefusedVerdictError(
            Word.BAD_LEAF,
            f"LEAF_RECORD_KEY: the record is {record_key}, not {evidence.revision.key}",
        )
    head = trusted_head(receipt.checkpoint, policy, now)
    checkpoint, witnessed_at = head.checkpoint, head.witnessed_at
    try:
        verify_inclusion(
            receipt.index, checkpoint.size, leaf.hash(), receipt.proof, checkpoint.root
        )
    except ProofError as error:
        raise RefusedVerdictError(Word.BAD_INCLUSION, str(error)) from error
    if key is not None and not key.is_active(checkpoint.origin, receipt.index):
        raise RefusedVerdictError(
            Word.KEY_NOT_ACTIVE, f"KEY_WINDOW: key {key.kid} does not sign leaf {receipt.index}"
        )
    return Verdict(
        word=Word.VALID if policy.asks_witnesses else Word.VALID_UNWITNESSED,
        reasons=_reasons(
            _assurance_reason(leaf.assurance, issuer), checkpoint, receipt.index, witnessed_at
        ),
        assurance=leaf.assurance,
        record_type=record_type,
        authority=evidence.revision.authority,
        key=evidence.revision.key,
        revision=evidence.revision.number,
        party=leaf.party,
        revision_id="r1_" + b64url(digest(record)),
        origin=checkpoint.origin,
        index=receipt.index,
        log_size=checkpoint.size,
        witnessed_at=witnessed_at,
        witnesses=head.witnesses,
    )


def _issuer(record_type: str, record: bytes, registry: Registry) -> str | None:
    """Return the one party that may state a record, or None where its bytes do not tell.

    They do not where this version does not know the record type, and for some withdrawals, which
    name nothing but a key.
    """
    spec = registry.get(record_type)
    if spec is None:
        return None
    wire = parse_canonical(record)
    if wire.keys() == TOMBSTONE:
        party = spec.issuer or spec.owner
        return registry.party_of_key(spec, party, str(wire["key"]))
    try:
        return spec.issuer_of(wire)
    except KeyError:
        return None


def _record_key(record: bytes, registry: Registry, evidence: LeafEvidence) -> str | None:
    """Return the key that a record's own items give, or None where this version cannot tell."""
    wire = parse_canonical(record)
    if wire.keys() == TOMBSTONE:
        return str(wire["key"])
    spec = registry.get(evidence.revision.record_type)
    try:
        return None if spec is None else spec.key_of(wire)
    except KeyError:
        return None


def _assurance_reason(assurance: Assurance, issuer: str | None) -> VerdictReason:
    """Return the sentence on who vouches, or that signer and issuer could not be compared."""
    if assurance is Assurance.PRODUCER_SIGNED and issuer is None:
        return _UNCOMPARED
    return _ASSURANCES[assurance]


def _check_record(record: bytes) -> None:
    if len(record) > RECORD_BYTES_MAX:
        raise RefusedVerdictError(
            Word.BAD_RECORD, "RECORD_SIZE: the record is larger than any record"
        )
    try:
        parse_canonical(record)
    except ValueError as error:
        raise RefusedVerdictError(Word.BAD_RECORD, f"RECORD_CANONICAL: {error}") from error


def _check_producer(
    evidence: LeafEvidence, record: bytes, keys: ProducerKeys, now: datetime | None
) -> PinnedKey:
    jws, kid = evidence.jws or "", evidence.kid or ""
    try:
        claimed = parse_statement(jws)
        if claimed.kid != kid:
            raise RefusedVerdictError(
                Word.BAD_LEAF, "LEAF_KEY: leaf and signature name different keys"
            )
        key = keys.find(kid, evidence.party)
        if key is None:
            raise RefusedVerdictError(
                Word.UNKNOWN_KEY, f"KEY_UNKNOWN: key {kid} is not pinned for {evidence.party}"
            )
        check_statement(
            jws,
            record,
            key.public,
            record_type=evidence.revision.record_type,
            party=evidence.party,
            now=now,
        )
    except StatementError as error:
        raise RefusedVerdictError(Word.BAD_PRODUCER_SIG, str(error)) from error
    return key


def _reasons(
    vouched: VerdictReason, checkpoint: Checkpoint, index: int, witnessed_at: datetime | None
) -> tuple[VerdictReason, ...]:
    where = VerdictReason(
        f"该记录是日志 {checkpoint.origin} 的第 {index} 项,日志当时共 {checkpoint.size} 项。",
        f"The record is entry {index} of {checkpoint.size} in the log {checkpoint.origin}.",
    )
    return (vouched, where, seen_by(witnessed_at))


_ASSURANCES = {
    Assurance.PRODUCER_SIGNED: VerdictReason(
        "记录由产生单位签名,签名有效。",
        "The producer signed this record and the signature is valid.",
    ),
    Assurance.REQUEST_SIGNED: VerdictReason(
        "提交请求由产生单位签名,由枢纽核验;记录本身没有签名。",
        "The producer signed the request; the hub checked that, the record itself is not signed.",
    ),
    Assurance.HUB_OBSERVED: VerdictReason(
        "记录由枢纽采集,产生单位没有签名。",
        "The hub observed this record; its producer signed nothing.",
    ),
}

_UNCOMPARED = VerdictReason(
    "记录有有效签名；本程序无法判断签名单位是否就是该记录的出具单位。",
    "The record is validly signed; this program cannot tell whether the signer is its issuer.",
)

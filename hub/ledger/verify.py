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

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from hub.crypto.base64url import b64url
from hub.ledger.checkpoint import Checkpoint, check_cosignature, open_checkpoint
from hub.ledger.errors import LedgerError, NoteError, NoteSignatureError, ProofError, StatementError
from hub.ledger.keys import PinnedKey, ProducerKeys
from hub.ledger.leaf import LeafEvidence
from hub.ledger.limits import CLOCK_SKEW_S, RECORD_BYTES_MAX
from hub.ledger.merkle import verify_inclusion
from hub.ledger.note import Note
from hub.ledger.policy import Policy
from hub.ledger.proof import parse_receipt
from hub.ledger.statement import check_statement, parse_statement
from schema.canonical import digest, parse_canonical
from schema.codes import Assurance
from schema.registry import Registry, standard

TOMBSTONE = frozenset({"type", "key", "reason", "at"})
"""Members of the canonical bytes of a withdrawal."""


class Word(StrEnum):
    """The one word of a verdict."""

    VALID = "VALID"
    VALID_UNWITNESSED = "VALID_UNWITNESSED"
    BAD_RECORD = "BAD_RECORD"
    BAD_PRODUCER_SIG = "BAD_PRODUCER_SIG"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    KEY_NOT_ACTIVE = "KEY_NOT_ACTIVE"
    BAD_LEAF = "BAD_LEAF"
    BAD_LOG_SIG = "BAD_LOG_SIG"
    NO_QUORUM = "NO_QUORUM"
    BAD_INCLUSION = "BAD_INCLUSION"
    MALFORMED = "MALFORMED"

    @property
    def is_valid(self) -> bool:
        """Whether the record is proved, with or without witnesses."""
        return self in (Word.VALID, Word.VALID_UNWITNESSED)


@dataclass(frozen=True, slots=True)
class VerdictReason:
    """One sentence in Chinese and in English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer; everything but word, reasons and detail is None unless the word is valid."""

    word: Word
    reasons: tuple[VerdictReason, ...]
    detail: str = ""
    """Code and technical cause of a refusal, in English."""
    assurance: Assurance | None = None
    record_type: str | None = None
    authority: str | None = None
    """Who numbers records of this key; empty where the world shares the key."""
    key: str | None = None
    revision: int | None = None
    party: str | None = None
    revision_id: str | None = None
    origin: str | None = None
    index: int | None = None
    log_size: int | None = None
    witnessed_at: datetime | None = None
    """When the quorum was complete, by the witnesses' clocks; the record existed by then."""
    witnesses: tuple[str, ...] = ()


class _RefusedError(Exception):
    def __init__(self, word: Word, detail: str) -> None:
        super().__init__(detail)
        self.word = word
        self.detail = detail


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
    except _RefusedError as refusal:
        return Verdict(word=refusal.word, reasons=(_REFUSALS[refusal.word],), detail=refusal.detail)
    except NoteError as error:
        return Verdict(word=Word.MALFORMED, reasons=(_REFUSALS[Word.MALFORMED],), detail=str(error))


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
        raise _RefusedError(
            Word.BAD_PRODUCER_SIG,
            f"PRODUCER_PARTY: {evidence.party} signed what only {issuer} may state",
        )
    if not evidence.matches(record):
        raise _RefusedError(Word.BAD_LEAF, "LEAF_HASH: the salted hash is of another record")
    if record_key not in (None, evidence.revision.key):
        raise _RefusedError(
            Word.BAD_LEAF,
            f"LEAF_RECORD_KEY: the record is {record_key}, not {evidence.revision.key}",
        )
    checkpoint = _open(receipt.checkpoint, policy)
    times = _witness_times(receipt.checkpoint, policy, now)
    witnessed_at = _quorum_time(times, policy)
    try:
        verify_inclusion(
            receipt.index, checkpoint.size, leaf.hash(), receipt.proof, checkpoint.root
        )
    except ProofError as error:
        raise _RefusedError(Word.BAD_INCLUSION, str(error)) from error
    if key is not None and not key.is_active(checkpoint.origin, receipt.index):
        raise _RefusedError(
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
        witnesses=tuple(sorted(times)),
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
        raise _RefusedError(Word.BAD_RECORD, "RECORD_SIZE: the record is larger than any record")
    try:
        parse_canonical(record)
    except ValueError as error:
        raise _RefusedError(Word.BAD_RECORD, f"RECORD_CANONICAL: {error}") from error


def _check_producer(
    evidence: LeafEvidence, record: bytes, keys: ProducerKeys, now: datetime | None
) -> PinnedKey:
    jws, kid = evidence.jws or "", evidence.kid or ""
    try:
        claimed = parse_statement(jws)
        if claimed.kid != kid:
            raise _RefusedError(Word.BAD_LEAF, "LEAF_KEY: leaf and signature name different keys")
        key = keys.find(kid, evidence.party)
        if key is None:
            raise _RefusedError(
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
        raise _RefusedError(Word.BAD_PRODUCER_SIG, str(error)) from error
    return key


def _open(note: Note, policy: Policy) -> Checkpoint:
    for log in policy.logs:
        if note.signatures_of(log):
            try:
                return open_checkpoint(note, log)
            except NoteSignatureError as error:
                raise _RefusedError(Word.BAD_LOG_SIG, str(error)) from error
    raise _RefusedError(Word.BAD_LOG_SIG, "SIGNATURE_MISSING: no log of the policy signed this")


def _witness_times(note: Note, policy: Policy, now: datetime | None) -> dict[str, int]:
    latest = None if now is None else now.timestamp() + CLOCK_SKEW_S
    times: dict[str, int] = {}
    for name, witness in policy.witnesses.items():
        for signature in note.signatures_of(witness):
            try:
                seen = check_cosignature(note.text, signature, witness)
            except LedgerError as error:
                raise _RefusedError(Word.NO_QUORUM, str(error)) from error
            if latest is not None and seen > latest:
                raise _RefusedError(
                    Word.NO_QUORUM, f"SIGNATURE_TIME: {witness.name} signed in the future"
                )
            times[name] = min(seen, times.get(name, seen))
    return times


def _quorum_time(times: dict[str, int], policy: Policy) -> datetime | None:
    if not policy.asks_witnesses:
        return None
    seen: set[str] = set()
    for name, time in sorted(times.items(), key=lambda item: item[1]):
        seen.add(name)
        if policy.is_met(seen):
            return datetime.fromtimestamp(time, UTC)
    raise _RefusedError(
        Word.NO_QUORUM, f"QUORUM: witnessed by {len(times)}, not enough for {policy.quorum!r}"
    )


def _reasons(
    vouched: VerdictReason, checkpoint: Checkpoint, index: int, witnessed_at: datetime | None
) -> tuple[VerdictReason, ...]:
    where = VerdictReason(
        f"该记录是日志 {checkpoint.origin} 的第 {index} 项,日志当时共 {checkpoint.size} 项。",
        f"The record is entry {index} of {checkpoint.size} in the log {checkpoint.origin}.",
    )
    if witnessed_at is None:
        seen = VerdictReason(
            "验证策略未要求见证:只能证明日志运营方签过这份日志。",
            "The policy asks for no witness: only the log's operator vouches for its history.",
        )
    else:
        at = witnessed_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        seen = VerdictReason(
            f"见证方已于 {at} 达到策略要求的数量,日志历史不能再改写。",
            f"Enough witnesses had seen this history by {at}; the log cannot rewrite it.",
        )
    return (vouched, where, seen)


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

_REFUSALS = {
    Word.BAD_RECORD: VerdictReason(
        "记录字节不是规范形式。请使用枢纽提供的原始字节,不要重新排版。",
        "The record is not in canonical form. Use the bytes as the hub gave them, not reformatted.",
    ),
    Word.BAD_PRODUCER_SIG: VerdictReason(
        "产生单位的签名与记录不符:记录或签名被改动过,或签名者不是有权出具该记录的单位。",
        "The producer's signature does not fit: record or signature were changed, or the signer "
        "is not who may state this record.",
    ),
    Word.UNKNOWN_KEY: VerdictReason(
        "签名密钥不在固定的密钥清单中。请向枢纽索取并核对该单位的公钥。",
        "The signing key is not pinned for this party. Get its public key and check it.",
    ),
    Word.KEY_NOT_ACTIVE: VerdictReason(
        "签名密钥在该日志位置未启用或已停用。",
        "The signing key was not in force at this place of the log.",
    ),
    Word.BAD_LEAF: VerdictReason(
        "凭证不属于这条记录:记录被改动过,或拿错了凭证。",
        "The receipt is not of this record: it was changed, or the receipt is another one's.",
    ),
    Word.BAD_LOG_SIG: VerdictReason(
        "检查点没有策略所列日志的有效签名。",
        "No log of the policy has validly signed the checkpoint.",
    ),
    Word.NO_QUORUM: VerdictReason(
        "见证方签名不足或无效。稍后重新领取凭证再验证。",
        "Witnesses are missing or wrong. Fetch the receipt again later and verify that.",
    ),
    Word.BAD_INCLUSION: VerdictReason(
        "包含证明与检查点不符:该记录不在这份日志中。",
        "The proof does not lead to the checkpoint: the record is not in this log.",
    ),
    Word.MALFORMED: VerdictReason(
        "凭证格式有误,可能在传输中损坏。请重新领取。",
        "The receipt is not well formed, perhaps damaged on the way. Fetch it again.",
    ),
}

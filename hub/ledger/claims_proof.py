"""`claims_proof`: the file that proves whether a service was claimed at the end of a day.

RFC 8785 JSON with exactly these members:

    v          hub-claims-proof-1
    key        hexadecimal key of the service in the map (`hub.ledger.claim_map`)
    record     canonical bytes of the ClaimMap record of that day, as text
    receipt    its receipt (`hub.ledger.proof`)
    claimed    claim, state, fen, index, proof               } one of the two
    between    left, right: index, key, value, proof; either may be absent at an end of the list

Invariants:
- The map's root is in the log and not in this file's own word: what is proved was so for everybody.
- It speaks of revisions below `logSize` of the same log; of a later one it proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hub.ledger.claim_map import Absent, ClaimMark, Neighbour, Present, check_claim
from hub.ledger.encoding import from_base64, to_base64
from hub.ledger.errors import ProofError
from hub.ledger.keys import ProducerKeys
from hub.ledger.policy import Policy
from hub.ledger.verdict import REFUSALS, RefusedVerdictError, Verdict, VerdictReason, Word
from hub.ledger.verify import verify
from schema.canonical import canonical, parse_canonical
from schema.parties import HUB_PARTY

VERSION = "hub-claims-proof-1"
RECORD = "ClaimMap"
_MEMBERS = frozenset({"v", "key", "record", "receipt"})
_PLACE = frozenset({"index", "key", "value", "proof"})
_CLAIM = frozenset({"claim", "state", "fen", "index", "proof"})


@dataclass(frozen=True, slots=True)
class ClaimsProof:
    """A proof as it was read; nothing in it is verified."""

    key: bytes
    record: bytes
    receipt: bytes
    told: Present | Absent

    @property
    def is_claimed(self) -> bool:
        """Whether it says that the service was claimed."""
        return isinstance(self.told, Present)

    def encode(self) -> bytes:
        """Return the file."""
        told = self.told
        part: dict[str, Any] = (
            {"claimed": _claimed(told)} if isinstance(told, Present) else {"between": _ends(told)}
        )
        return canonical(
            {
                "v": VERSION,
                "key": self.key.hex(),
                "record": self.record.decode(),
                "receipt": self.receipt.decode(),
                **part,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsVerdict:
    """What a proof proves. All but `verdict` is None unless its word is valid."""

    verdict: Verdict
    day: date | None = None
    """Day of Shanghai at whose end it was so."""
    key: bytes | None = None
    mark: ClaimMark | None = None
    """By whom the service is claimed; None with a day: by nobody."""
    log_size: int | None = None
    """The map speaks of revisions whose leaf is below it."""

    @property
    def word(self) -> Word:
        """The word of the verdict."""
        return self.verdict.word


def is_claims_proof(data: bytes) -> bool:
    """Whether a file says that it is such a proof."""
    return data.startswith((b'{"between":', b'{"claimed":'))


def parse_claims_proof(data: bytes) -> ClaimsProof:
    """Read a proof in its one spelling; ValueError says what is wrong."""
    read = parse_canonical(data)
    told = read.keys() - _MEMBERS
    if told not in ({"claimed"}, {"between"}) or not read.keys() >= _MEMBERS:
        raise ValueError("a proof has v, key, record, receipt and one of claimed, between")
    texts = [read[name] for name in ("v", "key", "record", "receipt")]
    if not all(isinstance(each, str) for each in texts) or read["v"] != VERSION:
        raise ValueError(f"v is {VERSION}; key, record and receipt are text")
    proof = ClaimsProof(
        key=bytes.fromhex(read["key"]),
        record=read["record"].encode(),
        receipt=read["receipt"].encode(),
        told=_present(read["claimed"]) if "claimed" in read else _absent(read["between"]),
    )
    if proof.encode() != data:
        raise ValueError("the proof is not in its canonical spelling")
    return proof


def verify_claims(data: bytes, policy: Policy, *, now: datetime | None = None) -> ClaimsVerdict:
    """Judge a proof offline; the receipt's steps come first, then the place in the map."""
    try:
        proof = parse_claims_proof(data)
    except ValueError as error:
        return _refused(Word.MALFORMED, f"CLAIMS_TEXT: {error}")
    verdict = verify(proof.receipt, proof.record, policy, ProducerKeys(), now=now)
    if not verdict.word.is_valid:
        return ClaimsVerdict(verdict=verdict)
    try:
        return _judged(proof, verdict)
    except RefusedVerdictError as refusal:
        return _refused(refusal.word, refusal.detail)


def _judged(proof: ClaimsProof, verdict: Verdict) -> ClaimsVerdict:
    is_own = verdict.party == f"{HUB_PARTY}{verdict.origin}"
    if verdict.record_type != RECORD or not is_own:
        raise RefusedVerdictError(
            Word.BAD_RECORD, f"CLAIMS_RECORD: not a {RECORD} of the hub whose log it is"
        )
    stated = parse_canonical(proof.record)
    try:
        day = date.fromisoformat(stated["day"])
        size, log_size = int(stated["keysCount"]), int(stated["logSize"])
        root = bytes.fromhex(stated["root"])
    except (KeyError, TypeError, ValueError) as error:
        raise RefusedVerdictError(Word.BAD_RECORD, f"CLAIMS_RECORD: {error}") from error
    try:
        mark = check_claim(proof.key, proof.told, size, root)
    except ProofError as error:
        raise RefusedVerdictError(Word.BAD_INCLUSION, str(error)) from error
    return ClaimsVerdict(verdict=verdict, day=day, key=proof.key, mark=mark, log_size=log_size)


def told_of(found: ClaimsVerdict) -> VerdictReason:
    """Return the sentence on what a valid proof says."""
    if found.mark is None:
        return VerdictReason(
            f"截至 {found.day}（上海日）终了，该服务未被任何在办申兑使用。",
            f"At the end of {found.day} (Shanghai) no standing claim was made on this service.",
        )
    mark = found.mark
    return VerdictReason(
        f"截至 {found.day}（上海日）终了，该服务已由申兑 {mark.claim} 使用，状态 {mark.state}。",
        f"At the end of {found.day} (Shanghai) claim {mark.claim}, {mark.state}, stood on it.",
    )


def _refused(word: Word, detail: str) -> ClaimsVerdict:
    return ClaimsVerdict(verdict=Verdict(word=word, reasons=(REFUSALS[word],), detail=detail))


def _claimed(told: Present) -> dict[str, Any]:
    mark = told.mark
    return {
        "claim": mark.claim,
        "state": mark.state,
        "fen": mark.fen,
        "index": told.index,
        "proof": [to_base64(each) for each in told.proof],
    }


def _ends(told: Absent) -> dict[str, Any]:
    ends = {"left": told.left, "right": told.right}
    return {name: _place(each) for name, each in ends.items() if each is not None}


def _place(place: Neighbour) -> dict[str, Any]:
    return {
        "index": place.index,
        "key": place.key.hex(),
        "value": place.value.hex(),
        "proof": [to_base64(each) for each in place.proof],
    }


def _present(read: Any) -> Present:
    _check(read, _CLAIM, ("claim", "state"), ("index", "fen"))
    mark = ClaimMark(read["claim"], read["state"], read["fen"])
    return Present(mark, read["index"], _hashes(read["proof"]))


def _absent(read: Any) -> Absent:
    if not isinstance(read, Mapping) or not read.keys() <= {"left", "right"}:
        raise ValueError("between has left and right")
    return Absent(*(_neighbour(read.get(name)) for name in ("left", "right")))


def _neighbour(read: Any) -> Neighbour | None:
    if read is None:
        return None
    _check(read, _PLACE, ("key", "value"), ("index",))
    key, value = bytes.fromhex(read["key"]), bytes.fromhex(read["value"])
    return Neighbour(read["index"], key, value, _hashes(read["proof"]))


def _check(
    read: Any, members: frozenset[str], texts: tuple[str, ...], numbers: tuple[str, ...]
) -> None:
    if not isinstance(read, Mapping) or read.keys() != members:
        raise ValueError(f"a place has exactly {', '.join(sorted(members))}")
    if not all(isinstance(read[name], str) for name in texts) or not all(
        type(read[name]) is int for name in numbers
    ):
        raise ValueError("a place has numbers and texts where they belong")


def _hashes(read: Any) -> tuple[bytes, ...]:
    if not isinstance(read, list) or not all(isinstance(each, str) for each in read):
        raise ValueError("a proof is a list of hashes")
    return tuple(from_base64(each) for each in read)

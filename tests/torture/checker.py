"""Judges a run by what its clients wrote down and what the log shows everybody.

Nothing here asks the hub's database or trusts the hub's own words. Canonical bytes, tree hashes and
checkpoint signatures are computed by code of this file alone; `hub.ledger.verify`, which partners
use, gives its word about every receipt besides.

    I1  every acknowledged row is in the final log exactly once, and nothing else is
    I2  every receipt ever given verifies against the final log
    I3  every checkpoint ever seen is a prefix of the final one
    I5  every idempotency key had one effect
"""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64encode
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.ledger.errors import ProofError
from hub.ledger.keys import ProducerKeys
from hub.ledger.merkle import consistency_proof, verify_consistency
from hub.ledger.policy import parse_policy
from hub.ledger.verify import Word, verify

Line = Mapping[str, Any]
WRITTEN = ("ACCEPTED", "PROVEN", "WITHDRAWN")


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that must never happen and did."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class PublicLog:
    """The log as anybody can fetch it, and the trust that partners were given."""

    checkpoint: str
    vkey: str
    policy: bytes
    leaves: Sequence[bytes]
    tiles: Mapping[tuple[int, int], bytes]
    """Hash tiles by level and index."""
    keys: ProducerKeys


@dataclass(frozen=True, slots=True)
class Proof:
    """What a client can show of one entry."""

    receipt: str
    record: bytes


@dataclass(slots=True)
class Findings:
    """What was checked, and what was wrong."""

    violations: list[Violation] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def wrong(self, code: str, detail: str) -> None:
        self.violations.append(Violation(code, detail))


class Tree:
    """The Merkle tree over all leaves, RFC 6962 §2.1, with the complete subtrees remembered."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.size = len(leaves)
        self._levels = [[sha256(b"\0" + leaf).digest() for leaf in leaves]]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            pairs = zip(below[::2], below[1::2], strict=False)
            self._levels.append([sha256(b"\1" + left + right).digest() for left, right in pairs])

    def node(self, level: int, index: int) -> bytes:
        """The complete subtree at a level."""
        return self._levels[level][index]

    def root(self, size: int) -> bytes:
        """The root of the first `size` leaves."""
        if size == 0:
            return sha256(b"").digest()
        parts, start = [], 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                parts.append(self.node(level, start >> level))
                start += 1 << level
        whole = parts.pop()
        while parts:
            whole = sha256(b"\1" + parts.pop() + whole).digest()
        return whole


def judge(history: Sequence[Line], log: PublicLog, proofs: Mapping[str, Proof]) -> Findings:
    """Return every violation that the history, the log and the proofs show."""
    found, tree = Findings(), Tree(log.leaves)
    final = _signed(log.checkpoint, log.vkey)
    if final is None or final != (tree.size, tree.root(tree.size)):
        found.wrong("I3_FINAL", "the final checkpoint is not signed over the leaves that are shown")
    _check_tiles(log, tree, found)
    entries = _check_answers(history, found)
    _check_log(entries, log, proofs, found)
    for entry, proof in proofs.items():
        _check_receipt(entry, proof.receipt, proof.record, (log, tree), found)
    for line in history:
        if line["kind"] == "checkpoint":
            found.counts["checkpoints seen"] += 1
            _check_head(line["note"], (log, tree), found)
        elif line["kind"] == "receipt":
            found.counts["receipts kept"] += 1
            proof = proofs.get(line["entry"])
            record = b"" if proof is None else proof.record
            _check_receipt(line["entry"], line["text"], record, (log, tree), found)
    _check_order(history, found)
    _check_growth(history, (log, tree), found)
    return found


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry that a client was told about."""

    record_type: str
    key: str
    revision: int
    source: str
    canon: bytes


def _check_answers(history: Sequence[Line], found: Findings) -> dict[str, _Entry]:
    """I5, and what I1 can tell without the log; return the entries that were acknowledged."""
    intents = {line["idem"]: line for line in history if line["kind"] == "intent"}
    answers: dict[str, list[Any]] = {}
    for line in history:
        if line["kind"] == "ack":
            found.counts["answers"] += 1
            first = answers.setdefault(line["idem"], line["rows"])
            if first != line["rows"]:
                found.wrong("I5_TWO_EFFECTS", f"{line['idem']} was answered in two ways")
    entries: dict[str, _Entry] = {}
    for idem, intent in intents.items():
        if idem not in answers:
            found.wrong("I1_UNANSWERED", f"{idem} was never acknowledged")
            continue
        rows = answers[idem]
        if [each["row"] for each in rows] != list(range(1, len(intent["rows"]) + 1)):
            found.wrong("I1_ROWS", f"{idem} was not answered row by row")
            continue
        for sent, told in zip(intent["rows"], rows, strict=True):
            _check_row(intent, sent, told, entries, found)
    _check_duplicates(intents, answers, entries, found)
    _check_revisions(entries, found)
    return entries


def _check_row(
    intent: Line, sent: Line, told: Line, entries: dict[str, _Entry], found: Findings
) -> None:
    place = f"{intent['idem']} row {told['row']}"
    found.counts[f"rows {told['outcome'].lower()}"] += 1
    if (told["outcome"] == "QUARANTINED") != (told["row"] in intent["bad"]):
        found.wrong("I1_OUTCOME", f"{place} is {told['outcome']}")
        return
    if told["outcome"] == "QUARANTINED":
        return
    canon = canonical(sent)
    if told["revisionId"] != "r1_" + _base64url(sha256(canon).digest()):
        found.wrong("I1_REVISION", f"{place} was answered for other bytes")
    if told["outcome"] not in WRITTEN:
        return
    entry = told["entryId"]
    if entry in entries:
        found.wrong("I1_ENTRY_TWICE", f"entry {entry} is also that of {place}")
    entries[entry] = _Entry(told["type"], told["key"], told["revision"], intent["source"], canon)


def _check_duplicates(
    intents: Mapping[str, Line],
    answers: Mapping[str, Sequence[Line]],
    entries: Mapping[str, _Entry],
    found: Findings,
) -> None:
    for idem in intents.keys() & answers.keys():
        pairs = zip(intents[idem]["rows"], answers[idem], strict=False)
        for sent, told in pairs:
            if told["outcome"] != "DUPLICATE":
                continue
            stands = entries.get(told["entryId"])
            if stands is None or (stands.key, stands.canon) != (told["key"], canonical(sent)):
                found.wrong("I1_DUPLICATE", f"{idem} row {told['row']} is no duplicate")


def _check_revisions(entries: Mapping[str, _Entry], found: Findings) -> None:
    revisions: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for each in entries.values():
        revisions[each.record_type, each.source, each.key].append(each.revision)
    for key, numbers in revisions.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            found.wrong("I1_REVISIONS", f"{' '.join(key)} has revisions {sorted(numbers)}")


def _check_log(
    entries: Mapping[str, _Entry], log: PublicLog, proofs: Mapping[str, Proof], found: Findings
) -> None:
    """I1: entries and leaves are the same, one to one."""
    found.counts["entries acknowledged"] = len(entries)
    places: dict[int, str] = {}
    times = Counter(log.leaves)
    for entry, each in entries.items():
        proof = proofs.get(entry)
        if proof is None:
            found.wrong("I1_LOST", f"entry {entry} has no receipt")
            continue
        if proof.record != each.canon:
            found.wrong("I1_RECORD", f"entry {entry} holds other bytes than were sent")
        evidence, index = _evidence(proof.receipt)
        salted = _salted(_from_base64url(evidence["salt"]), evidence["authority"], each)
        leaf = _leaf(evidence, salted)
        if not 0 <= index < len(log.leaves) or log.leaves[index] != leaf or times[leaf] != 1:
            found.wrong("I1_LEAF", f"entry {entry} is not once and at {index} in the log")
        if index in places:
            found.wrong("I1_LEAF_SHARED", f"entries {entry} and {places[index]} share a leaf")
        places[index] = entry
    unknown = sorted(set(range(len(log.leaves))) - places.keys())
    if unknown:
        found.wrong("I1_UNKNOWN_LEAF", f"nobody was told of {len(unknown)} leaves: {unknown[:5]}")


def _check_receipt(
    entry: str, text: str, record: bytes, shown: tuple[PublicLog, Tree], found: Findings
) -> None:
    """I2: the product's own word, and that its tree is a prefix of the final one."""
    log, _ = shown
    found.counts["receipts verified"] += 1
    verdict = verify(text.encode(), record, parse_policy(log.policy), log.keys)
    if verdict.word is not Word.VALID_UNWITNESSED:
        found.wrong("I2_RECEIPT", f"the receipt of entry {entry} is {verdict.word}")
    evidence, index = _evidence(text)
    leaf = _leaf(evidence, _from_base64url(evidence["h"]))
    if not 0 <= index < len(log.leaves) or log.leaves[index] != leaf:
        found.wrong("I2_LEAF", f"the receipt of entry {entry} is not of leaf {index}")
    _check_head(text.partition("\n\n")[2], shown, found)


def _check_head(note: str, shown: tuple[PublicLog, Tree], found: Findings) -> None:
    log, tree = shown
    head = _signed(note, log.vkey)
    if head is None:
        found.wrong("I3_SIGNATURE", "a checkpoint is not signed by the log")
    elif head[0] > tree.size or tree.root(head[0]) != head[1]:
        found.wrong("I3_FORK", f"the checkpoint of {head[0]} leaves is no prefix of the final one")


def _check_order(history: Sequence[Line], found: Findings) -> None:
    """One observer's checkpoints never go back."""
    last: dict[str, int] = defaultdict(int)
    for line in history:
        if line["kind"] == "checkpoint":
            size = int(line["note"].split("\n")[1])
            if size < last[line["client"]]:
                found.wrong("I3_BACK", f"{last[line['client']]} leaves, and later {size}")
            last[line["client"]] = size


def _check_growth(history: Sequence[Line], shown: tuple[PublicLog, Tree], found: Findings) -> None:
    """Each checkpoint is consistent with the next larger one, by a proof of RFC 6962 §2.1.2."""
    log, tree = shown
    notes = [line["note"] for line in history if line["kind"] == "checkpoint"]
    signed = (_signed(note, log.vkey) for note in [*notes, log.checkpoint])
    heads = sorted({head for head in signed if head is not None and 0 < head[0] <= tree.size})
    for (size1, root1), (size2, root2) in pairwise(heads):
        proof = consistency_proof(tree.node, size1, size2)
        found.counts["consistency proofs"] += 1
        try:
            verify_consistency(size1, size2, root1, root2, proof)
        except ProofError as error:
            found.wrong("I3_INCONSISTENT", f"{size1} to {size2} leaves: {error}")


def _check_tiles(log: PublicLog, tree: Tree, found: Findings) -> None:
    """The hash tiles are those of the leaves, all of them."""
    expected = {(level, index): data for level, index, data in hash_tiles(tree)}
    found.counts["tiles"] = len(expected)
    if expected != dict(log.tiles):
        found.wrong("I3_TILES", "the hash tiles are not those of the leaves")


def hash_tiles(tree: Tree) -> Iterator[tuple[int, int, bytes]]:
    """Yield level, index and bytes of every hash tile, C2SP tlog-tiles."""
    for level in range(8):
        width = tree.size >> 8 * level
        hashes = [tree.node(8 * level, index) for index in range(width)]
        for first in range(0, width, 256):
            yield level, first // 256, b"".join(hashes[first : first + 256])


def canonical(row: Line) -> bytes:
    """The bytes that a row commits to: RFC 8785, for objects without numbers but integers."""
    content = row["record"] if "record" in row else {"type": row["type"], **row["withdraw"]}
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _salted(salt: bytes, authority: str, entry: _Entry) -> bytes:
    """The hash that binds authority, key, revision and bytes of an entry."""
    parts = [authority.encode(), entry.key.encode()]
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return sha256(b"\3" + salt + framed + entry.revision.to_bytes(4, "big") + entry.canon).digest()


def _leaf(evidence: Mapping[str, str], salted: bytes) -> bytes:
    leaf: dict[str, Any] = {name: evidence[name] for name in ("v", "t", "p")}
    leaf["h"] = _base64url(salted)
    if "k" in evidence:
        leaf["k"] = evidence["k"]
    if "jws" in evidence:
        protected, _, signature = evidence["jws"].split(".")
        leaf["s"] = _base64url(sha256(f"{protected}.{signature}".encode()).digest())
    return json.dumps(leaf, sort_keys=True, separators=(",", ":")).encode()


def _evidence(receipt: str) -> tuple[dict[str, Any], int]:
    lines = receipt.split("\n")
    extra, index = lines[1].removeprefix("extra "), lines[2].removeprefix("index ")
    return json.loads(b64decode(extra)), int(index)


def _signed(note: str, vkey: str) -> tuple[int, bytes] | None:
    """Size and root of a checkpoint that the log signed; None when it did not."""
    name, _, material = vkey.strip().split("+", 2)
    text, _, signatures = note.partition("\n\n")
    key = Ed25519PublicKey.from_public_bytes(b64decode(material)[1:])
    for line in signatures.splitlines():
        dash, signer, value = line.split(" ")
        if (dash, signer) == ("\u2014", name):
            try:
                key.verify(b64decode(value)[4:], f"{text}\n".encode())
            except InvalidSignature:
                return None
            origin, size, root = text.split("\n")
            return (int(size), b64decode(root)) if origin == name else None
    return None


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_")

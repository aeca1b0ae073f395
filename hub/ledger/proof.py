"""`proof`: the receipt of a record, a `c2sp.org/tlog-proof@v1` text.

    c2sp.org/tlog-proof@v1
    extra <base64 of the evidence>
    index <position of the leaf>
    <base64 hash>                        none to 63 of these, from the leaf's sibling upwards

    <checkpoint with the log's signature and the witnesses' cosignatures>

The evidence is the RFC 8785 object with exactly these members, nothing else:

    v          2
    t          record type                      } as in the leaf
    p          party                            }
    k          key id, absent for HUB_OBSERVED  }
    h          salted hash of the revision      }
    authority  who numbers records of this key, empty text where nobody does
    key        the record's key
    revision   its number, from 1
    salt       base64url, 32 bytes
    jws        the producer's detached signature, present exactly when the record is PRODUCER_SIGNED

The verifier computes the leaf from the evidence and the record's canonical bytes. `h` could be
computed as well; with it a changed record and a broken proof give different verdicts. Assurance and
revision id are left out: the first follows from `k` and `jws`, the second is the record's digest.

Invariants:
- The evidence is not signed; it is worth something only because the leaf built from it is in the
  tree.
- One spelling: each line is read by what refuses any second spelling of it, so that what was read
  encodes to the same bytes again. At most 64 KiB.

C2SP tlog-proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from hub.crypto.base64url import b64url, unb64url
from hub.ledger.encoding import from_base64, from_decimal, to_base64
from hub.ledger.errors import NoteError
from hub.ledger.leaf import VERSION, LeafEvidence, Revision
from hub.ledger.limits import (
    HASH_BYTES,
    NOTE_BYTES_MAX,
    PROOF_HASHES_MAX,
    SALT_BYTES,
    STATEMENT_BYTES_MAX,
)
from hub.ledger.note import Note, parse_note
from schema.canonical import canonical, parse_canonical

HEADER = "c2sp.org/tlog-proof@v1"
MEDIA_TYPE = "text/plain; charset=utf-8"

_REQUIRED = frozenset({"v", "t", "p", "h", "authority", "key", "revision", "salt"})
_OPTIONAL = frozenset({"k", "jws"})
_FIRST_LINE = HEADER.encode("ascii")
_LINES_MIN = 3


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A `tlog-proof@v1` text with whatever its `extra` line holds; nothing in it is verified."""

    extra: bytes
    index: int
    proof: tuple[bytes, ...]
    checkpoint: Note

    def encode(self) -> bytes:
        """Return the proof as text."""
        head = [
            HEADER,
            f"extra {to_base64(self.extra)}",
            f"index {self.index}",
            *(to_base64(value) for value in self.proof),
        ]
        return "\n".join(head).encode() + b"\n\n" + self.checkpoint.encode()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt as parsed; nothing in it is verified."""

    evidence: LeafEvidence
    index: int
    proof: tuple[bytes, ...]
    checkpoint: Note

    def encode(self) -> bytes:
        """Return the receipt as text."""
        return TlogProof(
            encode_evidence(self.evidence), self.index, self.proof, self.checkpoint
        ).encode()


def build_receipt(
    evidence: LeafEvidence, index: int, proof: Sequence[bytes], checkpoint: bytes
) -> bytes:
    """Return the receipt of a leaf under a signed checkpoint; `NoteError` when it is too large."""
    data = Receipt(evidence, index, tuple(proof), parse_note(checkpoint)).encode()
    parse_receipt(data)
    return data


def parse_receipt(data: bytes) -> Receipt:
    """Read a receipt strictly, or raise `NoteError`."""
    read = parse_tlog_proof(data)
    try:
        evidence = parse_evidence(read.extra)
    except ValueError as error:
        raise NoteError("RECEIPT_TEXT", f"the receipt is not readable: {error}") from error
    return Receipt(evidence, read.index, read.proof, read.checkpoint)


def parse_tlog_proof(data: bytes, beside: TlogProof | None = None) -> TlogProof:
    """Read a `tlog-proof@v1` text in its one spelling, or raise `NoteError`.

    `beside`: another proof, whose checkpoint may be the same and then is not read again.
    """
    if len(data) > NOTE_BYTES_MAX:
        _refuse(f"a receipt has at most {NOTE_BYTES_MAX} bytes")
    head, blank, tail = data.partition(b"\n\n")
    if not blank or not head.isascii():
        _refuse("a receipt is a proof, a blank line and a checkpoint")
    lines = head.split(b"\n")
    if len(lines) < _LINES_MIN or lines[0] != _FIRST_LINE:
        _refuse(f"a receipt starts with {HEADER}, extra and index")
    if len(lines) - _LINES_MIN > PROOF_HASHES_MAX:
        _refuse(f"a proof has at most {PROOF_HASHES_MAX} hashes")
    try:
        extra = from_base64(_after(b"extra ", lines[1]))
        index = from_decimal(_after(b"index ", lines[2]).decode("ascii"))
        proof = tuple(map(from_base64, lines[_LINES_MIN:]))
    except ValueError as error:
        raise NoteError("RECEIPT_TEXT", f"the receipt is not readable: {error}") from error
    if not {*map(len, proof)} <= {HASH_BYTES}:
        _refuse(f"a hash has {HASH_BYTES} bytes")
    is_same = beside is not None and beside.checkpoint.encode() == tail
    checkpoint = beside.checkpoint if beside is not None and is_same else parse_note(tail)
    return TlogProof(extra, index, proof, checkpoint)


def encode_evidence(evidence: LeafEvidence) -> bytes:
    """Return the content of the `extra` line."""
    revision = evidence.revision
    members: dict[str, str | int] = {
        "authority": revision.authority,
        "h": b64url(evidence.salted_hash),
        "key": revision.key,
        "p": evidence.party,
        "revision": revision.number,
        "salt": b64url(evidence.salt),
        "t": revision.record_type,
        "v": VERSION,
    }
    if evidence.kid is not None:
        members["k"] = evidence.kid
    if evidence.jws is not None:
        members["jws"] = evidence.jws
    return canonical(members)


def parse_evidence(data: bytes) -> LeafEvidence:
    """Read the content of the `extra` line; `ValueError` or `NoteError` when it is not evidence."""
    members = parse_canonical(data)
    names = members.keys()
    if not names >= _REQUIRED or not names <= _REQUIRED | _OPTIONAL:
        _refuse("the evidence lacks a member or has one too many")
    version, number = members.pop("v"), members.pop("revision")
    if type(version) is not int or version != VERSION or type(number) is not int:
        _refuse(f"the evidence has version {VERSION} and numbers a revision")
    if not all(isinstance(value, str) for value in members.values()):
        _refuse("all other members of the evidence are text")
    texts: dict[str, Any] = members
    salt, salted = unb64url(texts["salt"]), unb64url(texts["h"])
    jws = texts.get("jws")
    if len(salt) != SALT_BYTES or (jws is not None and len(jws) > STATEMENT_BYTES_MAX):
        _refuse("the salt has 32 bytes, the producer's signature at most 8 KiB")
    revision = Revision(texts["t"], texts["authority"], texts["key"], number)
    evidence = LeafEvidence(revision, texts["p"], texts.get("k"), salt, salted, jws)
    evidence.leaf()
    return evidence


def _after(prefix: bytes, line: bytes) -> bytes:
    if not line.startswith(prefix):
        _refuse(f"a line of the receipt does not start with {prefix.decode().strip()}")
    return line[len(prefix) :]


def _refuse(message: str) -> NoReturn:
    raise NoteError("RECEIPT_TEXT", message)

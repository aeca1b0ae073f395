"""`leaf`: the log's entry for a record, and the evidence that its holder keeps to prove it.

Invariants:
- A leaf is public. It holds record type, party, key id, and a hash of the record with a random salt
  of 32 bytes: a reader of the log cannot test a guess of the record, and once record and salt are
  erased the hash tells nothing.
- The salted hash covers authority, key and revision number besides the record's bytes, so a receipt
  proves one revision of one record and no other.
- Assurance is not stored. It follows from the leaf: with a statement hash it is PRODUCER_SIGNED,
  with a key id only REQUEST_SIGNED, with neither HUB_OBSERVED, and then the party is a hub.
- `LeafEvidence` holds the leaf's parts, the salt and the producer's signature: with the record's
  bytes it gives the leaf again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import NoReturn

from hub.crypto.base64url import b64url, unb64url
from hub.ledger.errors import NoteError
from hub.ledger.limits import (
    HASH_BYTES,
    KEY_CHARACTERS_MAX,
    PARTY_CHARACTERS_MAX,
    REVISION_MAX,
    SALT_BYTES,
    TYPE_CHARACTERS_MAX,
)
from hub.ledger.merkle import leaf_hash
from hub.ledger.statement import statement_hash
from schema.canonical import canonical, parse_canonical
from schema.codes import Assurance
from schema.parties import HUB_PARTY

VERSION = 2
"""Version of leaf and evidence, their member `v`."""
SALTED = b"\x03"
"""First byte of what is hashed with a salt: not that of a leaf (0), a node (1) or version 1 (2)."""

_REQUIRED, _OPTIONAL = frozenset({"v", "t", "h", "p"}), frozenset({"k", "s"})
_TYPE = re.compile(rf"[A-Za-z][A-Za-z0-9-]{{0,{TYPE_CHARACTERS_MAX - 1}}}", re.ASCII)
_PARTY = re.compile(r"[a-z][a-z0-9]*:[\x21-\x7e]+", re.ASCII)
_KID = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry of the log."""

    record_type: str
    salted_hash: bytes
    party: str
    kid: str | None = None
    statement_hash: bytes | None = None

    def __post_init__(self) -> None:
        if _TYPE.fullmatch(self.record_type) is None:
            _refuse("a record type is letters and digits")
        if len(self.party) > PARTY_CHARACTERS_MAX or _PARTY.fullmatch(self.party) is None:
            _refuse("a party is written scheme:value in ASCII")
        if self.kid is not None and _KID.fullmatch(self.kid) is None:
            _refuse("a key id is an RFC 7638 thumbprint")
        if len(self.salted_hash) != HASH_BYTES:
            _refuse("a salted hash has 32 bytes")
        if self.statement_hash is not None and len(self.statement_hash) != HASH_BYTES:
            _refuse("a statement hash has 32 bytes")
        if self.statement_hash is not None and self.kid is None:
            _refuse("a producer's signature needs the id of its key")
        if self.kid is None and not self.party.startswith(HUB_PARTY):
            _refuse("without a key only a hub can vouch for a record")

    @property
    def assurance(self) -> Assurance:
        """Who vouches for the record."""
        if self.statement_hash is not None:
            return Assurance.PRODUCER_SIGNED
        return Assurance.HUB_OBSERVED if self.kid is None else Assurance.REQUEST_SIGNED

    def encode(self) -> bytes:
        """Return the bytes that are hashed into the tree."""
        members: dict[str, str | int] = {
            "h": b64url(self.salted_hash),
            "p": self.party,
            "t": self.record_type,
            "v": VERSION,
        }
        if self.kid is not None:
            members["k"] = self.kid
        if self.statement_hash is not None:
            members["s"] = b64url(self.statement_hash)
        return canonical(members)

    def hash(self) -> bytes:
        """Return the leaf hash of RFC 6962."""
        return leaf_hash(self.encode())


def parse_leaf(data: bytes) -> Leaf:
    """Read the bytes of a leaf in their one spelling; `ValueError` or `NoteError` for others."""
    members = parse_canonical(data)
    if not members.keys() >= _REQUIRED or not members.keys() <= _REQUIRED | _OPTIONAL:
        _refuse("the leaf lacks a member or has one too many")
    if members.pop("v") != VERSION or not all(isinstance(each, str) for each in members.values()):
        _refuse(f"a leaf has version {VERSION}, and all else in it is text")
    signed = members.get("s")
    return Leaf(  # with the one spelling of object and hashes, it encodes to the same bytes
        members["t"],
        unb64url(members["h"]),
        members["p"],
        members.get("k"),
        None if signed is None else unb64url(signed),
    )


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of one record, by name."""

    record_type: str
    authority: str
    """Who numbers records of this key; empty where the world shares the key."""
    key: str
    number: int

    def __post_init__(self) -> None:
        if len(self.authority) > KEY_CHARACTERS_MAX or not 0 < len(self.key) <= KEY_CHARACTERS_MAX:
            _refuse(f"a record has a key; key and authority have at most {KEY_CHARACTERS_MAX}")
        if not 1 <= self.number <= REVISION_MAX:
            _refuse("revisions are counted from 1")


@dataclass(frozen=True, slots=True)
class LeafEvidence:
    """What a receipt carries besides the proof; with the record's bytes it gives the leaf."""

    revision: Revision
    party: str
    kid: str | None
    salt: bytes
    salted_hash: bytes
    jws: str | None

    def leaf(self) -> Leaf:
        """Return the leaf that this evidence describes."""
        signed = None if self.jws is None else statement_hash(self.jws)
        return Leaf(self.revision.record_type, self.salted_hash, self.party, self.kid, signed)

    def matches(self, canon: bytes) -> bool:
        """Return whether the salted hash belongs to these record bytes and this revision."""
        revision = self.revision
        return self.salted_hash == salted_hash(
            self.salt, revision.authority, revision.key, revision.number, canon
        )


def evidence_for(
    canon: bytes, salt: bytes, revision: Revision, party: str, kid: str | None, jws: str | None
) -> LeafEvidence:
    """Return the evidence of a record that enters the log; `.leaf()` gives its leaf."""
    salted = salted_hash(salt, revision.authority, revision.key, revision.number, canon)
    return LeafEvidence(revision, party, kid, salt, salted, jws)


def salted_hash(salt: bytes, authority: str, key: str, revision: int, canon: bytes) -> bytes:
    """Hash a revision under a salt of 32 random bytes.

    Each part has its length in front, is of fixed length or is the last: no two inputs are hashed
    as the same bytes. `hub.store.check` computes it in SQL.
    """
    if len(salt) != SALT_BYTES:
        _refuse(f"a salt has {SALT_BYTES} bytes")
    authority_bytes, key_bytes = authority.encode(), key.encode()
    return sha256(
        b"".join(
            (
                *(SALTED, salt, len(authority_bytes).to_bytes(4, "big"), authority_bytes),
                *(len(key_bytes).to_bytes(4, "big"), key_bytes, revision.to_bytes(4, "big"), canon),
            )
        )
    ).digest()


def _refuse(message: str) -> NoReturn:
    raise NoteError("LEAF_MEMBER", message)

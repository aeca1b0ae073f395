"""`claim_map`: the services that stand claimed at the end of a day, as a sorted Merkle list; pure.

Each revision of a claimed service has one place in the list. With its neighbours a proof shows that
a key is there, or that none lies between two keys that stand side by side: nobody had claimed it.

    key     SHA-256(0x05 ‖ salt ‖ salted hash of the revision)
    value   SHA-256(0x06 ‖ key ‖ RFC 8785 of claim, state, fen)
    leaf    SHA-256(0x00 ‖ key ‖ value), by rising key; tree and root as in the log (RFC 6962)

Invariants:
- The salt is in nobody's hands but those that may read the whole record: a neighbour in a proof, a
  hash over a salt, tells nothing of whose service was claimed, and no guess of a service or of a
  claim can be tested on it.
- Whoever holds the receipt of a service computes its key; the hub cannot give him another one.
- The same claims give the same bytes, in whatever order they came.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NoReturn

from hub.ledger.errors import ProofError
from hub.ledger.limits import HASH_BYTES, TREE_SIZE_MAX
from hub.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    inclusion_proof,
    leaf_hash,
    nodes_of,
    verify_inclusion,
)
from schema.canonical import canonical

_KEY, _VALUE = b"\x05", b"\x06"


@dataclass(frozen=True, order=True, slots=True)
class ClaimMark:
    """What the map says of a key. `claim`: issuer, voucher and number, joined by `/`."""

    claim: str
    state: str
    fen: int

    def value(self, key: bytes) -> bytes:
        """Return the value that stands beside a key."""
        told = canonical({"claim": self.claim, "fen": self.fen, "state": self.state})
        return sha256(_VALUE + key + told).digest()


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A place of the list with the proof that it is there."""

    index: int
    key: bytes
    value: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Present:
    """That a key is in the map: by whom the service was claimed."""

    mark: ClaimMark
    index: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """That a key is not in the map: what stands before and after it; None at an end of the list."""

    left: Neighbour | None
    right: Neighbour | None


def claim_key(salt: bytes, salted_hash: bytes) -> bytes:
    """Return the key of a revision of a service, from what its receipt carries."""
    if len(salt) != HASH_BYTES or len(salted_hash) != HASH_BYTES:
        _refuse("CLAIMS_KEY", "a salt and a salted hash have 32 bytes")
    return sha256(_KEY + salt + salted_hash).digest()


class SortedClaims:
    """The list of one day. Of two claims with one key the smaller stands."""

    def __init__(self, marks: Iterable[tuple[bytes, ClaimMark]]) -> None:
        kept: dict[bytes, ClaimMark] = {}
        for key, mark in marks:
            kept[key] = min(mark, kept.get(key, mark))
        self.keys: Sequence[bytes] = sorted(kept)
        self._marks = kept
        self._hashes = [_leaf(key, kept[key].value(key)) for key in self.keys]
        self._nodes = nodes_of(self._hashes)

    @property
    def size(self) -> int:
        """How many keys it has."""
        return len(self.keys)

    def root(self) -> bytes:
        """Return its root; that of no keys is SHA-256 of nothing."""
        frontier = Frontier()
        for each in self._hashes:
            frontier.append(each)
        return frontier.root()

    def prove(self, key: bytes) -> Present | Absent:
        """Return the proof that a key is there, or that it is not."""
        place = bisect_left(self.keys, key)
        if place < self.size and self.keys[place] == key:
            return Present(self._marks[key], place, self._proof(place))
        return Absent(
            self._neighbour(place - 1) if place > 0 else None,
            self._neighbour(place) if place < self.size else None,
        )

    def _neighbour(self, place: int) -> Neighbour:
        key = self.keys[place]
        return Neighbour(place, key, self._marks[key].value(key), self._proof(place))

    def _proof(self, place: int) -> tuple[bytes, ...]:
        return tuple(inclusion_proof(self._nodes, place, self.size))


def check_claim(key: bytes, told: Present | Absent, size: int, root: bytes) -> ClaimMark | None:
    """Return by whom a service is claimed in a map, None for nobody; else raise `ProofError`."""
    if len(key) != HASH_BYTES or not 0 <= size <= TREE_SIZE_MAX:
        _refuse("CLAIMS_KEY", "a key has 32 bytes, and a map a size")
    if isinstance(told, Present):
        leaf = _leaf(key, told.mark.value(key))
        verify_inclusion(told.index, size, leaf, told.proof, root)
        return told.mark
    left, right = told.left, told.right
    if left is None and right is None and (size != 0 or root != EMPTY_ROOT):
        _refuse("CLAIMS_NEIGHBOURS", "only an empty map has no neighbours to show")
    for each in (left, right):
        if each is not None:
            leaf = _leaf(each.key, each.value)
            verify_inclusion(each.index, size, leaf, each.proof, root)
    after = -1 if left is None else left.index
    before = size if right is None else right.index
    if before - after != 1:
        _refuse("CLAIMS_NEIGHBOURS", "the two keys do not stand side by side")
    if (left is not None and not left.key < key) or (right is not None and not key < right.key):
        _refuse("CLAIMS_NEIGHBOURS", "the key does not lie between the two")
    return None


def _leaf(key: bytes, value: bytes) -> bytes:
    if len(key) != HASH_BYTES or len(value) != HASH_BYTES:
        _refuse("CLAIMS_KEY", "a key and a value have 32 bytes")
    return leaf_hash(key + value)


def _refuse(code: str, message: str) -> NoReturn:
    raise ProofError(code, message)

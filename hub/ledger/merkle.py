"""`merkle`: the hash tree of the log, its proofs and their verification.

Invariants:
- A leaf hashes with the prefix 0x00, an inner node with 0x01: neither can be taken for the other.
- `(level, index)` names the complete subtree over leaves `[index << level, (index + 1) << level)`;
  such a node never changes once its leaves exist, so it may be stored for ever.
- Hashes are 32 bytes; sizes lie below 2^63; a proof is accepted only in its exact length.
- Consistency from an empty tree proves nothing and is refused.

RFC 6962 §2.1, RFC 9162 §2.1.3.2 and §2.1.4.2 (verification).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import NoReturn

from hub.ledger.errors import ProofError
from hub.ledger.limits import (
    CONSISTENCY_HASHES_MAX,
    HASH_BYTES,
    PROOF_HASHES_MAX,
    TREE_SIZE_MAX,
)

Coordinate = tuple[int, int]
"""(level, index) of a complete subtree."""
NodeGetter = Callable[[int, int], bytes]
"""Gives the hash of the complete subtree at (level, index)."""
Plan = tuple[tuple[Coordinate, ...], ...]
"""One group of complete subtrees per hash of a proof; a group folds from the right."""

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash the bytes of an entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into their parent."""
    return sha256(b"\x01" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes (or over equal complete subtrees)."""
    frontier = Frontier()
    for value in hashes:
        frontier.append(value)
    return frontier.root()


class Frontier:
    """The complete subtrees along the right edge: all that appending needs.

    `hashes` lists them from the largest (leftmost) to the smallest; there is one per set bit of
    `size`.
    """

    __slots__ = ("hashes", "size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if not 0 <= size <= TREE_SIZE_MAX or len(hashes) != size.bit_count():
            _refuse("PROOF_SIZE", f"{len(hashes)} hashes do not form the frontier of {size} leaves")
        _check_hashes(hashes)
        self.size = size
        self.hashes = list(hashes)

    @classmethod
    def load(cls, node: NodeGetter, size: int) -> Frontier:
        """Build the frontier of a stored tree."""
        return cls(size, [node(level, index) for level, index in cover(0, size)])

    def append(self, value: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash; return every subtree that it completes as (level, index, hash)."""
        if self.size >= TREE_SIZE_MAX:
            _refuse("PROOF_SIZE", "the tree is full")
        _check_hashes((value,))
        level, index = 0, self.size
        completed = [(0, index, value)]
        while index & 1:
            value = node_hash(self.hashes.pop(), value)
            level, index = level + 1, index >> 1
            completed.append((level, index, value))
        self.hashes.append(value)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """Return the root of the tree as it is."""
        return _fold(self.hashes) if self.hashes else EMPTY_ROOT


def cover(low: int, high: int) -> tuple[Coordinate, ...]:
    """Split leaves `[low, high)`, a subtree of the log, into complete subtrees."""
    parts: list[Coordinate] = []
    while low < high:
        level = (high - low).bit_length() - 1
        parts.append((level, low >> level))
        low += 1 << level
    return tuple(parts)


def inclusion_plan(index: int, size: int) -> Plan:
    """Return the subtrees that prove leaf `index` in a tree of `size` leaves."""
    if not 0 <= index < size <= TREE_SIZE_MAX:
        _refuse("PROOF_SIZE", f"no leaf {index} in a tree of {size} leaves")
    groups: list[tuple[Coordinate, ...]] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            groups.append(cover(middle, high))
            high = middle
        else:
            groups.append(cover(low, middle))
            low = middle
    return tuple(reversed(groups))


def consistency_plan(size1: int, size2: int) -> Plan:
    """Return the subtrees that prove the tree of `size1` leaves to be a prefix of `size2`."""
    if not 0 < size1 <= size2 <= TREE_SIZE_MAX:
        _refuse("PROOF_SIZE", f"no consistency from {size1} to {size2} leaves")
    groups: list[tuple[Coordinate, ...]] = []
    low, high = 0, size2
    while size1 != high:
        middle = low + _split(high - low)
        if size1 <= middle:
            groups.append(cover(middle, high))
            high = middle
        else:
            groups.append(cover(low, middle))
            low = middle
    if low > 0:
        groups.append(cover(low, high))
    return tuple(reversed(groups))


def root_at(node: NodeGetter, size: int) -> bytes:
    """Compute the root of the first `size` leaves from stored nodes."""
    if not 0 <= size <= TREE_SIZE_MAX:
        _refuse("PROOF_SIZE", f"no tree of {size} leaves")
    hashes = [node(level, index) for level, index in cover(0, size)]
    return _fold(hashes) if hashes else EMPTY_ROOT


def inclusion_proof(node: NodeGetter, index: int, size: int) -> list[bytes]:
    """Prove leaf `index` in the tree of `size` leaves."""
    return resolve(inclusion_plan(index, size), node)


def consistency_proof(node: NodeGetter, size1: int, size2: int) -> list[bytes]:
    """Prove that the tree of `size2` leaves extends the one of `size1`."""
    return resolve(consistency_plan(size1, size2), node)


def resolve(plan: Plan, node: NodeGetter) -> list[bytes]:
    """Turn a plan into the hashes of a proof."""
    return [_fold([node(level, index) for level, index in group]) for group in plan]


def nodes_of(hashes: Sequence[bytes]) -> NodeGetter:
    """Return the nodes of a tree held in memory as a list of leaf hashes."""
    levels: list[Sequence[bytes]] = [hashes]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])

    def node(level: int, index: int) -> bytes:
        return levels[level][index]

    return node


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], expected: bytes
) -> None:
    """Check that the leaf hash stands at `index` under the root, or raise `ProofError`."""
    if not 0 <= index < size <= TREE_SIZE_MAX:
        _refuse("PROOF_SIZE", f"no leaf {index} in a tree of {size} leaves")
    if len(proof) > PROOF_HASHES_MAX:
        _refuse("PROOF_LENGTH", f"{len(proof)} hashes are more than any inclusion proof has")
    _check_hashes((leaf, expected, *proof))
    position, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            _refuse("PROOF_LENGTH", "the inclusion proof is too long")
        if position & 1 or position == last:
            value = node_hash(sibling, value)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        _refuse("PROOF_LENGTH", "the inclusion proof is too short")
    if value != expected:
        _refuse("PROOF_ROOT", "the inclusion proof leads to another root")


def verify_consistency(
    size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the second tree extends the first, or raise `ProofError`."""
    if not 0 < size1 <= size2 <= TREE_SIZE_MAX:
        _refuse("PROOF_SIZE", f"no consistency from {size1} to {size2} leaves")
    if len(proof) > CONSISTENCY_HASHES_MAX:
        _refuse("PROOF_LENGTH", f"{len(proof)} hashes are more than any consistency proof has")
    if size1 == size2:
        if proof:
            _refuse("PROOF_LENGTH", "two equal sizes need an empty proof")
        if root1 != root2:
            _refuse("PROOF_ROOT", "two roots for one size: the log forked")
        return
    _check_hashes((root1, root2, *proof))
    if not proof:
        _refuse("PROOF_LENGTH", "the consistency proof is empty")
    start, path = (root1, proof) if size1.bit_count() == 1 else (proof[0], proof[1:])
    old, new = _climb(size1 - 1, size2 - 1, start, path)
    if old != root1:
        _refuse("PROOF_ROOT", "the consistency proof leads to another first root")
    if new != root2:
        _refuse("PROOF_ROOT", "the consistency proof leads to another second root")


def _climb(position: int, last: int, start: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = start
    for sibling in path:
        if last == 0:
            _refuse("PROOF_LENGTH", "the consistency proof is too long")
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        _refuse("PROOF_LENGTH", "the consistency proof is too short")
    return old, new


def _split(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def _fold(hashes: Sequence[bytes]) -> bytes:
    value = hashes[-1]
    for left in reversed(hashes[:-1]):
        value = node_hash(left, value)
    return value


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if not {*map(len, hashes)} <= {HASH_BYTES}:
        _refuse("PROOF_HASH", f"a hash has {HASH_BYTES} bytes")


def _refuse(code: str, message: str) -> NoReturn:
    raise ProofError(code, message)

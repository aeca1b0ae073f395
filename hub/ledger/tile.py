"""`tile`: the log as static files: hash tiles, entry bundles, their paths.

Invariants:
- A tile of level L holds up to 256 hashes of complete subtrees of 256^L leaves; a full tile is
  immutable, a partial one names its width in its path.
- A path has one spelling; `parse_path` accepts nothing that `path` would not return.
- Pure: bytes in, bytes out; storing and serving are done elsewhere.

C2SP tlog-tiles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from hub.ledger.errors import NoteError, ProofError
from hub.ledger.limits import (
    ENTRY_BYTES_MAX,
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_LEVEL_MAX,
    TILE_WIDTH,
    TREE_SIZE_MAX,
)
from hub.ledger.merkle import (
    Coordinate,
    NodeGetter,
    Plan,
    consistency_plan,
    cover,
    inclusion_plan,
    root,
)

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9])/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One hash tile, or one bundle of entries when `level` is None."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if self.level is not None and not 0 <= self.level <= TILE_LEVEL_MAX:
            _refuse("TILE_PATH", f"no tile level {self.level}")
        span = 1 << TILE_HEIGHT * ((self.level or 0) + 1)
        if not 0 <= self.index <= TREE_SIZE_MAX // span:
            _refuse("TILE_PATH", f"no tile {self.index} at level {self.level}")
        if not 1 <= self.width <= TILE_WIDTH:
            _refuse("TILE_PATH", f"no tile of width {self.width}")

    @property
    def path(self) -> str:
        """The path under the log's prefix, without a leading slash."""
        name = "entries" if self.level is None else str(self.level)
        parts = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            parts.append(f"x{rest % 1000:03d}")
            rest //= 1000
        suffix = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{name}/{'/'.join(reversed(parts))}{suffix}"

    @property
    def full(self) -> Tile:
        """The complete tile that a partial one will become."""
        return replace(self, width=TILE_WIDTH)


def parse_path(path: str) -> Tile:
    """Read a path under the log's prefix; refuse every second spelling."""
    match = _PATH.fullmatch(path)
    if match is None:
        _refuse("TILE_PATH", "not the path of a tile or an entry bundle")
    level = None if match["level"] == "entries" else int(match["level"])
    width = TILE_WIDTH if match["width"] is None else int(match["width"])
    tile = Tile(level, int(match["index"].replace("x", "").replace("/", "")), width)
    if tile.path != path:
        _refuse("TILE_PATH", "the path is not written in its shortest form")
    return tile


def tile_of(level: int, index: int, size: int) -> Tile:
    """Return the hash tile that holds the subtree (level, index) in a tree of `size` leaves."""
    tile_level, rest = divmod(level, TILE_HEIGHT)
    first = index << rest
    number, offset = divmod(first, TILE_WIDTH)
    width = min(TILE_WIDTH, (size >> TILE_HEIGHT * tile_level) - number * TILE_WIDTH)
    if index < 0 or width < offset + (1 << rest):
        raise ProofError("PROOF_SIZE", f"no subtree {level}/{index} among {size} leaves")
    return Tile(tile_level, number, width)


def tiles_between(before: int, after: int) -> Iterator[Tile]:
    """Yield every hash tile that is new or wider when the tree grows from `before` to `after`."""
    if not 0 <= before <= after <= TREE_SIZE_MAX:
        _refuse("TILE_SIZE", f"a tree does not grow from {before} to {after}")
    for level in range(TILE_LEVEL_MAX + 1):
        old, new = before >> TILE_HEIGHT * level, after >> TILE_HEIGHT * level
        for index, width in _grown(old, new):
            yield Tile(level, index, width)


def bundles_between(before: int, after: int) -> Iterator[Tile]:
    """Yield every entry bundle that is new or longer when the tree grows."""
    if not 0 <= before <= after <= TREE_SIZE_MAX:
        _refuse("TILE_SIZE", f"a tree does not grow from {before} to {after}")
    for index, width in _grown(before, after):
        yield Tile(None, index, width)


def is_served(tile: Tile, size: int) -> bool:
    """Return whether a tree of `size` leaves has all the hashes of the tile."""
    available = size >> TILE_HEIGHT * (tile.level or 0)
    return tile.index * TILE_WIDTH + tile.width <= available


def tiles_for_inclusion(index: int, size: int) -> frozenset[Tile]:
    """Return the tiles from which the inclusion proof of a leaf can be computed."""
    return _tiles_for(inclusion_plan(index, size), size)


def tiles_for_consistency(size1: int, size2: int) -> frozenset[Tile]:
    """Return the tiles from which a consistency proof can be computed."""
    return _tiles_for(consistency_plan(size1, size2), size2)


def tiles_for_root(size: int) -> frozenset[Tile]:
    """Return the tiles from which the root of a tree can be computed."""
    return _tiles_for((cover(0, size),), size)


def nodes_in(tiles: Mapping[Tile, bytes], size: int) -> NodeGetter:
    """Return the nodes of a tree of `size` leaves, computed from fetched tiles."""

    def node(level: int, index: int) -> bytes:
        tile = tile_of(level, index, size)
        data = tiles.get(tile, tiles.get(tile.full))
        if data is None:
            _refuse("TILE_MISSING", f"tile {tile.path} is needed and was not given")
        return node_in(data, level, index)

    return node


def node_in(data: bytes, level: int, index: int) -> bytes:
    """Compute the subtree (level, index) from the bytes of the tile that holds it."""
    rest = level % TILE_HEIGHT
    first = (index << rest) % TILE_WIDTH * HASH_BYTES
    part = data[first : first + (HASH_BYTES << rest)]
    if len(part) != HASH_BYTES << rest:
        _refuse("TILE_LENGTH", f"the tile is too short for the subtree {level}/{index}")
    return root([part[i : i + HASH_BYTES] for i in range(0, len(part), HASH_BYTES)])


def build_tile(hashes: Sequence[bytes]) -> bytes:
    """Write the hashes of one tile."""
    if not 1 <= len(hashes) <= TILE_WIDTH or any(len(value) != HASH_BYTES for value in hashes):
        _refuse("TILE_LENGTH", "a tile has 1 to 256 hashes of 32 bytes")
    return b"".join(hashes)


def parse_tile(data: bytes, width: int = TILE_WIDTH) -> list[bytes]:
    """Read the hashes of a tile of known width."""
    if len(data) != width * HASH_BYTES:
        _refuse("TILE_LENGTH", f"a tile of width {width} has {width * HASH_BYTES} bytes")
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


def build_bundle(entries: Sequence[bytes]) -> bytes:
    """Write entries with their lengths in front."""
    if not 1 <= len(entries) <= TILE_WIDTH:
        _refuse("TILE_LENGTH", "a bundle has 1 to 256 entries")
    if any(len(entry) > ENTRY_BYTES_MAX for entry in entries):
        _refuse("TILE_LENGTH", f"an entry has at most {ENTRY_BYTES_MAX} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(data: bytes, width: int = TILE_WIDTH) -> list[bytes]:
    """Read the entries of a bundle of known width."""
    entries: list[bytes] = []
    position = 0
    while position < len(data) and len(entries) < width:
        start = position + 2
        end = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or end > len(data):
            _refuse("TILE_LENGTH", "the bundle ends inside an entry")
        entries.append(data[start:end])
        position = end
    if len(entries) != width or position != len(data):
        _refuse("TILE_LENGTH", f"the bundle does not hold exactly {width} entries")
    return entries


def _grown(before: int, after: int) -> Iterator[tuple[int, int]]:
    if before == after:
        return
    for index in range(before // TILE_WIDTH, -(-after // TILE_WIDTH)):
        yield index, min(TILE_WIDTH, after - index * TILE_WIDTH)


def _tiles_for(plan: Plan, size: int) -> frozenset[Tile]:
    coordinates: Iterable[Coordinate] = (part for group in plan for part in group)
    return frozenset(tile_of(level, index, size) for level, index in coordinates)


def _refuse(code: str, message: str) -> NoReturn:
    raise NoteError(code, message)

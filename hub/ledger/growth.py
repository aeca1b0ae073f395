"""`growth`: the right edge of the tree in memory: what is needed to append leaves and to sign.

Invariants:
- A `TreeEdge` is immutable: `grown` returns a new one; the old one is used until the new leaves are
  committed.
- It holds at most 63 hashes and one unfinished tile per level, whatever the size of the log.
- It is rebuilt from stored tiles alone; no leaf is read again.

RFC 6962 §2.1, C2SP tlog-tiles. No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.ledger.limits import HASH_BYTES, TILE_HEIGHT, TILE_LEVEL_MAX, TILE_WIDTH
from hub.ledger.merkle import Frontier
from hub.ledger.tile import Tile, nodes_in

_FULL = TILE_WIDTH * HASH_BYTES


@dataclass(frozen=True, slots=True)
class TreeEdge:
    """A tree of `size` leaves: its root, and what it needs to grow."""

    size: int
    root: bytes
    hashes: tuple[bytes, ...]
    """The complete subtrees along the right edge, as `hub.ledger.merkle.Frontier` has them."""
    unfinished: tuple[bytes, ...]
    """Per level of tiles the hashes of the last tile while it is not full."""

    def grown(self, leaves: Sequence[bytes]) -> tuple[TreeEdge, dict[tuple[int, int], bytes]]:
        """Append leaf hashes; return the new edge and the changed tiles by level and index."""
        frontier = Frontier(self.size, self.hashes)
        open_tiles = [bytearray(part) for part in self.unfinished]
        tiles: dict[tuple[int, int], bytes] = {}
        for leaf in leaves:
            for level, index, value in frontier.append(leaf):
                if level % TILE_HEIGHT:
                    continue
                part = open_tiles[level // TILE_HEIGHT]
                part += value
                if len(part) == _FULL:
                    tiles[level // TILE_HEIGHT, index // TILE_WIDTH] = bytes(part)
                    part.clear()
        for number, part in enumerate(open_tiles):
            if part != self.unfinished[number] and part:
                tiles[number, (frontier.size >> TILE_HEIGHT * number) // TILE_WIDTH] = bytes(part)
        unfinished = tuple(bytes(part) for part in open_tiles)
        return TreeEdge(frontier.size, frontier.root(), tuple(frontier.hashes), unfinished), tiles


def edge_tiles(size: int) -> list[Tile]:
    """Return the unfinished tiles of a tree: all that `load_edge` needs."""
    tiles = []
    for level in range(TILE_LEVEL_MAX + 1):
        number, width = divmod(size >> TILE_HEIGHT * level, TILE_WIDTH)
        if width:
            tiles.append(Tile(level, number, width))
    return tiles


def load_edge(tiles: dict[Tile, bytes], size: int) -> TreeEdge:
    """Rebuild the edge from its tiles; `NoteError` when one is missing or too short."""
    frontier = Frontier.load(nodes_in(tiles, size), size)
    unfinished = [b""] * (TILE_LEVEL_MAX + 1)
    for tile, data in tiles.items():
        unfinished[tile.level or 0] = data
    return TreeEdge(size, frontier.root(), tuple(frontier.hashes), tuple(unfinished))

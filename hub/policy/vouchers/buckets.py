"""`buckets`: where the money of a voucher lies; pure.

What was granted is always the sum of the six buckets: money moves between them and is neither made
nor lost. A release is a movement back to `available`, not a bucket of its own.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace

from schema.codes import VoucherBucket

Bucket = VoucherBucket


@dataclass(frozen=True, slots=True)
class Move:
    """Fen that go from one bucket to another; 1 or more."""

    source: Bucket
    target: Bucket
    fen: int


@dataclass(frozen=True, slots=True)
class Buckets:
    """Fen of CNY in each place, each 0 or more."""

    available: int
    reserved: int = 0
    consumed: int = 0
    settled: int = 0
    expired: int = 0
    clawed_back: int = 0

    @property
    def granted(self) -> int:
        """What was granted: the sum of all."""
        return sum(astuple(self))

    def holds(self, bucket: Bucket) -> int:
        """Return what lies in one place."""
        return int(getattr(self, bucket.name.lower()))

    def after(self, move: Move) -> Buckets:
        """Return the buckets after a movement; ValueError where there is too little to move."""
        left = self.holds(move.source) - move.fen
        if move.fen <= 0 or left < 0 or move.source is move.target:
            raise ValueError(f"{move.fen} fen cannot go from {move.source} to {move.target}")
        more = self.holds(move.target) + move.fen
        return replace(self, **{move.source.name.lower(): left, move.target.name.lower(): more})

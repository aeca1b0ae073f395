"""`targets`: what an erasure takes away, named without its content.

Rows are named so that a restored backup cannot offer other rows under the same name: an entry by id
and commitment, a quarantined row by id and time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from schema.dates import format_instant


@dataclass(frozen=True, slots=True, order=True)
class ClaimId:
    """What one source says of one record: all revisions of it."""

    record_type: str
    source: str
    """As it is called now."""
    authority: str
    key: str
    owner: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Targets:
    """Everything that one order takes away."""

    entries: Mapping[int, bytes] = field(default_factory=dict)
    """Commitments by entry id."""
    quarantine: Mapping[int, datetime] = field(default_factory=dict)
    """Times of arrival by id of the refused row."""
    answers: frozenset[tuple[str, str]] = frozenset()
    """Kept answers to repeated requests, by client and key."""
    evidence: frozenset[bytes] = frozenset()
    """Kept signed requests: what was signed covers a digest of the content."""
    runs: frozenset[str] = frozenset()
    """Runs whose message repeats the text."""

    def __bool__(self) -> bool:
        """Whether there is anything to take away."""
        return bool(self.entries or self.quarantine or self.answers or self.runs)

    def to_wire(self) -> dict[str, Any]:
        """Return the targets as JSON-ready data."""
        return {
            "entries": [[each, made.hex()] for each, made in sorted(self.entries.items())],
            "quarantine": [[each, at.isoformat()] for each, at in sorted(self.quarantine.items())],
            "answers": sorted(map(list, self.answers)),
            "evidence": sorted(each.hex() for each in self.evidence),
            "runs": sorted(self.runs),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Targets:
        """Read back what `to_wire` made; KeyError, TypeError or ValueError for anything else."""
        return cls(
            entries={int(each): bytes.fromhex(made) for each, made in wire["entries"]},
            quarantine={int(each): datetime.fromisoformat(at) for each, at in wire["quarantine"]},
            answers=frozenset((str(client), str(key)) for client, key in wire["answers"]),
            evidence=frozenset(bytes.fromhex(each) for each in wire["evidence"]),
            runs=frozenset(map(str, wire["runs"])),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureOrder:
    """Who ordered an erasure, why, and who carries it out."""

    number: str
    reason: str
    ordered_by: str
    performed_by: str
    at: datetime

    def facts(self) -> dict[str, Any]:
        """Return what every Erasure of this order says."""
        return {
            "reason": self.reason,
            "orderedBy": self.ordered_by,
            "performedBy": self.performed_by,
            "erasedAt": format_instant(self.at),
        }

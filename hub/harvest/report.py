"""`HarvestReport`: what came of a harvest, list by list, in numbers and words for the operator."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from hub.harvest.limits import ADDITIONS_MAX
from hub.intake.batch import Outcome


class RunStatus(StrEnum):
    """How a run stands."""

    RUNNING = "RUNNING"
    OK = "OK"
    PARTIAL = "PARTIAL"
    """Something did not go in: rows in quarantine, or a list that could not be read."""
    HELD = "HELD"
    """All that came went in; what is missing waits for the operator before it is withdrawn, or what
    is beyond the most that a reading may make before it is read."""
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    """The operator ended it; what it had read by then went in."""


class ListStatus(StrEnum):
    """How the reading of one list stands."""

    OK = "OK"
    """Read whole, from its beginning to its end."""
    CONTINUED = "CONTINUED"
    """Read to its end, from where an earlier run was cut off."""
    HELD = "HELD"
    """Left off: it gave more records of a type than the source's metadata allow."""
    PARTIAL = "PARTIAL"
    """Read to its end, and not proved to be whole: it moved, or does not add up to its count."""
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    """Not read, because a list that it needs failed."""
    REPLAYED = "REPLAYED"
    """Read again from the documents that are kept of a run."""
    NOT_DUE = "NOT_DUE"
    """Not read, because its schedule does not ask for it now."""


@dataclass(kw_only=True)
class CollectionReport:
    """What became of one list."""

    name: str
    status: ListStatus = ListStatus.SKIPPED
    documents: int = 0
    rows: int = 0
    unchanged: int = 0
    """Records that stand without having come: the source calls its list unchanged, or was asked for
    what changed since."""
    is_saved: bool = False
    """Whether the source said that the whole list is what it was, and nothing had to come."""
    repeated: int = 0
    """Records that had come before in this run: pages that shifted, or a source's own doubles."""
    dropped: int = 0
    """Personal values that were dropped at the border."""
    outcomes: Counter[str] = field(default_factory=Counter)
    additions: set[str] = field(default_factory=set)
    drift: dict[str, int] = field(default_factory=dict)
    """What changed in its form, in words, with the rows that showed it."""
    error_code: str | None = None
    message: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        wire: dict[str, Any] = {
            "name": self.name,
            "status": self.status.value,
            "documents": self.documents,
            "rows": self.rows,
            "unchanged": self.unchanged,
            "repeated": self.repeated,
            "personalDropped": self.dropped,
            **{each.value.lower(): self.outcomes[each.value] for each in Outcome},
        }
        if self.additions:
            wire["additions"] = sorted(self.additions)[:ADDITIONS_MAX]
        if self.drift:
            wire["drift"] = dict(list(self.drift.items())[:ADDITIONS_MAX])
        if self.error_code or self.message:
            wire |= {"errorCode": self.error_code, "message": self.message}
        return wire


@dataclass(kw_only=True)
class HarvestReport:
    """What came of a whole run."""

    run_id: str
    source: str
    status: RunStatus = RunStatus.RUNNING
    collections: list[CollectionReport] = field(default_factory=list)
    withdrawn: Counter[str] = field(default_factory=Counter)
    """Records withdrawn at the end of the run, by type."""
    is_replay: bool = False
    """It read what was kept, not the source: it says nothing of how the source stands."""
    held: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Types whose list shrank too much: records known, records that came."""
    heard: dict[str, tuple[datetime | None, datetime | None]] = field(default_factory=dict)
    """Record types that were read whole, with the bounds of what was asked for."""
    error_code: str | None = None
    message: str | None = None

    def total(self, outcome: Outcome) -> int:
        """Count an outcome over all lists."""
        return sum(each.outcomes[outcome.value] for each in self.collections)

    def of_status(self, *statuses: ListStatus) -> list[CollectionReport]:
        """Return the lists that stand like this."""
        return [each for each in self.collections if each.status in statuses]

    @property
    def is_heard(self) -> bool:
        """Whether everything that was to be read was read whole."""
        due = [each for each in self.collections if each.status is not ListStatus.NOT_DUE]
        return all(each.status is ListStatus.OK for each in due)

    @property
    def records(self) -> int:
        """Count the records that came and conform, or stand unchanged."""
        known = self.total(Outcome.PROVEN) + self.total(Outcome.DUPLICATE)
        return self.total(Outcome.ACCEPTED) + known + self.unchanged

    @property
    def unchanged(self) -> int:
        """Count the records that stand without having come."""
        return sum(each.unchanged for each in self.collections)

    def counts(self) -> dict[str, Any]:
        """Return the numbers as JSON-ready data: what the run's row keeps."""
        return {
            **{each.value.lower(): self.total(each) for each in Outcome},
            "rows": sum(each.rows for each in self.collections),
            "unchanged": self.unchanged,
            "listsUnchanged": sum(each.is_saved for each in self.collections),
            "documents": sum(each.documents for each in self.collections),
            "personalDropped": sum(each.dropped for each in self.collections),
            "withdrawnByType": dict(self.withdrawn),
            "held": {name: {"known": a, "came": b} for name, (a, b) in self.held.items()},
            "collections": [each.to_wire() for each in self.collections],
        }

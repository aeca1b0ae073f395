"""`Report`: what a harvest found, list by list, in numbers and words for the operator."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
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
    """All that came went in; what is missing waits for the operator before it is withdrawn."""
    FAILED = "FAILED"


@dataclass(kw_only=True)
class CollectionReport:
    """What became of one list."""

    name: str
    status: str = "SKIPPED"
    """OK, FAILED, or SKIPPED because an earlier list failed."""
    documents: int = 0
    rows: int = 0
    repeated: int = 0
    """Records that had come before in this run: pages that shifted, or a source's own doubles."""
    dropped: int = 0
    """Personal values that were dropped at the border."""
    outcomes: Counter[str] = field(default_factory=Counter)
    additions: set[str] = field(default_factory=set)
    error_code: str | None = None
    message: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        made: dict[str, Any] = {
            "name": self.name,
            "status": self.status,
            "documents": self.documents,
            "rows": self.rows,
            "repeated": self.repeated,
            "personalDropped": self.dropped,
            **{each.value.lower(): self.outcomes[each.value] for each in Outcome},
        }
        if self.additions:
            made["additions"] = sorted(self.additions)[:ADDITIONS_MAX]
        if self.error_code:
            made |= {"errorCode": self.error_code, "message": self.message}
        return made


@dataclass(kw_only=True)
class Report:
    """What a whole run found."""

    run_id: str
    source: str
    status: RunStatus = RunStatus.RUNNING
    collections: list[CollectionReport] = field(default_factory=list)
    withdrawn: Counter[str] = field(default_factory=Counter)
    """Records withdrawn at the end of the run, by type."""
    held: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Types whose list shrank too much: records known, records that came."""
    error_code: str | None = None
    message: str | None = None

    def total(self, outcome: Outcome) -> int:
        """Count an outcome over all lists."""
        return sum(each.outcomes[outcome.value] for each in self.collections)

    @property
    def records(self) -> int:
        """Count the records that came and conform."""
        known = self.total(Outcome.PROVEN) + self.total(Outcome.DUPLICATE)
        return self.total(Outcome.ACCEPTED) + known

    def counts(self) -> dict[str, Any]:
        """Return the numbers as JSON-ready data: what the run's row keeps."""
        return {
            **{each.value.lower(): self.total(each) for each in Outcome},
            "rows": sum(each.rows for each in self.collections),
            "personalDropped": sum(each.dropped for each in self.collections),
            "withdrawnByType": dict(self.withdrawn),
            "held": {name: {"known": a, "came": b} for name, (a, b) in self.held.items()},
            "collections": [each.to_wire() for each in self.collections],
        }

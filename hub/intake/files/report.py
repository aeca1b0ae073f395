"""`report`: what became of the rows of a table; the figures add up.

rows of the table = rows left out by the mapping + rows read;
rows read         = accepted + duplicate + quarantined + unsettled.

Of the accepted ones some went in with a warning; of the duplicate ones some are better vouched for
than before (proven). A row that yields several records counts once: as quarantined when any of
them was refused, as unsettled when the home of any has not said what became of it, as accepted
when any of them was new, else as duplicate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.mapping import Converted, Table
from hub.intake.batch import Outcome, RowOutcome
from hub.intake.files.rejects import Refused

RANK = {
    Outcome.QUARANTINED: 5,
    Outcome.UNSETTLED: 4,
    Outcome.ACCEPTED: 3,
    Outcome.PROVEN: 2,
    Outcome.DUPLICATE: 1,
}
"""Which outcome a row with several records counts as: the highest. A mapping withdraws nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileReport:
    """What became of a table. Reasons count problems by code and item; a row may have several."""

    file: str
    sheet: str
    rows: int
    left_out: Mapping[str, int]
    outcomes: Mapping[Outcome, int]
    records: Mapping[tuple[str, Outcome], int]
    reasons: Mapping[tuple[str, str], int]
    dropped: Mapping[str, int]
    warnings: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Rows that went in with something doubted, by code and item."""
    properties: Mapping[str, str] = field(default_factory=dict)
    warned: int = 0
    """Rows that went in with something doubted."""
    below: int = 0
    """Rows that were not read because their header, which counts as the one row, was refused."""
    dry_run: bool = False
    replayed: bool = False

    @property
    def read(self) -> int:
        """Rows that the mapping meant to take over."""
        return self.rows - sum(self.left_out.values())

    @property
    def accepted(self) -> int:
        """Rows of which something was new."""
        return self.outcomes.get(Outcome.ACCEPTED, 0)

    @property
    def duplicate(self) -> int:
        """Rows that said only what stands already."""
        same = (Outcome.DUPLICATE, Outcome.PROVEN)
        return sum(self.outcomes.get(each, 0) for each in same)

    @property
    def proven(self) -> int:
        """Of the duplicate rows those that are better vouched for than before."""
        return self.outcomes.get(Outcome.PROVEN, 0)

    @property
    def quarantined(self) -> int:
        """Rows that came back."""
        return self.outcomes.get(Outcome.QUARANTINED, 0)

    @property
    def unsettled(self) -> int:
        """Rows at home at another hub, which has not said what became of them."""
        return self.outcomes.get(Outcome.UNSETTLED, 0)

    @property
    def balanced(self) -> bool:
        """Whether every row is accounted for exactly once."""
        told = self.accepted + self.duplicate + self.quarantined + self.unsettled
        return self.read == told


def report_of(
    file: str,
    table: Table,
    converted: Sequence[Converted],
    outcomes: Sequence[tuple[int, RowOutcome]],
    refused: Sequence[Refused],
) -> FileReport:
    """Count what became of the rows; an outcome stands with the index of its row."""
    rows: dict[int, Outcome] = {}
    records: Counter[tuple[str, Outcome]] = Counter()
    for at, outcome in outcomes:
        before = rows.get(at)
        if before is None or RANK[outcome.outcome] > RANK[before]:
            rows[at] = outcome.outcome
        if not converted[at].problems:
            records[outcome.record_type or "", outcome.outcome] += 1
    reasons = Counter(
        reason
        for each in refused
        for reason in {(one.problem.code, one.reason) for one in each.problems}
    )
    return FileReport(
        file=file,
        sheet=table.sheet,
        rows=len(table.rows),
        left_out=Counter(each.left_out for each in converted if each.left_out is not None),
        outcomes=Counter(rows.values()),
        records=records,
        reasons=reasons,
        dropped=Counter(name for each in converted for name in each.dropped),
        warned=len({at for at, outcome in outcomes if outcome.warnings}),
        warnings=Counter((w.code, w.path) for _, outcome in outcomes for w in outcome.warnings),
        properties=table.properties,
    )


def total_of(reports: Sequence[FileReport]) -> FileReport:
    """Return the report of a table from those of its parts, which are one or more."""
    first = reports[0]

    def counted(name: str) -> Counter[Any]:
        total: Counter[Any] = Counter()
        for each in reports:
            total.update(getattr(each, name))
        return total

    return replace(
        first,
        rows=sum(each.rows for each in reports),
        left_out=dict(counted("left_out")),
        outcomes=counted("outcomes"),
        records=counted("records"),
        reasons=counted("reasons"),
        dropped=counted("dropped"),
        warned=sum(each.warned for each in reports),
        warnings=counted("warnings"),
        below=sum(each.below for each in reports),
        replayed=all(each.replayed for each in reports),
    )

"""`RowCounts`: how many records of each type a run makes, and whether they are too many or few.

What is right stands in the metadata of the source. Too many are noticed before the document that
brings them goes in: a source that sends ten times as much, or pages that go in a circle, would fill
the hub otherwise. Too few are only told of a record type that was read whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from adapters._adapter import ConvertedRow, Mapped
from adapters._metadata import RowBounds
from connectors.errors import PayloadError
from hub.intake.batch import Outcome, Outcomes

__all__ = ["OverfullError", "RowCounts"]


class OverfullError(PayloadError):
    """A source gives more records of a type than its metadata allow; a person looks first."""

    code: ClassVar[str] = "SOURCE_OVERFULL"
    hint_default = (
        "look at what it sends; deltahub harvest --approve-growth takes it in once, and what is "
        "larger for good gets a max of its own in [rows] of the source's file"
    )


class RowCounts:
    """Counts of one run."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._bounds: Mapping[str, RowBounds] = {}
        self._is_growth_approved = False
        self._came: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        """Records that came and conform."""

    def bound(self, bounds: Mapping[str, RowBounds], *, is_growth_approved: bool) -> None:
        """Hold the run to bounds by record type; `is_growth_approved`: not to the upper ones."""
        self._bounds, self._is_growth_approved = bounds, is_growth_approved

    def take(self, rows: Iterable[ConvertedRow]) -> None:
        """Count what a document brings, repeated and refused records too.

        Raises `OverfullError` where it is too much with what came before.
        """
        for row in rows:
            for one in (*row.yielded, *row.withheld):
                if isinstance(one, Mapped):
                    self._came[one.type] += 1
        for name, bounds in self._bounds.items():
            if self._came[name] > bounds.most and not self._is_growth_approved:
                raise OverfullError(
                    self._source,
                    f"{name}: 超过一次读取的上限 {bounds.most} 条，已停止读取 · more than "
                    f"{bounds.most} records in one reading, which was left off there",
                )

    def note(self, rows: Sequence[Any], outcomes: Outcomes) -> None:
        """Count what intake made of rows."""
        for row, outcome in zip(rows, outcomes.rows, strict=True):
            if outcome.outcome is not Outcome.QUARANTINED and "record" in row:
                self.made[row["type"]] += 1

    def require(self, whole: Mapping[str, int]) -> None:
        """Raise `PayloadError` where a record type that was read whole has too few records.

        `whole`: how many records of each such type there are.
        """
        for name, bounds in self._bounds.items():
            count = whole.get(name, bounds.least)
            if count < bounds.least:
                raise PayloadError(
                    self._source,
                    f"{name}: 只有 {count} 条，至少应有 {bounds.least} 条 · "
                    f"{count} records, at least {bounds.least} are expected",
                    hint="the source answers but has lost its data; ask its operator",
                )

"""`Gathered`: what became of the parts of a file, as one report and one set of refused rows.

Figures are added up part by part; rows that go back are written to a temporary file at once, so
that what is held does not grow with the file.
"""

from __future__ import annotations

import pickle
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, islice
from operator import itemgetter
from typing import IO, Any, Self

from adapters.mapping import SourceRow, Table
from hub.intake.batch import Outcome
from hub.intake.files.cutting import FilePart
from hub.intake.files.large import LargeFile
from hub.intake.files.rejects import Refused
from hub.intake.files.report import FileReport, total_of
from hub.intake.files.wire import refused_from_wire, report_from_wire
from hub.intake.limits import REJECTS_ROWS_MAX


class Gathered:
    """Takes the answer to each part; it is closed by leaving the block."""

    def __init__(self, file: LargeFile) -> None:
        self._file = file
        self._reports: dict[int, FileReport] = {}
        self._rows: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
        self.parts = self.known = 0
        """Parts that were taken, and of these the ones that had been taken before."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    @property
    def reports(self) -> list[FileReport]:
        """Return the report of each table, over all its parts."""
        return [self._reports[at] for at in sorted(self._reports)]

    @property
    def quarantined(self) -> int:
        """Rows that come back: refused ones, and those whose home has not answered."""
        return sum(each.quarantined + each.unsettled for each in self.reports)

    def add(self, part: FilePart, answer: Mapping[str, Any] | None) -> None:
        """Take what became of a part; None: none of its rows was sent."""
        self.parts += 1
        self._keep(part.table, part.refused)
        reports = [self._unsent(part, answer or {})]
        if answer is not None:
            self.known += bool(answer["replayed"])
            (table,) = answer["tables"]
            report = report_from_wire(self._file.path.name, answer, table)
            assert report.balanced, "every row of a part is accounted for exactly once"
            properties = self._file.tables[part.table].table.properties
            reports.insert(0, replace(report, properties=properties))
            self._returned(part, table)
        before = self._reports.get(part.table)
        self._reports[part.table] = total_of([*([before] if before else []), *reports])

    def returned(self) -> Iterator[list[tuple[Table, list[Refused]]]]:
        """Yield the rows that go back, as many at a time as one workbook holds."""
        self._rows.seek(0)
        rows = self._read()
        while piece := list(islice(rows, REJECTS_ROWS_MAX)):
            yield [
                (self._file.tables[at].table, [each for _, each in of_table])
                for at, of_table in groupby(piece, key=itemgetter(0))
            ]

    def _returned(self, part: FilePart, table: Mapping[str, Any]) -> None:
        by_number = {row.number: row for row in part.rows}
        assert not table["refusedNotListed"], "a part has no more rows than are listed"
        for member, is_taken in (("refused", False), ("doubted", True)):
            told = table[member]
            rows = [
                refused_from_wire(each, by_number[each["row"]], is_taken=is_taken) for each in told
            ]
            self._keep(part.table, rows)

    def _unsent(self, part: FilePart, answer: Mapping[str, Any]) -> FileReport:
        """Return the report of the rows of a part that were not sent."""
        table = self._file.tables[part.table].table
        reasons = Counter(
            (one.problem.code, one.reason) for each in part.refused for one in each.problems
        )
        return FileReport(
            file=self._file.path.name,
            sheet=table.sheet,
            rows=len(part.refused),
            left_out={},
            outcomes={Outcome.QUARANTINED: len(part.refused)},
            records={},
            reasons=reasons,
            dropped={},
            properties=table.properties,
            below=part.below,
            dry_run=bool(answer.get("dryRun")),
            replayed=bool(answer.get("replayed")),
        )

    def _keep(self, table: int, refused: Sequence[Refused]) -> None:
        header = self._file.tables[table].table.header
        for each in refused:
            pickle.dump((table, each.row is header, each), self._rows)

    def _read(self) -> Iterator[tuple[int, Refused]]:
        while True:
            try:
                table, is_header, each = pickle.load(self._rows)  # noqa: S301 - our own
            except EOFError:
                return
            # Who writes a workbook knows a header by its identity.
            yield table, replace(each, row=self._header(table)) if is_header else each

    def _header(self, table: int) -> SourceRow:
        header = self._file.tables[table].table.header
        assert header is not None, "it was refused"
        return header

"""`parts_of`: a large table in parts that are taken like files of their own.

- A part has the head of its table (what stands above, the header), and in front of each row the
  number that it has in the whole file, in the column that rows have which came back.
- The same file gives the same parts, byte for byte: their idempotency keys follow from that.
- What only the whole file shows to be wrong (a key that stands in it before with other content, a
  line that is no row, a wrong header) is refused here; of such a row nothing is sent.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from adapters.mapping import Converted, Converter, RowProblem, SourceRow
from adapters.mapping.convert import unread
from adapters.mapping.table import ROW_NUMBER_COLUMN, text_of
from hub.intake.files.large import LargeFile
from hub.intake.files.large_table import LargeTable
from hub.intake.files.large_text import TableForm
from hub.intake.files.rejects import Refused, rejects_workbook
from hub.intake.files.text import NAMES_ONLY
from hub.intake.limits import FILE_BYTES_MAX, PART_BYTES_MAX
from schema.errors import Problem

CELL_BYTES = 8
"""What a cell takes in a part beside its text."""
_CHARACTER_BYTES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class FilePart:
    """A part of a table: the bytes that are sent, the rows in them, and rows that are not sent."""

    number: int
    """In the file, from 1."""
    table: int
    """The table of the file that it is of, from 0."""
    body: bytes
    rows: tuple[SourceRow, ...]
    refused: tuple[Refused, ...] = ()
    below: int = 0
    """Rows that are not sent because the header above them is refused."""

    @property
    def count(self) -> int:
        """Rows that are done with it."""
        return len(self.rows) + (self.below or len(self.refused))


def parts_of(file: LargeFile, rows_max: int) -> Iterator[FilePart]:
    """Yield the parts of a file, in its order."""
    number = 0
    for at, table in enumerate(file.tables):
        for part in _parts(table, rows_max):
            number += 1
            yield replace(part, number=number, table=at)


def _parts(table: LargeTable, rows_max: int) -> Iterator[FilePart]:
    if table.header_problems:
        refused_header = Refused(_header(table), table.header_problems)
        yield FilePart(
            number=0, table=0, body=b"", rows=(), refused=(refused_header,), below=table.count
        )
        return
    repeats = _Repeats(table)
    rows: list[SourceRow] = []
    refused: list[Refused] = []
    size = 0
    for place, row in enumerate(table.rows()):
        if rows and (len(rows) + len(refused) >= rows_max or size >= PART_BYTES_MAX):
            yield _part(table, rows, refused)
            rows, refused, size = [], [], 0
        problems = repeats.problems(place, row) if row.unread is None else unread(row).problems
        bytes_of_row = _size(row)
        if bytes_of_row > FILE_BYTES_MAX - PART_BYTES_MAX:
            problems = (*problems, _TOO_LARGE)
        if problems:
            refused.append(Refused(row, problems))
        else:
            rows.append(row)
            size += bytes_of_row
    if rows or refused:
        yield _part(table, rows, refused)


def _part(table: LargeTable, rows: Sequence[SourceRow], refused: Sequence[Refused]) -> FilePart:
    body = _body(table, rows) if rows else b""
    return FilePart(number=0, table=0, body=body, rows=tuple(rows), refused=tuple(refused))


class _Repeats:
    """Finds rows whose key stands above with other content, as a table read whole would."""

    def __init__(self, table: LargeTable) -> None:
        self._repeated = table.repeated
        self._convert: Callable[[SourceRow], Converted] | None = None
        if table.repeated and table.catalogue is not None:
            self._convert = table.catalogue.converting(table.table.columns)
        elif table.repeated:
            converter = Converter(table.mapping, table.table.columns)
            self._convert = lambda row: next(iter(converter.convert([row])))

    def problems(self, place: int, row: SourceRow) -> Sequence[RowProblem]:
        """Return what is wrong with a row, if it is that; what else is wrong, the hub says."""
        if self._convert is None or place not in self._repeated:
            return ()
        converted = self._convert(row)
        repeats = any(each.problem.code == "KEY_REPEATED" for each in converted.problems)
        return converted.problems if repeats else ()


_TOO_LARGE = RowProblem(
    Problem(
        "",
        "ROW_TOO_LARGE",
        f"一行超过 {(FILE_BYTES_MAX - PART_BYTES_MAX) >> 20} MiB，未发送",
        f"the row has over {(FILE_BYTES_MAX - PART_BYTES_MAX) >> 20} MiB and was not sent",
    ),
    (),
    "",
)


def _size(row: SourceRow) -> int:
    """Return the most bytes that a row takes."""
    return sum(CELL_BYTES + _CHARACTER_BYTES * len(_text(cell)) for cell in row.cells)


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else text_of(cell)


def _body(table: LargeTable, rows: Sequence[SourceRow]) -> bytes:
    if table.form is TableForm.WORKBOOK:
        refused = [Refused(row, ()) for row in rows]
        return rejects_workbook([(table.table, refused)], dates_1904=table.from_1904)
    if table.form is TableForm.DELIMITED:
        return _delimited(table, rows)
    if table.form is TableForm.DOCUMENTS:
        documents = ",".join(map(_json, _objects(table, rows)))
        return f"[{documents}]".encode("utf-8", "backslashreplace")
    return _json_lines(table, rows)


def _header(table: LargeTable) -> SourceRow:
    assert table.table.header is not None, "only tables with a header have none of their rows sent"
    return table.table.header


def _delimited(table: LargeTable, rows: Sequence[SourceRow]) -> bytes:
    """Write rows as delimited lines, each row of the head on the line that it had."""
    text = io.StringIO(newline="")
    stated = table.mapping.file.delimiter
    writer = csv.writer(text, delimiter=stated or table.delimiter, quoting=csv.QUOTE_ALL)
    line = 1
    for row in (*table.table.above, _header(table)):
        for _ in range(line, row.number):
            writer.writerow(())
        front = ROW_NUMBER_COLUMN if row is table.table.header else ""
        writer.writerow((front, *map(_text, row.cells)))
        line = row.number + 1
    for row in rows:
        writer.writerow((row.number, *map(_text, row.cells)))
    return text.getvalue().encode("utf-8-sig")


def _json_lines(table: LargeTable, rows: Sequence[SourceRow]) -> bytes:
    """Write rows as JSON lines, below one that names all their members in order."""
    lines = [{ROW_NUMBER_COLUMN: NAMES_ONLY, **dict.fromkeys(table.members)}]
    text = "\n".join(map(_json, [*lines, *_objects(table, rows)]))
    return text.encode("utf-8-sig", "backslashreplace")  # half a character goes as its escape


def _objects(table: LargeTable, rows: Sequence[SourceRow]) -> Iterator[dict[str, Any]]:
    """Yield rows as objects, each with the number that it has in the whole file."""
    for row in rows:
        told = zip(table.members, row.cells, strict=False)
        cells = {name: cell for name, cell in told if cell is not None}
        yield {ROW_NUMBER_COLUMN: row.number, **cells}


def _json(value: Any) -> str:
    """Write a value that was read with its numbers kept exact."""
    match value:
        case Decimal():
            return str(value)
        case dict():
            members = (f"{json.dumps(k, ensure_ascii=False)}:{_json(v)}" for k, v in value.items())
            return "{" + ",".join(members) + "}"
        case list():
            return "[" + ",".join(map(_json, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)

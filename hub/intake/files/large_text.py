"""`LargeText`: a text file of any length as a run of rows: delimited lines, JSON lines, JSON.

The same rows with the same numbers as `text` gives of a file that is read whole, but one at a time;
whoever wants them again asks again, and the file is read anew.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO

from adapters.mapping import FileFacts, SourceRow
from connectors.charset import file_encoding
from connectors.errors import PayloadError
from connectors.words import Words
from hub.intake.files.json_rows import document_rows
from hub.intake.files.text import (
    LIMITS,
    SURELY_JSON,
    Quoting,
    delimiter_of,
    flat_rows,
    parted_lines,
    rows_of_json_lines,
)
from hub.intake.limits import CUT_ROWS_MAX, LINE_CHARACTERS_MAX

SAMPLE_CHARACTERS = 1024 * 1024
"""From the beginning, by which is decided what kind of text it is."""


class TableForm(StrEnum):
    """How the rows of a table are written."""

    DELIMITED = "DELIMITED"
    JSON_LINES = "JSON_LINES"
    JSON = "JSON"
    DOCUMENTS = "DOCUMENTS"
    WORKBOOK = "WORKBOOK"


@dataclass(frozen=True, kw_only=True, slots=True)
class LargeText:
    """A text file whose encoding, form and delimiter are known."""

    path: Path
    encoding: str
    form: TableForm
    delimiter: str = ","
    quoting: Quoting = csv.QUOTE_MINIMAL
    rows_at: str = ""

    def rows(self, names: dict[str, int]) -> Iterator[SourceRow]:
        """Yield its rows; names of members of JSON objects are added to `names`.

        Raises `PayloadError`.
        """
        with self._open() as file:
            for count, row in enumerate(self._rows(file, names), start=1):
                if count > CUT_ROWS_MAX:
                    raise PayloadError(
                        self.path.name,
                        Words(f"超过 {CUT_ROWS_MAX} 行", f"more than {CUT_ROWS_MAX} rows"),
                    )
                yield row

    def documents(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the objects of a JSON document as they are, with their numbers.

        Raises `PayloadError`.
        """
        with self._open() as file:
            for number, document in document_rows(self.path.name, file, self.rows_at):
                if number > CUT_ROWS_MAX:
                    raise PayloadError(
                        self.path.name,
                        Words(f"超过 {CUT_ROWS_MAX} 行", f"more than {CUT_ROWS_MAX} rows"),
                    )
                yield number, document

    def without_quoting(self) -> LargeText | None:
        """Return it as tab-separated lines without quotation marks; None where it cannot be."""
        plain = self.delimiter == "\t" and self.quoting == csv.QUOTE_MINIMAL
        return replace(self, quoting=csv.QUOTE_NONE) if plain else None

    def _open(self) -> TextIO:
        ends = "" if self.form is TableForm.DELIMITED else "\n"
        return self.path.open(encoding=self.encoding, newline=ends)

    def _rows(self, file: TextIO, names: dict[str, int]) -> Iterator[SourceRow]:
        if self.form is TableForm.DELIMITED:
            yield from parted_lines(self.path.name, self._lines(file), self.delimiter, self.quoting)
            return
        objects = (
            document_rows(self.path.name, file, self.rows_at)
            if self.form is TableForm.JSON
            else rows_of_json_lines(self._lines(file))
        )
        for row in flat_rows(objects, names):
            if len(names) > LIMITS.table_columns_max:
                raise PayloadError(
                    self.path.name,
                    Words(
                        f"各行的成员超过 {LIMITS.table_columns_max} 种",
                        f"the rows have over {LIMITS.table_columns_max} members",
                    ),
                )
            yield row

    def _lines(self, file: TextIO) -> Iterator[str]:
        number = 0
        while line := file.readline(LINE_CHARACTERS_MAX + 1):
            number += 1
            if len(line) > LINE_CHARACTERS_MAX:
                raise PayloadError(
                    self.path.name,
                    Words(
                        f"第 {number} 行超过 {LINE_CHARACTERS_MAX} 个字符",
                        f"line {number} is longer than {LINE_CHARACTERS_MAX} characters",
                    ),
                    hint=Words("请检查换行", "are the ends of lines missing?"),
                )
            yield line


def large_text(path: Path, facts: FileFacts) -> LargeText:
    """Find out what kind of text a file is. Raises `PayloadError` when it is none."""
    with path.open("rb") as data:
        encoding = file_encoding(path.name, data, facts.encoding)
    with path.open(encoding=encoding, newline="") as file:
        sample = file.read(SAMPLE_CHARACTERS)
    form = _form(sample.lstrip("\ufeff \t\r\n"))
    delimiter = facts.delimiter or delimiter_of(sample)
    return LargeText(
        path=path, encoding=encoding, form=form, delimiter=delimiter, rows_at=facts.rows_at
    )


def _form(sample: str) -> TableForm:
    if not SURELY_JSON(sample):
        return TableForm.DELIMITED
    lines = [line.strip() for line in sample.split("\n")]
    if len(sample) == SAMPLE_CHARACTERS and len(lines) > 1:
        lines.pop()  # the sample ends within it
    filled = [line for line in lines if line]
    whole = sum(line.startswith("{") and line.endswith("}") for line in filled)
    if sample.startswith("{") and len(filled) > 1 and whole * 2 >= len(filled):
        return TableForm.JSON_LINES
    return TableForm.JSON


def count_lines(pieces: Iterable[bytes]) -> int:
    """Count line feeds: no text of fewer has more rows, but a JSON document on one line."""
    return sum(piece.count(b"\n") for piece in pieces)

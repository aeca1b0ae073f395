"""`completed`: what the cells of an XLSX sheet say where the reader of workbooks leaves them blank.

- A cell that holds an error, and a formula whose result the file does not store, are no blank
  cells: they come as the text of the error (`#N/A`), or after `NO_RESULT` the formula.
- A cell that is merged over several rows speaks for each of them that holds anything else.

A sheet is looked through again only where an error or a formula stands in it, by an XML parser that
refuses declarations of any kind. ECMA-376 part 1, sections 18.3.1.4 (c), 18.3.1.40 (f), 18.3.1.55.
"""

from __future__ import annotations

import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.parsers import expat

from connectors.column_letters import column_number
from connectors.xml_scan import new_parser, walk

__all__ = [
    "DAMAGE",
    "ERRORS",
    "NO_RESULT",
    "TEXT_MAX",
    "Range",
    "Untold",
    "completed",
    "is_untold",
    "untold_cells",
]

Untold = Mapping[tuple[int, int], str]
"""What stands in cells that read as blank, by row and column from 1."""
Range = tuple[tuple[int, int], tuple[int, int]]

NO_RESULT = "#NO_RESULT!"
"""Before a formula whose result the file does not store."""
ERRORS = frozenset(
    {
        *("#N/A", "#DIV/0!", "#REF!", "#NAME?", "#NULL!", "#NUM!", "#VALUE!", "#SPILL!", "#CALC!"),
        *("#GETTING_DATA", "#BLOCKED!", "#CONNECT!", "#FIELD!", "#UNKNOWN!"),
    }
)
DAMAGE = (
    *(KeyError, ValueError, EOFError, RuntimeError, expat.ExpatError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
"""What is raised where a workbook is damaged or not put together as agreed."""
TEXT_MAX = 200
"""Characters of a formula that are shown."""
PIECE_BYTES = 1024 * 1024
OCCURRENCE_BYTES = 256
"""Bytes of a piece that are looked at again with the next one: what is looked for may be cut."""
_OCCURS = re.compile(rb"""\st\s*=\s*["']e["']|<(?:[A-Za-z0-9]+:)?f[\s>/]""")
_ADDRESS = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")


def is_untold(text: str) -> bool:
    """Tell whether a text stands for a cell that has no value: an error, or no stored result."""
    return text.startswith("#") and (text in ERRORS or text.startswith(NO_RESULT))


def untold_cells(data: bytes) -> dict[str, Untold]:
    """Return by sheet the errors and formulas without result of a workbook that was measured.

    A workbook that is not put together as agreed has none here: its reader refuses it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: _untold(archive, part) for name, part in _sheets(archive)}
    except DAMAGE:
        return {}


def completed(
    rows: Iterable[Sequence[Any]], untold: Untold, merged: Sequence[Range] | None
) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield the rows of a sheet with their numbers, nothing of them left out."""
    of_row: dict[int, dict[int, str]] = defaultdict(dict)
    for (number, column), text in untold.items():
        of_row[number][column - 1] = text
    holding = _Merged(merged or ())
    number = 0
    for number, cells in enumerate(rows, start=1):
        row = _told(cells, of_row.pop(number, {}))
        yield number, holding.filled(number, row)
    for below in sorted(each for each in of_row if each > number):
        yield below, _told([], of_row[below])


def _told(cells: Sequence[Any], untold: Mapping[int, str]) -> Sequence[Any]:
    """Return a row with what its reader did not tell, at the end of the row as well."""
    if not untold:
        return cells
    row = [*cells, *[""] * (max(untold) + 1 - len(cells))]
    for column, text in untold.items():
        # What an error stands for may be read as zero; a formula without result never is.
        if row[column] in _BLANK or text in ERRORS:
            row[column] = text
    return row


_BLANK = ("", None)


class _Merged:
    """Hands the value of a merged cell down the rows that it is merged over."""

    def __init__(self, merged: Sequence[Range]) -> None:
        self._ends: dict[int, dict[int, int]] = defaultdict(dict)
        for (first, column), (last, _) in merged:
            if last > first:
                self._ends[first + 1][column] = last + 1
        self._held: dict[int, tuple[int, Any]] = {}
        """By column: the last row of the merged cell, and what stands in its first."""

    def filled(self, number: int, cells: Sequence[Any]) -> Sequence[Any]:
        """Return a row with what cells above are merged into it; a row of nothing else is blank."""
        row = cells
        if self._held and any(cell not in _BLANK for cell in cells):
            row = list(cells)
            for column, (_, value) in self._held.items():
                if column < len(row) and row[column] in _BLANK:
                    row[column] = value
        begun = self._ends.get(number, {})
        for column, last in begun.items():
            if column < len(row):
                self._held[column] = (last, row[column])
        if self._held:
            self._held = {c: held for c, held in self._held.items() if held[0] > number}
        return row


def _sheets(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """Yield the names of the sheets with the parts that hold them."""
    targets: dict[str, str] = {}
    for name, members in _elements(archive.read("xl/_rels/workbook.xml.rels")):
        if name == "Relationship":
            targets[members.get("Id", "")] = members.get("Target", "")
    for name, members in _elements(archive.read("xl/workbook.xml")):
        identifier = next((v for n, v in members.items() if n.rpartition(":")[2] == "id"), "")
        if name == "sheet" and identifier in targets:
            target = targets[identifier]
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            yield members.get("name", ""), posixpath.normpath(part)


def _elements(data: bytes) -> list[tuple[str, dict[str, str]]]:
    elements: list[tuple[str, dict[str, str]]] = []
    parser = new_parser()
    parser.StartElementHandler = lambda name, members: elements.append((_local(name), members))
    parser.Parse(data, True)  # noqa: FBT003 - the library's own signature
    return elements


def _untold(archive: zipfile.ZipFile, part: str) -> Untold:
    if not _occurs(archive, part):
        return {}
    sheet = _SheetScan()
    with archive.open(part) as file:
        walk(sheet, file)
    return sheet.untold


def _occurs(archive: zipfile.ZipFile, part: str) -> bool:
    """Tell whether an error or a formula stands in a sheet, which is never held as a whole."""
    before = b""
    with archive.open(part) as file:
        while piece := file.read(PIECE_BYTES):
            if _OCCURS.search(before + piece):
                return True
            before = piece[-OCCURRENCE_BYTES:]
    return False


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _SheetScan:
    """Keeps the cells of a sheet that hold an error, or a formula and no value."""

    def __init__(self) -> None:
        self.untold: dict[tuple[int, int], str] = {}
        self._at = (0, 0)
        self._is_error = self._has_formula = self._has_value = False
        self._within = ""
        self._texts = {"f": "", "v": ""}

    def begin(self, name: str, members: dict[str, str]) -> None:
        """Begin an element."""
        local = _local(name)
        if local == "row":
            number = members.get("r", "")
            self._at = (int(number) if number.isdigit() else self._at[0] + 1, 0)
        elif local == "c":
            self._at = self._address(members.get("r", ""))
            self._is_error = members.get("t") == "e"
            self._has_formula = self._has_value = False
            self._texts = {"f": "", "v": ""}
        elif local in self._texts:
            self._within = local
            self._has_formula |= local == "f"
            self._has_value |= local == "v"

    def text(self, data: str) -> None:
        """Take text of a formula or value."""
        if self._within and len(self._texts[self._within]) < TEXT_MAX:
            self._texts[self._within] += data[:TEXT_MAX]

    def end(self, name: str) -> None:
        """End an element."""
        local = _local(name)
        if local in self._texts:
            self._within = ""
        elif local == "c" and self._is_error:
            error = self._texts["v"].strip()
            self.untold[self._at] = error if error in ERRORS else "#VALUE!"
        elif local == "c" and self._has_formula and not self._has_value:
            self.untold[self._at] = f"{NO_RESULT} ={self._texts['f'][:TEXT_MAX]}"

    def _address(self, text: str) -> tuple[int, int]:
        """Return where a cell stands; one that does not say it follows the one before."""
        match = _ADDRESS.fullmatch(text)
        if match is None:
            return self._at[0], self._at[1] + 1
        return int(match[2]), column_number(match[1])

"""`ods_cells`: what the cells of an ODS sheet say where the reader of workbooks leaves them blank.

As `workbook_cells` for XLSX: errors, formulas whose result is not stored, and cells that are merged
over several rows. OpenDocument 1.3 part 3, sections 9.1.4 (`table:table-cell`), 19.640, 19.675,
19.678; LibreOffice marks errors with `calcext:value-type`, and older files only show their text.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import defaultdict
from collections.abc import Mapping

from connectors.workbook_cells import (
    DAMAGE,
    ERRORS,
    NO_RESULT,
    TEXT_MAX,
    Range,
    Untold,
)
from connectors.xml_scan import walk

__all__ = ["is_locked_ods", "is_ods", "ods_cells"]

CONTENT = "content.xml"
MANIFEST, MANIFEST_BYTES_MAX = "META-INF/manifest.xml", 1024 * 1024
MIME_PART, MIME = "mimetype", b"application/vnd.oasis.opendocument.spreadsheet"
_ERROR = re.compile(r"#[A-Z0-9/]+[!?]?|Err:[0-9]{3}")
_OCCURS = re.compile(rb"table:formula|number-rows-spanned|value-type=\"error\"")


def is_ods(data: bytes) -> bool:
    """Tell whether a ZIP file is an OpenDocument spreadsheet."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(MIME_PART) as part:
            return part.read(len(MIME)) == MIME
    except DAMAGE:
        return False


def is_locked_ods(data: bytes) -> bool:
    """Tell whether an ODS file is locked with a password: its manifest says how it is encrypted."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(MANIFEST) as part:
            return b"encryption-data" in part.read(MANIFEST_BYTES_MAX)
    except DAMAGE:
        return False


def ods_cells(data: bytes) -> Mapping[str, tuple[Untold, list[Range]]]:
    """Return by sheet what its blank cells hold, and the ranges of its merged cells.

    A file that is not put together as agreed has none here: its reader refuses it.
    """
    scan = _Scan()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            content = archive.read(CONTENT)
        if _OCCURS.search(content):
            walk(scan, content)
    except DAMAGE:
        return {}
    return scan.sheets


class _Scan:
    """Walks over the cells of all sheets."""

    def __init__(self) -> None:
        self.sheets: dict[str, tuple[dict[tuple[int, int], str], list[Range]]] = defaultdict(
            lambda: ({}, [])
        )
        self._sheet = ""
        self._row = self._column = 0
        self._rows_alike = self._cells_alike = 1
        self._cell: dict[str, str] | None = None
        self._text = ""

    def begin(self, name: str, members: dict[str, str]) -> None:
        """Begin an element."""
        if name == "table:table":
            self._sheet = members.get("table:name", "")
            self._row = 0
        elif name == "table:table-row":
            self._rows_alike = _count(members, "table:number-rows-repeated")
            self._column = 0
        elif name in ("table:table-cell", "table:covered-table-cell"):
            self._cells_alike = _count(members, "table:number-columns-repeated")
            self._cell, self._text = members, ""

    def text(self, data: str) -> None:
        """Take the text of a cell."""
        if self._cell is not None and len(self._text) < TEXT_MAX:
            self._text += data[:TEXT_MAX]

    def end(self, name: str) -> None:
        """End an element."""
        if name == "table:table-row":
            self._row += self._rows_alike
        elif name in ("table:table-cell", "table:covered-table-cell") and self._cell is not None:
            self._keep(self._cell)
            self._column += self._cells_alike
            self._cell = None

    def _keep(self, cell: dict[str, str]) -> None:
        untold, merged = self.sheets[self._sheet]
        rows = _count(cell, "table:number-rows-spanned")
        if rows > 1:
            at = (self._row, self._column)
            merged.append((at, (self._row + rows - 1, self._column)))
        said = _untold(cell, self._text.strip())
        if said is None:
            return
        for row in range(self._row + 1, self._row + 1 + self._rows_alike):
            for column in range(self._column + 1, self._column + 1 + self._cells_alike):
                untold[row, column] = said


def _count(members: dict[str, str], name: str) -> int:
    text = members.get(name, "1")
    return int(text) if text.isascii() and text.isdigit() else 1


def _untold(cell: dict[str, str], text: str) -> str | None:
    """Return what stands in place of a value; None where there is one, or nothing was meant."""
    formula = cell.get("table:formula")
    is_error = cell.get("calcext:value-type") == "error"
    if is_error or (formula is not None and _ERROR.fullmatch(text)):
        return text if text in ERRORS else "#VALUE!"
    if formula is None or "office:value-type" in cell or text:
        return None
    return f"{NO_RESULT} {formula[:TEXT_MAX].partition(':')[2] or formula[:TEXT_MAX]}"

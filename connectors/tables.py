"""Tables: rows of XLSX, XLS, ODS and CSV files, with the sheet and row a person can find again.

Invariants:
- a workbook is opened in a process of its own, with bounds on memory, time and output
  (`connectors.workbook`); text is read here, by the standard library, within the same limits;
- row numbers are those that the spreadsheet program shows, from 1, empty rows counted;
- numbers arrive as `int` or `Decimal` with the 15 digits a spreadsheet shows, never as `float`;
- text is what its mark says, UTF-8, or Chinese text in GB 18030 (`connectors.charset`);
- of an XLSX file nothing is blank that holds an error or a formula (`connectors.workbook_cells`).
"""

import csv
import io
from collections.abc import Iterator

from connectors.cells import Cell, CellTooLongError, TableRow, cell_of
from connectors.charset import decode_text
from connectors.errors import PayloadError
from connectors.limits import Limits
from connectors.words import Words
from connectors.workbook import SEND_CSV, Workbook

__all__ = ["XLSX_MAGIC", "XLS_MAGIC", "Cell", "TableRow", "read_table"]

XLSX_MAGIC = b"PK\x03\x04"
XLS_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
XLS_BYTES_MAX = 4 * 1024 * 1024
"""The old format cannot be measured before it is opened, so less of it is taken."""
DELIMITERS = ",\t;"


def read_table(source: str, data: bytes, limits: Limits | None = None) -> Iterator[TableRow]:
    """Yield the rows of a workbook or CSV file; what it is follows from its first bytes.

    Who stops before the end closes what this returns where it is a `Workbook`: its process ends.
    """
    bounds = limits or Limits()
    if len(data) > bounds.table_bytes_max:
        raise PayloadError(
            source,
            Words(
                f"文件有 {len(data)} 字节，至多 {bounds.table_bytes_max}",
                f"the file has {len(data)} bytes, {bounds.table_bytes_max} are allowed",
            ),
            hint=SEND_CSV,
        )
    if data.startswith(XLS_MAGIC) and len(data) > XLS_BYTES_MAX:
        raise PayloadError(
            source,
            Words(
                f"文件有 {len(data)} 字节，XLS 格式至多 {XLS_BYTES_MAX}",
                f"the file has {len(data)} bytes, {XLS_BYTES_MAX} are allowed in the XLS format",
            ),
            hint=Words("请另存为 XLSX", "save it as XLSX"),
        )
    if data.startswith((XLSX_MAGIC, XLS_MAGIC)):
        return Workbook(source, data, bounds)
    return _csv_rows(source, data, bounds)


def _csv_rows(source: str, data: bytes, limits: Limits) -> Iterator[TableRow]:
    _, text = decode_text(source, data)
    head = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    seen = 0
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if len(cells) > limits.table_columns_max:
                raise PayloadError(
                    source,
                    Words(
                        f"第 {number} 行有 {len(cells)} 列",
                        f"row {number} has {len(cells)} columns",
                    ),
                )
            row = tuple(cell_of(cell, limits.cell_characters_max) for cell in cells)
            if any(cell is not None for cell in row):
                seen += 1
                if seen > limits.table_rows_max:
                    raise PayloadError(
                        source,
                        Words(
                            f"超过 {limits.table_rows_max} 行",
                            f"more than {limits.table_rows_max} rows",
                        ),
                        hint=SEND_CSV,
                    )
                yield TableRow("", number, row)
    except CellTooLongError as error:
        raise PayloadError(
            source, Words(f"第 {number} 行有单元格过长", f"row {number}: {error}")
        ) from error
    except csv.Error as error:
        raise PayloadError(
            source,
            Words(
                f"第 {number} 行之后无法拆分为单元格",
                f"after row {number} no line is parted into cells",
            ),
            hint=Words(
                "可能有未闭合的引号，或单元格过长",
                "a quotation mark is not closed, or a cell is too long",
            ),
        ) from error

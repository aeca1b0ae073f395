"""Workbooks as a spreadsheet program writes them: text as text, days as days."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import xlsxwriter

Rows = Sequence[Sequence[Any]]


def workbook_of(sheets: Mapping[str, Rows], *, moment: str = "yyyy-mm-dd", **options: Any) -> bytes:
    """Return an XLSX file; `moment` is how dates are shown, `options` are xlsxwriter's."""
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True, **options}) as book:
        shown = book.add_format({"num_format": moment})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for position, cell in enumerate(row):
                    if isinstance(cell, datetime):
                        sheet.write_datetime(number, position, cell, shown)
                    elif isinstance(cell, str):
                        sheet.write_string(number, position, cell)
                    elif cell is not None:
                        sheet.write(number, position, cell)
    return memory.getvalue()

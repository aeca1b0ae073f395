"""What a reader does without a command while walking a guide: edit a workbook, put a file there."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import python_calamine as calamine

from tests.guides.pages import rows_to_fill
from tests.workbooks import workbook_of

SHEET = "Instrument"
WRONG, RIGHT = "坏了", "待修"


def do_by_hand(folder: Path, file: str, guide: str, given: Path) -> None:
    """Do what a guide asks for with a file: fill in the template, or mend what came back.

    `given`: where the files are that another institution hands over.
    """
    if file.endswith(".json"):
        (folder / file).write_bytes((given / file).read_bytes())
        return
    if (folder / file).exists():
        sheets = _read(folder / file)
        mended = [[RIGHT if cell == WRONG else cell for cell in row] for row in sheets[SHEET]]
        assert mended != sheets[SHEET], f"{file} holds nothing to mend"
        sheets[SHEET] = mended
    else:
        sheets = _read(folder / "monthly_workbook.xlsx")
        columns, rows = rows_to_fill(guide)
        names = sheets[SHEET][1]
        sheets[SHEET] = sheets[SHEET][:2] + [
            [dict(zip(columns, row, strict=True)).get(name) for name in names] for row in rows
        ]
    (folder / file).write_bytes(workbook_of(sheets))


def _read(path: Path) -> dict[str, list[list[Any]]]:
    book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(path.read_bytes()))
    return {
        name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for name in book.sheet_names
    }

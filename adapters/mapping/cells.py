"""Cells that do not hold what they show: errors, formulas without result, numbers cut to 15 digits.

Each is told with what to do; none is taken for a blank cell or for what is left of it.
"""

from __future__ import annotations

import re

from adapters.mapping.errors import CellError
from adapters.mapping.table import Content, RoundedNumber
from connectors.workbook_cells import NO_RESULT

_EXPONENT = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]{2,3}")
"""How a spreadsheet program writes a number of many digits into a text file."""


def check_digits(cell: Content, text: str) -> None:
    """Refuse a number as a text when the spreadsheet has not kept all its digits."""
    if isinstance(cell, RoundedNumber) or (
        isinstance(cell, str) and _EXPONENT.fullmatch(text) is not None
    ):
        raise CellError(
            "DIGITS_LOST",
            "电子表格只保留 15 位数字，此编号的末尾数字已丢失；请将该列设为文本格式后重新填写",
            "the spreadsheet lost digits of this number (it keeps 15); format the column as text "
            "and enter it again",
        )


def untold_error(content: str) -> CellError:
    """Say what is wrong with a cell that has no value and is not blank."""
    if content.startswith(NO_RESULT):
        return CellError(
            "FORMULA_WITHOUT_RESULT",
            "单元格是公式，文件中没有保存计算结果；请在电子表格中重新计算并保存，或粘贴为数值",
            "the cell holds a formula whose result is not stored: open the file in a spreadsheet "
            "program and save it, or paste the values",
        )
    return CellError(
        "CELL_ERROR",
        f"单元格是错误值 {content}；请改正公式或清空单元格",
        f"the cell holds the error {content}: correct its formula, or empty it",
    )

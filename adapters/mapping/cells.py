"""Cells that do not hold what they show: errors, formulas without result, numbers cut to 15 digits.

Each is told with what to do; none is taken for a blank cell or for what is left of it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from adapters.mapping.errors import CellError
from adapters.mapping.table import Content, RoundedNumber
from connectors.workbook_cells import NO_RESULT
from schema.item import Item
from schema.numbers import DECIMALS_MAX

_EXPONENT = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2,3}")
"""How programs write a number of many digits into a text file."""
_WITH_ZERO = re.compile(r"[0-9]+\.0")
DIGITS_KEPT = 15
"""Digits that a binary fraction keeps: of a longer one the last are a program's."""


def check_digits(cell: Content, text: str) -> None:
    """Refuse a number as a text when the spreadsheet has not kept all its digits."""
    if (
        isinstance(cell, RoundedNumber)
        or (isinstance(cell, str) and _EXPONENT.fullmatch(text) is not None)
        or (isinstance(cell, Decimal) and _is_cut(cell))
    ):
        raise digits_lost()


def digits_lost() -> CellError:
    """Say that a number has not all the digits that it had."""
    return CellError(
        "DIGITS_LOST",
        "电子表格只保留 15 位数字，此数字的末尾几位已丢失；请将该列设为文本格式后重新填写",
        "the spreadsheet lost digits of this number (it keeps 15); format the column as text "
        "and enter it again",
    )


def _is_cut(number: Decimal) -> bool:
    """Tell whether a program has written a long number as a fraction or with an exponent."""
    exponent = number.as_tuple().exponent
    return not isinstance(exponent, int) or exponent > 0 or number.adjusted() >= DIGITS_KEPT


def cut_number(number: Decimal, numeral: Any) -> tuple[str, str, str] | None:
    """Return code and words where a computed number has lost places (`units.decimal_text`)."""
    if Decimal(numeral) == number:
        return None
    return (
        "ROUNDED",
        f"小数超过 {DECIMALS_MAX} 位，已舍入为 {numeral}；请核对，或在表中先行四舍五入",
        f"had more than {DECIMALS_MAX} decimals and was rounded to {numeral}: check it, or round "
        "it in the table",
    )


def number_as_key(item: Item, content: Content) -> tuple[str, str, str] | None:
    """Return code and words where a key looks like a number that a program has read."""
    if not (item.names_key and isinstance(content, str) and _WITH_ZERO.fullmatch(content)):
        return None
    plain = content.partition(".")[0]
    return (
        "NUMBER_AS_KEY",
        f"编号写作 {content}，可能是程序把 {plain} 当作数字读写所致；若是，请改为 {plain}",
        f"the key is written {content}: a program may have read {plain} as a number; "
        f"if so, write {plain}",
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

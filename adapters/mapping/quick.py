"""`quick_take`: the same answers as the steps of `values`, for the cells that most cells are.

A rule that reads one column, and no other, gives the same for the same text in every row: such
answers are remembered. A text that goes over as it stands needs none of the steps, and is told by
looking at it. Everything else takes the steps; `tests/unit/mapping/test_quick.py` holds both to the
same answers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import TypeAlias

from adapters.mapping.model import MappingRule, template_columns
from adapters.mapping.slots import EVERY
from adapters.mapping.table import ENDS, ColumnPlace, SourceRow
from adapters.mapping.taken import Taken
from schema.item import Kind

REMEMBERED_MAX = 10_000
"""Texts of one rule whose answers are remembered …"""
REMEMBERED_CHARACTERS_MAX = 100
"""… and how long each may be."""
_NOT_YET = Taken(None)
_ENDS = frozenset(ENDS)
_MARKS = frozenset("=#'")
"""What the marks of a spreadsheet in a text file begin with, and its errors."""

Take: TypeAlias = Callable[[SourceRow], Taken | None]


def quick_take(
    rule: MappingRule, place: ColumnPlace | None, empty: frozenset[str], steps: Take
) -> Take:
    """Return what takes a rule's value out of a row; `steps` does so in every case.

    `place`: of the rule's one column; `empty`: words that stand for nothing.
    """
    if rule.fixed is not None:
        return _fixed_take(steps)
    if place is None or not _is_of_one_column(rule):
        return steps
    at = place.column.position - 1
    known: dict[str, Taken | None] = {}
    copies = _is_copied(rule)

    def take(row: SourceRow) -> Taken | None:
        content = row.cells[at] if at < len(row.cells) else None
        if type(content) is not str:
            return None if content is None else steps(row)
        if copies and goes_over(content) and content not in empty:
            return Taken(content)
        taken = known.get(content, _NOT_YET)
        if taken is not _NOT_YET:
            return taken
        taken = steps(row)
        # A list or an object is made anew for each record: no two share one.
        is_own = taken is not None and isinstance(taken.value, list | dict)
        has_room = len(known) < REMEMBERED_MAX and len(content) <= REMEMBERED_CHARACTERS_MAX
        if has_room and not is_own:
            known[content] = taken
        return taken

    return take


def _fixed_take(steps: Take) -> Take:
    """Return what gives a fixed value, which is the same in every row."""
    known: list[Taken] = []

    def take(row: SourceRow) -> Taken | None:
        if known:
            return known[0]
        taken = steps(row)
        if taken is not None and not isinstance(taken.value, list | dict):
            known.append(taken)
        return taken

    return take


def _is_of_one_column(rule: MappingRule) -> bool:
    """Tell whether the value follows from the whole of one cell and from nothing else."""
    others = (rule.fixed is not None, rule.first, rule.between, rule.row_number, rule.header_of)
    if any(others) or len(rule.columns) != 1 or "[" in rule.columns[0]:
        return False
    return not template_columns(rule.template)


def _is_copied(rule: MappingRule) -> bool:
    """Tell whether a rule takes a text over as it stands, but for its blanks."""
    item = rule.slot.item
    if item.kind is not Kind.TEXT or item.value is not None or item.code_list is not None:
        return False
    if item.many or EVERY in rule.slot.path or rule.template is not None:
        return False
    looks = (rule.codes is not None, rule.scheme is not None, rule.lookup is not None)
    cuts = (rule.remove, rule.match is not None, rule.split, rule.part is not None, rule.without)
    return not any((*looks, *cuts))


def goes_over(text: str) -> bool:
    """Tell whether a cell is a text in which the steps would find nothing to do or to doubt."""
    if not text or not text.isprintable() or text[0] in _MARKS:
        return False
    if text[0] in _ENDS or text[-1] in _ENDS or "  " in text:
        return False
    if "+" in text or text.endswith(".0"):  # a number that a program may have written
        return False
    return text.isascii() or unicodedata.is_normalized("NFC", text)

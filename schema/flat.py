"""`flat`: a record as one row of a table: which columns it has, and how cells become a wire object.

The workbook template is written from `columns`, and the rows of a filled-in workbook are read with
`assemble`, so that both always agree.

- A nested value takes one column per item (`name.zh`); repeated texts and codes share one cell,
  separated by `;`; class codes are written `GB/T 32847-2016:010101`, open periods `08:00-12:00`.
- A cell may hold what a clerk sees: a code by name, official number or Chinese label; a local time
  (Asia/Shanghai); a number. What cannot be read stays as it is, and conformance reports it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from schema.dates import DateError, format_instant, parse_instant
from schema.item import Item, Kind, RecordSpec
from schema.numbers import integer_of

SEPARATOR = re.compile(r"\s*[;；]\s*")
SPELLINGS = {
    "ClassCode": re.compile(r"(?P<scheme>.+)-(?P<version>[^-:]+):(?P<code>[^:]+)"),
    "OpenPeriod": re.compile(r"(?P<opens>[0-9:]+)\s*-\s*(?P<closes>[0-9:]+)"),
}
"""Nested values that one cell can spell."""

Cell = str | int | float | bool | date | datetime | time | Decimal | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a record's table."""

    path: str
    """Wire name, with a dot inside nested values: what the header's second row says."""
    zh: str
    en: str
    item: Item
    required: bool


def columns(spec: RecordSpec) -> tuple[Column, ...]:
    """Return the columns of a record type, in the order of its items.

    Repeated nested values without a spelling have no column: a table cannot hold them.
    """
    made: list[Column] = []
    for item in spec.items:
        if item.value is None or item.value.name in SPELLINGS:
            made.append(_column(item, item.wire, item.facts.zh, item.facts.en, required=True))
        elif not item.many:
            made += [
                _column(
                    part,
                    f"{item.wire}.{part.wire}",
                    f"{item.facts.zh}·{part.facts.zh}",
                    f"{item.facts.en}: {part.facts.en}",
                    required=not item.optional,
                )
                for part in item.value.items
                if part.value is None
            ]
    return tuple(made)


def _column(item: Item, path: str, zh: str, en: str, *, required: bool) -> Column:
    needed = required and not (item.optional or item.many)
    return Column(path=path, zh=zh, en=en, item=item, required=needed)


def assemble(spec: RecordSpec, cells: dict[str, Cell]) -> dict[str, Any]:
    """Return the wire object that a row of cells stands for.

    Cells are named by column path; empty ones are left out. Times that were given in local form
    are kept in `originals`, where the record has it.
    """
    wire: dict[str, Any] = {}
    originals: list[dict[str, str]] = []
    for column in columns(spec):
        cell = cells.get(column.path)
        if cell is None or cell == "":
            continue
        made = _read(column.item, cell)
        head, _, part = column.path.partition(".")
        if part:
            wire.setdefault(head, {})[part] = made
        else:
            wire[head] = made
        if column.item.kind is Kind.INSTANT and made != str(cell):
            originals.append({"path": column.path, "text": str(cell)})
    if originals and any(item.name == "originals" for item in spec.items):
        wire["originals"] = originals
    return wire


def _read(item: Item, cell: Cell) -> Any:
    if not item.many:
        return _single(item, cell)
    return [_single(item, part) for part in SEPARATOR.split(_text(cell)) if part]


def _single(item: Item, cell: Cell) -> Any:
    if item.value is not None:
        match = SPELLINGS[item.value.name].fullmatch(_text(cell))
        return match.groupdict() if match else _text(cell)
    if item.code_list is not None:
        return _code(item, _text(cell))
    if item.kind is Kind.BOOLEAN:
        return {"是": True, "否": False, "true": True, "false": False}.get(
            _text(cell).lower(), _text(cell)
        )
    if item.kind is Kind.INTEGER:
        text = _text(cell)
        number = integer_of(text)
        return text if number is None else number
    if item.kind is Kind.INSTANT:
        return _moment(cell)
    return _text(cell)


def _code(item: Item, text: str) -> str:
    assert item.code_list is not None
    for member in item.code_list:
        if text in (member.value, member.official, member.zh):
            return str(member.value)
    return text


def _moment(cell: Cell) -> str:
    text = cell.isoformat(sep=" ") if isinstance(cell, datetime) else _text(cell)
    try:
        return format_instant(parse_instant(text).at)
    except DateError:
        return text


def _text(cell: Cell) -> str:
    """Write a cell as a person would: 20180012345.0 is 20180012345, midnight is its day."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else str(Decimal(repr(cell)))
    if isinstance(cell, datetime) and cell.time() == time() and cell.tzinfo is None:
        return cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell).strip()

"""`flat`: a record as one row of a table: which columns it has, and how one cell spells several.

The monthly workbook is written from `columns`, and the mappings that read it are derived from them,
so that both always agree.

- A nested value takes one column per item (`name.zh`); repeated texts and codes share one cell,
  separated by `;`; class codes are written `GB/T 32847-2016:010101`, open periods `08:00-12:00`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from schema.item import Item, RecordSpec

_SEPARATOR = re.compile(r"[;；]")
SPELLINGS = {
    "ClassCode": re.compile(r"(?P<scheme>.+)-(?P<version>[^-:]+):(?P<code>[^:]+)"),
    "OpenPeriod": re.compile(r"(?P<opens>[0-9:]+)\s*-\s*(?P<closes>[0-9:]+)"),
}
"""Nested values that one cell can spell."""


@dataclass(frozen=True, slots=True)
class FlatColumn:
    """One column of a record's table."""

    path: str
    """Wire name, with a dot inside nested values: what the header's second row says."""
    zh: str
    en: str
    item: Item
    required: bool


def parted(text: str) -> list[str]:
    """Return the values that one cell spells."""
    # Blanks are taken off afterwards: a pattern that looks for them is slow on a cell full of them.
    return [part for each in _SEPARATOR.split(text) if (part := each.strip())]


def columns(spec: RecordSpec) -> tuple[FlatColumn, ...]:
    """Return the columns of a record type, in the order of its items.

    Repeated nested values without a spelling have no column: a table cannot hold them.
    """
    listed: list[FlatColumn] = []
    for item in spec.items:
        if item.value is None or item.value.name in SPELLINGS:
            listed.append(_column(item, item.wire, item.facts.zh, item.facts.en, required=True))
        elif not item.many:
            listed += [
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
    return tuple(listed)


def _column(item: Item, path: str, zh: str, en: str, *, required: bool) -> FlatColumn:
    needed = required and not (item.optional or item.many)
    return FlatColumn(path=path, zh=zh, en=en, item=item, required=needed)

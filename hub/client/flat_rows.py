"""`flat_rows`: the list in a GraphQL answer as a table, for spreadsheets and data frames; pure.

- The list is the first one found in the order of the answer: `nodes`, the `node` of `edges`, or a
  list of objects. A nested item becomes a column with a dotted name: `name.zh`, `price.amount`.
- A list of plain values is joined with "; ", a list of objects is JSON text.
- A text that a spreadsheet would take for a formula gets an apostrophe before it, in CSV only.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which a spreadsheet takes a text for a formula (OWASP, CSV injection)."""
Row = dict[str, Any]


def find_page(data: Any) -> tuple[list[Any], Mapping[str, Any]] | None:
    """Return the rows of the first list in an answer and its `pageInfo`; None without a list."""
    waiting = [data]
    while waiting:
        part = waiting.pop(0)
        if not isinstance(part, Mapping):
            continue
        if isinstance(part.get("nodes"), list):
            return part["nodes"], part.get("pageInfo") or {}
        if isinstance(part.get("edges"), list):
            return [edge.get("node") for edge in part["edges"]], part.get("pageInfo") or {}
        for value in part.values():
            if isinstance(value, list) and all(isinstance(each, Mapping) for each in value):
                return value, {}
        waiting += part.values()
    return None


def flatten(row: Any) -> Row:
    """Return one object of an answer as columns and values."""
    return dict(_columns(row, ""))


def _columns(part: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(part, Mapping):
        for name, value in part.items():
            yield from _columns(value, f"{path}.{name}" if path else name)
    elif isinstance(part, list):
        plain = not any(isinstance(each, Mapping | list) for each in part)
        yield path, "; ".join(map(str, part)) if plain else json.dumps(part, ensure_ascii=False)
    else:
        yield path or "value", part


def as_csv(rows: Iterable[Row]) -> bytes:
    """Return rows as CSV in UTF-8 with a byte order mark, by which Excel knows the encoding."""
    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([[_cell(row.get(name)) for name in names] for row in listed])
    return text.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(FORMULA_MARKS) and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    return text[1:].replace(".", "", 1).isdecimal() and text[0] in "+-"

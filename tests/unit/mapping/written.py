"""`files_of`: one small table as every kind of file that a clerk may send."""

from __future__ import annotations

import json
from collections.abc import Sequence
from xml.sax.saxutils import escape

from tests.odd_workbooks import ods, ods_cell, ods_row
from tests.unit.mapping.old_workbook import xls
from tests.workbooks import workbook_of

Value = str | float
WORKBOOKS = ("xlsx", "xls", "ods")
TEXTS = ("csv", "tsv", "json", "ndjson")
KINDS = (*WORKBOOKS, *TEXTS)


def file_of(kind: str, head: Sequence[str], *rows: Sequence[Value]) -> bytes:
    """Return a table as a file; a number stands in it as a number where the kind has numbers."""
    return {
        "xlsx": lambda: workbook_of({"A": [head, *rows]}),
        "xls": lambda: xls([list(head), *map(list, rows)]),
        "ods": lambda: ods({"A": "".join(ods_row(*map(_ods, row)) for row in (head, *rows))}),
        "csv": lambda: _lines(",", head, rows),
        "tsv": lambda: _lines("\t", head, rows),
        "json": lambda: json.dumps([dict(zip(head, row, strict=True)) for row in rows]).encode(),
        "ndjson": lambda: "\n".join(
            json.dumps(dict(zip(head, row, strict=True)), ensure_ascii=False) for row in rows
        ).encode(),
    }[kind]()


def _ods(cell: Value) -> str:
    if isinstance(cell, str):
        return ods_cell(escape(cell))
    return f'<table:table-cell office:value-type="float" office:value="{cell}"/>'


def _lines(delimiter: str, head: Sequence[str], rows: Sequence[Sequence[Value]]) -> bytes:
    return "\n".join(delimiter.join(map(_quoted, row)) for row in (head, *rows)).encode()


def _quoted(cell: Value) -> str:
    text = str(cell)
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',\t"\n') else text

"""`few`: a few rows as one value of a statement, where a COPY would cost more than the rows.

Each field is the text that COPY would read (`hub.store.copytext`); the statement makes a value of
the column's type of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hub.store.copytext import HEX, NULL

FEW_ROWS_MAX = 64
"""Rows of one batch that are few."""
FewRows = Sequence[Sequence[str]]
"""Rows of COPY fields."""


def few_rows(kinds: Mapping[str, str]) -> str:
    """Return the query for rows with these columns and types; its value is `many_fields`."""
    typed = ", ".join(f"r.{name}::{kind} AS {name}" for name, kind in kinds.items())
    texts = ", ".join(f"{name} text" for name in kinds)
    return f"SELECT {typed} FROM json_to_recordset(%s) r({texts})"  # noqa: S608 - own names


def many_fields(columns: Sequence[str], rows: FewRows) -> str:
    """Return rows of COPY fields as the value of `few_rows`."""
    named = [dict(zip(columns, map(_text, row), strict=True)) for row in rows]
    return json.dumps(named, ensure_ascii=False)


def _text(field: str) -> str | None:
    if field == NULL:
        return None
    return f"\\x{field[1:]}" if field.startswith(HEX) else field

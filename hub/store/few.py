"""`few`: a few rows as values of a statement, where a COPY would cost more than the rows.

Each column is one array of the texts that COPY would read (`hub.store.copytext`); the statement
makes a value of the column's type of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.store.copytext import column

FEW_ROWS_MAX = 64
"""Rows of one batch that are few."""
FewRows = Sequence[Sequence[str]]
"""Rows of COPY fields."""


def few_rows(kinds: Mapping[str, str]) -> str:
    """Return the query for rows with these columns and types; its values are `few_values`."""
    typed = ", ".join(f"r.{name}::{kind} AS {name}" for name, kind in kinds.items())
    arrays = ", ".join(["%s::text[]"] * len(kinds))
    return f"SELECT {typed} FROM unnest({arrays}) r({', '.join(kinds)})"  # noqa: S608 - own names


def few_values(rows: FewRows) -> list[str]:
    """Return rows of COPY fields, at least one, as the values of `few_rows`."""
    return [column(fields) for fields in zip(*rows, strict=True)]

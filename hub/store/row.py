"""`row`: a record's wire object as the columns of its tables.

- Wire text of dates, instants, decimals and codes is what PostgreSQL reads, so most items pass as
  they are.
- Intake, rebuild and check use the same function, so stored rows can always be derived again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hub.store.copytext import NULL, array
from hub.store.derive import RecordTables
from schema.canonical import json_writer
from schema.item import Item, Kind

_json = json_writer(sort_keys=False)

Fields = Callable[[Mapping[str, Any]], list[str]]


def item_columns(tables: RecordTables) -> list[str]:
    """Name the columns that `item_fields` fills, in its order."""
    return [item.name for item in tables.spec.items] + [each.name for each in tables.computed]


def item_fields(tables: RecordTables) -> Fields:
    """Return the function that turns a wire object into COPY fields.

    A withdrawn record is an empty object: its items are null and its lists empty.
    """
    plan = [(item.wire, *_encoder(item)) for item in tables.spec.items]
    computed = [each.compute for each in tables.computed]
    empty = [absent for _, _, absent in plan] + [NULL] * len(computed)

    def fields(wire: Mapping[str, Any]) -> list[str]:
        if not wire:
            return empty
        texts: list[str] = []
        for name, encode, absent in plan:
            value = wire.get(name)
            if value is None:
                texts.append(absent)
            elif encode is None:
                texts.append(value)
            else:
                texts.append(encode(value))
        texts.extend([_scalar(compute(wire)) for compute in computed])
        return texts

    return fields


def _encoder(item: Item) -> tuple[Callable[[Any], str] | None, str]:
    """Return how an item is written (None: as it is) and what stands for its absence."""
    if item.kind is Kind.VALUE:
        return _json, "[]" if item.many else NULL
    if item.many:
        return array, "{}"
    if item.kind in (Kind.INTEGER, Kind.BOOLEAN):
        return str, NULL
    return None, NULL


def _scalar(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, list):
        return array(value)
    return value if isinstance(value, str) else str(value)

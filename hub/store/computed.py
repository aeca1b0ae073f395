"""`computed`: extra columns of a record's table, by which rows are found and sorted.

| column | of | holds |
|---|---|---|
| `<item>_sort` | a filterable or sortable name | the order of a Chinese index: by pinyin |
| `<item>_path` | filterable classes | each code and those above it, `scheme›code`: listing steps |
| `<item>_<member>` | another filterable or sortable value | that member, typed |
| `province` | located records | two digits of GB/T 2260, null where the row does not tell |
| `search` | records with searched items | the terms of `hub.store.search` |

Each is computed from the items of its row alone, so it can be recomputed and checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Boolean, Date, DateTime, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from hub.store.search import (
    CLASS,
    PLACE,
    REFERENCE,
    STEP,
    code_path,
    province_of,
    sort_key,
    vector,
)
from schema.item import Item, Kind, RecordSpec, camel
from schema.traits import Located
from schema.values import ClassCode, Name

Wire = Mapping[str, Any]

_TYPES: dict[Kind, Any] = {
    Kind.TEXT: Text(),
    Kind.INTEGER: BigInteger(),
    Kind.DECIMAL: Numeric(),
    Kind.BOOLEAN: Boolean(),
    Kind.DATE: Date(),
    Kind.PARTIAL_DATE: Text(),  # YYYY, YYYY-MM and YYYY-MM-DD sort rightly as text
    Kind.INSTANT: DateTime(timezone=True),
    Kind.CODE: Text(),
    Kind.VALUE: JSONB(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ComputedColumn:
    """A column that follows from a row's items."""

    name: str
    type: Any
    compute: Callable[[Wire], Any]
    """Takes the wire object, returns text, a list of texts, or None."""
    gin: bool = False
    """Searched by containment."""
    ordered: bool = False
    """Sorted by, with `item_id` to break ties."""
    indexed: bool = False
    """Compared for equality."""


def column_type(item: Item) -> Any:
    """Return the SQL type of an item's column."""
    plain = _TYPES[item.kind]
    return ARRAY(plain) if item.many and item.kind is not Kind.VALUE else plain


def computed_columns(spec: RecordSpec) -> tuple[ComputedColumn, ...]:
    """List the computed columns of the table that queries read."""
    columns: list[ComputedColumn] = []
    for item in spec.items:
        if item.value is None or not (item.facts.filterable or item.facts.sortable):
            continue
        if item.value.cls is Name:
            columns.append(_sort(item))
        elif item.value.cls is ClassCode and item.many:
            columns.append(_path(item))
        elif not item.many:
            columns += [_member(item, member) for member in item.value.items]
    located = spec.trait(Located)
    if located is not None:
        columns.append(_province(spec, located))
    if any(item.facts.search for item in spec.items):
        columns.append(_search(spec))
    return tuple(columns)


def _sort(item: Item) -> ComputedColumn:
    def compute(wire: Wire) -> str | None:
        name = wire.get(item.wire)
        return sort_key(name["zh"]) if name else None

    # The order of code points, whatever the collation of the database.
    return ComputedColumn(
        name=f"{item.name}_sort", type=Text(collation="C"), compute=compute, ordered=True
    )


def _path(item: Item) -> ComputedColumn:
    def compute(wire: Wire) -> list[str]:
        codes = wire.get(item.wire, ())
        steps = [step for each in codes for step in code_path(each["scheme"], each["code"])]
        return list(dict.fromkeys(steps))

    return ComputedColumn(name=f"{item.name}_path", type=ARRAY(Text()), compute=compute)


def _member(item: Item, member: Item) -> ComputedColumn:
    def compute(wire: Wire) -> Any:
        value = wire.get(item.wire)
        return value.get(member.wire) if value else None

    return ComputedColumn(
        name=f"{item.name}_{member.name}",
        type=column_type(member),
        compute=compute,
        ordered=member.kind is Kind.DECIMAL,
    )


def _province(spec: RecordSpec, located: Located) -> ComputedColumn:
    item = spec.item(located.division)
    name = camel(located.division)

    def compute(wire: Wire) -> str | None:
        division = wire.get(name)
        if item.value is not None:
            division = (division or {}).get("divisionCode")
        return province_of(division, spec.owner_of(wire))

    return ComputedColumn(name="province", type=Text(), compute=compute, indexed=True)


def _search(spec: RecordSpec) -> ComputedColumn:
    searched = [item for item in spec.items if item.facts.search]
    located = spec.trait(Located)
    place = None if located is None else spec.item(located.division)

    def compute(wire: Wire) -> str:
        found = _Searched()
        for item in searched:
            value = wire.get(item.wire)
            if value is not None:
                found.add(item, value)
        if place is not None:
            division = wire.get(place.wire)
            if place.value is not None:
                division = (division or {}).get("divisionCode")
            if division:
                found.marks.append(PLACE + division)
        return vector(found.names, found.texts, found.words, found.marks)

    return ComputedColumn(name="search", type=TSVECTOR(), compute=compute, gin=True)


@dataclass(slots=True)
class _Searched:
    """What a row is searched by, by where it stands."""

    names: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    def add(self, item: Item, value: Any) -> None:
        if item.value is None:
            each = value if item.many else [value]
            (self.texts if item.facts.multiline else self.words).extend(each)
            if item.facts.ref:
                self.marks.append(REFERENCE + value)
        elif item.value.cls is Name:
            self.names += [part for part in value.values() if isinstance(part, str)]
        elif item.value.cls is ClassCode:
            self.marks += [f"{CLASS}{each['scheme']}{STEP}{each['code']}" for each in value]
        else:
            given = [member.wire for member in item.value.items if member.facts.identifies]
            self.words += [each[name] for each in value for name in given]

"""Places in a record: which paths a record type has, and how values are put there.

A path is the wire name, with dots into nested values (`name.zh`, `originalValue.amount`) and a
number or `*` for members of a list (`identifiers.0.value`, `identifiers.*.value`).
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from adapters.mapping.model import Slot
from schema.flat import SPELLINGS
from schema.item import LIST_LENGTH_MAX, Item, RecordSpec

EVERY = "*"
"""Index that stands for every member that a split cell yields."""
SEGMENTS_MAX = 8


def slot(spec: RecordSpec, path: str) -> Slot | None:
    """Return the place that a path means in a record type, or None when there is none."""
    segments = path.split(".")
    if len(segments) > SEGMENTS_MAX:
        return None
    items: list[Item] = []
    within: RecordSpec | None = spec
    position = 0
    while position < len(segments):
        if within is None:
            return None
        member = next((each for each in within.items if each.wire == segments[position]), None)
        if member is None:
            return None
        items.append(member)
        position += 1
        within = member.value
        indexed = position < len(segments) and _is_index(segments[position])
        if member.many and member.value is not None and indexed:
            position += 1
        elif member.many and position < len(segments):
            return None
    last = items[-1]
    ends_in_value = last.value is not None and last.value.name not in SPELLINGS
    if _is_index(segments[-1]) or (
        ends_in_value and last.value is not None and not _is_money(last)
    ):
        return None
    return Slot(path, tuple(items))


def _is_money(item: Item) -> bool:
    return item.value is not None and item.value.name == "Money" and not item.many


def _is_index(segment: str) -> bool:
    return segment == EVERY or (segment.isdigit() and int(segment) < LIST_LENGTH_MAX)


def paths(spec: RecordSpec, prefix: str = "") -> Iterator[tuple[str, Item, bool]]:
    """Yield every path of a record type with its item and whether a record must have it."""
    for item in spec.items:
        path = f"{prefix}{item.wire}"
        needed = not (item.optional or item.many)
        if item.value is None or item.value.name in SPELLINGS:
            yield path, item, needed
        else:
            step = f"{path}.{EVERY}." if item.many else f"{path}."
            for below, part, part_needed in paths(item.value, step):
                yield below, part, needed and part_needed


def nearest(spec: RecordSpec, path: str) -> str | None:
    """Return the existing path that a mistyped one most likely means."""
    known = [each for each, _, _ in paths(spec)]
    close = get_close_matches(path, known, n=1)
    return close[0] if close else None


def put(tree: dict[str, Any], path: str, value: Any) -> None:
    """Put a value into a tree of dicts, indices kept as they are written."""
    *way, last = path.split(".")
    for segment in way:
        tree = tree.setdefault(segment, {})
    tree[last] = value


_BY_WIRE: dict[type[Any], dict[str, Item]] = {}
"""Items of each record type and value that was met, by their wire names."""


def wire_object(spec: RecordSpec, tree: dict[str, Any]) -> dict[str, Any]:
    """Return the wire object of a tree: numbered members become lists, in order."""
    wire: dict[str, Any] = {}
    by_wire = _BY_WIRE.get(spec.cls)
    if by_wire is None:
        by_wire = _BY_WIRE[spec.cls] = {item.wire: item for item in spec.items}
    for name, part in tree.items():
        item = by_wire[name]
        if item.value is None or not isinstance(part, dict):
            wire[name] = part
        elif item.many:
            members = [wire_object(item.value, part[at]) for at in sorted(part, key=int)]
            wire[name] = [each for each in members if each]
        elif part:
            wire[name] = wire_object(item.value, part)
    return wire

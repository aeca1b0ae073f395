"""`references`: how a gateway names records whose fields it wants (`_Any` of a subgraph); pure.

A reference is read where the value of a request is coerced, so that everything after it knows only
`Reference` and `BadReference`. One that cannot be read spoils its own place in the answer and no
other: nothing here raises.

Apollo Federation 2, subgraph specification, `Query._entities`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from hub.query.plan.storable import is_storable

__all__ = ["ANY", "ENTITIES", "BadReference", "Reference", "read_reference", "record_types"]

ANY = "_Any"
"""The scalar of references."""
ENTITIES = "_entities"
"""The root field of a subgraph that takes them; the plain interface has none."""
_WAYS = ("id", "key")
"""Members that name a record, the first one before the second where both are there."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One record, by its identity or its key."""

    record: str
    by: str
    value: str


@dataclass(frozen=True, slots=True)
class BadReference:
    """A value that names no record, and what is wrong with it."""

    zh: str
    en: str


def read_reference(value: Any, ways: Mapping[str, Collection[str]]) -> Reference | BadReference:
    """Read one reference; `ways` says by which members the records of each type are named.

    Members that name nothing (those that a gateway passes for `@requires`) are left alone.
    """
    if not isinstance(value, Mapping):
        return BadReference("应为对象", "an object is needed")
    record = value.get("__typename")
    if not isinstance(record, str) or record not in ways:
        return BadReference(
            "__typename 不是本子图的实体类型", "__typename is no entity of this subgraph"
        )
    for way in _WAYS:
        if way in ways[record] and value.get(way) is not None:
            return _named(record, way, value[way])
    members = " / ".join(way for way in _WAYS if way in ways[record])
    return BadReference(f"{record} 须以 {members} 指明", f"{record} is named by {members}")


def _named(record: str, way: str, value: Any) -> Reference | BadReference:
    if type(value) is not str or not is_storable(value):  # a number is a text of its own kind
        return BadReference(f"{way} 应为不含空字符的文本", f"{way} is a text without U+0000")
    return Reference(record, way, value)


def record_types(references: Collection[Any]) -> frozenset[str]:
    """Return the record types that references name: they alone shape a statement."""
    return frozenset(each.record for each in references if isinstance(each, Reference))

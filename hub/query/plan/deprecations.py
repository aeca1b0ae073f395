"""`deprecations`: what a document uses that will go, and what its answers say of it; pure.

A reason is written `since YYYY-MM-DD, sunset YYYY-MM-DD → use x`: from when on it is deprecated,
and until when it is answered. `tests/unit/query/test_deprecations.py` holds the schema to it.

RFC 9745 (Deprecation), RFC 8594 (Sunset).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)

Notices = tuple[tuple[str, str], ...]
REASON = re.compile(r"since (\d{4}-\d{2}-\d{2}), sunset (\d{4}-\d{2}-\d{2}) → use \S.*", re.DOTALL)
CHANGES = '</standard/CHANGELOG.md>; rel="deprecation"; type="text/markdown"'


class _Found(Visitor):
    """Collects the reasons of deprecated fields and arguments."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.reasons: list[str] = []

    def enter_field(self, _: FieldNode, *__: Any) -> None:
        """Look at a field."""
        self._note(self._types.get_field_def())

    def enter_argument(self, *_: Any) -> None:
        """Look at an argument of a field."""
        self._note(self._types.get_argument())

    def enter_enum_value(self, *_: Any) -> None:
        """Look at a value that stands in the document."""
        self._note(self._types.get_enum_value())

    def _note(self, declared: Any) -> None:
        reason = None if declared is None else declared.deprecation_reason
        if reason is not None:
            self.reasons.append(reason)


def notices_of(ast: DocumentNode, schema: GraphQLSchema) -> Notices:
    """Return the header fields for a document that uses what is deprecated; none for any other."""
    if not reasons_in(schema):
        return ()
    types = TypeInfo(schema)
    found = _Found(types)
    visit(ast, TypeInfoVisitor(types, found))
    return headers_of(found.reasons)


@lru_cache(maxsize=8)
def reasons_in(schema: GraphQLSchema) -> tuple[str, ...]:
    """Return the reasons of everything that is deprecated in a schema."""
    declared: list[Any] = []
    for kind in schema.type_map.values():
        members = getattr(kind, "fields", None) or getattr(kind, "values", None) or {}
        for member in members.values():
            declared += [member, *(getattr(member, "args", None) or {}).values()]
    return tuple(each.deprecation_reason for each in declared if each.deprecation_reason)


def headers_of(reasons: Iterable[str]) -> Notices:
    """Return the header fields that say what these reasons say, the earliest days of all."""
    stated = [match.groups() for match in map(REASON.match, reasons) if match]
    if not stated:
        return ()
    since = min(date.fromisoformat(first) for first, _ in stated)
    sunset = min(date.fromisoformat(last) for _, last in stated)
    return (
        ("Deprecation", f"@{int(_midnight(since).timestamp())}"),
        ("Sunset", format_datetime(_midnight(sunset), usegmt=True)),
        ("Link", CHANGES),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

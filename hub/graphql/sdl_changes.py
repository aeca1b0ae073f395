"""`sdl_changes`: what changed between two published interfaces, as graphql-core finds it."""

from __future__ import annotations

from graphql import build_schema
from graphql.utilities import BreakingChange, DangerousChange, find_schema_changes

from schema.changes import Level, StandardChange

WHERE = "GraphQL"
_WORDS_ONLY = frozenset({"DESCRIPTION_CHANGED"})


def sdl_changes(old: str, new: str) -> list[StandardChange]:
    """Return the changes from one SDL to another; words alone are none."""
    if old == new:
        return []
    found = find_schema_changes(build_schema(old), build_schema(new))
    return sorted(
        StandardChange(_level(each), WHERE, each.description.rstrip("."))
        for each in found
        if each.type.name not in _WORDS_ONLY
    )


def _level(change: object) -> Level:
    if isinstance(change, BreakingChange):
        return Level.BREAKING
    return Level.DANGEROUS if isinstance(change, DangerousChange) else Level.ADDED

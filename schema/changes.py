"""`changes`: what changed between two versions of the standard, and which version it needs.

Pure: compares JSON Schemas and code lists as they are published. Words are not compared: how an
item is explained may be mended at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

_RIGHTS = ("x-grade", "x-scope", "x-rows", "x-owner", "x-issuer", "x-effect")
_LOWER_BOUNDS = ("minimum", "minLength")
_UPPER_BOUNDS = ("maximum", "maxLength", "maxItems")
_MEANING = ("x-key", "x-unit", "x-scheme", "x-ref")
_SHAPE = ("type", "$ref", "pattern", "allOf")


class Level(IntEnum):
    """What a change does to those who keep to the version before."""

    ADDED = 1
    """Whatever conformed or was asked goes on as before."""
    DANGEROUS = 2
    """What was right goes on, but some may meet what they did not expect."""
    BREAKING = 3
    """What conformed, or a question that was right, is refused now."""


@dataclass(frozen=True, slots=True, order=True)
class StandardChange:
    """One change: how grave it is, where, and what."""

    level: Level
    where: str
    what: str


def record_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[StandardChange]:
    """Compare the JSON Schemas of all record types, by the name of their file."""
    changes = _of_members("record", old, new)
    for name in old.keys() & new.keys():
        before, after = old[name], new[name]
        title = name.partition(".")[0]
        changes += _of_object(title, before, after)
        nested, nested_now = before.get("$defs", {}), after.get("$defs", {})
        for each in nested.keys() & nested_now.keys():
            changes += _of_object(f"{title}: {each}", nested[each], nested_now[each])
    return sorted(set(changes))


def code_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[StandardChange]:
    """Compare two documents of code lists."""
    before, after = old["lists"], new["lists"]
    changes = _of_members("code list", before, after)
    for name in before.keys() & after.keys():
        codes = {each["name"]: each for each in before[name]["codes"]}
        codes_now = {each["name"]: each for each in after[name]["codes"]}
        changes += _of_members("code", codes, codes_now, f"{name}.")
        changes += [
            StandardChange(Level.BREAKING, f"{name}.{code}", "another official code")
            for code in codes.keys() & codes_now.keys()
            if codes[code].get("official") != codes_now[code].get("official")
        ]
    return sorted(changes)


def version_needed(last: str, changes: Iterable[StandardChange]) -> str:
    """Return the least version that may have these changes since the version `last`."""
    major, minor, _ = version_numbers(last)
    gravest = max((each.level for each in changes), default=None)
    if gravest is None:
        return last
    return f"{major + 1}.0.0" if gravest is Level.BREAKING else f"{major}.{minor + 1}.0"


def version_numbers(version: str) -> tuple[int, int, int]:
    """Return a version's three numbers, to be compared."""
    major, minor, patch = map(int, version.split("."))
    return major, minor, patch


def _of_members(
    kind: str, old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> list[StandardChange]:
    gone = [
        StandardChange(Level.BREAKING, f"{prefix}{n}", f"{kind} removed") for n in old.keys() - new
    ]
    came = [StandardChange(Level.ADDED, f"{prefix}{n}", f"{kind} added") for n in new.keys() - old]
    return gone + came


def _of_object(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[StandardChange]:
    before, after = old["properties"], new["properties"]
    required, required_now = set(old["required"]), set(new["required"])
    changes = _facts(where, old, new)
    for name in before.keys() - after:
        changes.append(StandardChange(Level.BREAKING, f"{where}.{name}", "item removed"))
    for name in after.keys() - before:
        level = Level.BREAKING if name in required_now else Level.ADDED
        what = "required item added" if name in required_now else "item added"
        changes.append(StandardChange(level, f"{where}.{name}", what))
    for name in before.keys() & after.keys():
        item = f"{where}.{name}"
        if name in required_now - required:
            changes.append(StandardChange(Level.BREAKING, item, "must be stated now"))
        if name in required - required_now:
            changes.append(StandardChange(Level.DANGEROUS, item, "may be absent now"))
        changes += _of_shape(item, before[name], after[name])
    return changes


def _of_shape(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[StandardChange]:
    changes = _facts(where, old, new)
    for name in _SHAPE:
        if old.get(name) != new.get(name):
            changes.append(StandardChange(Level.BREAKING, where, f"another {name.strip('$')}"))
    changes += _bounds(where, old, new)
    if "enum" in old and "enum" in new:
        gone, came = set(old["enum"]) - set(new["enum"]), set(new["enum"]) - set(old["enum"])
        changes += [StandardChange(Level.BREAKING, where, f"code {each} removed") for each in gone]
        changes += [StandardChange(Level.DANGEROUS, where, f"code {each} added") for each in came]
    elif ("enum" in old) != ("enum" in new):
        changes.append(StandardChange(Level.BREAKING, where, "another list of codes"))
    if "items" in old and "items" in new:
        changes += _of_shape(where, old["items"], new["items"])
    return changes


def _bounds(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[StandardChange]:
    changes = []
    for name in (*_LOWER_BOUNDS, *_UPPER_BOUNDS):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        is_lower = name in _LOWER_BOUNDS
        wider = after is None or (
            before is not None and (after < before if is_lower else after > before)
        )
        level = Level.DANGEROUS if wider else Level.BREAKING
        changes.append(StandardChange(level, where, f"{name} was {before}, is {after}"))
    return changes


def _facts(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[StandardChange]:
    """Compare who sees something (dangerous) and what it means (breaking)."""
    changes = []
    for level, names in ((Level.DANGEROUS, _RIGHTS), (Level.BREAKING, _MEANING)):
        for name in names:
            before, after = old.get(name), new.get(name)
            if before != after:
                changes.append(StandardChange(level, where, f"{name[2:]} was {before}, is {after}"))
    return changes

"""`fixed_rule`: what a mapping states as the same in every row: a value, or several for a list."""

from __future__ import annotations

from typing import Any

from adapters.mapping.model import MappingRule, Slot
from adapters.mapping.notes import Notes
from schema.codes import UnknownCodeError
from schema.flat import parted
from schema.item import Item

__all__ = ["check_codes", "fixed_rule"]


def fixed_rule(notes: Notes, place: Slot, value: Any, at: tuple[str, ...]) -> MappingRule | None:
    """Return the rule of a fixed value; None, and noted, where it cannot be one.

    An item of several values takes a list, or one text in which they stand as in a cell.
    """
    item, path = place.item, place.path
    if isinstance(value, list) and not item.many:
        zh, en = f"“{path}”只有一个值，不能写成列表", f"{path} has one value; write no list"
        notes.add("FIXED_UNREADABLE", zh, en, *at)
        return None
    if item.many and isinstance(value, str | int) and not isinstance(value, bool):
        value = parted(str(value))
    values = list(notes.texts(value, *at)) if isinstance(value, list) else [value]
    if not values or any(isinstance(each, float) or not _is_stated(each) for each in values):
        zh, en = f"“{path}”的固定值请写在引号内", f"write the fixed value of {path} in quotes"
        notes.add("FIXED_UNREADABLE", zh, en, *at)
        return None
    if item.code_list is not None:
        check_codes(notes, item, [str(each) for each in values], at)
    fixed = tuple(values) if isinstance(value, list) else value
    return MappingRule(slot=place, fixed=fixed, line=notes.lines.find(*at))


def _is_stated(value: Any) -> bool:
    return isinstance(value, str | int | bool) and value != ""


def check_codes(notes: Notes, item: Item, values: list[str], at: tuple[str, ...]) -> None:
    """Note codes that the standard does not have, by name, number or Chinese label."""
    assert item.code_list is not None
    known = {
        text for member in item.code_list for text in (member.value, member.official, member.zh)
    }
    for value in sorted({each for each in values if each not in known}):
        names = "、".join(f"{member.value}（{member.zh}）" for member in item.code_list)
        notes.add(
            UnknownCodeError.code,
            f"“{item.facts.zh}”没有代码“{value}”；可用：{names}",
            f"{item.wire} has no code {value!r}; known: {', '.join(item.code_list)}",
            *at,
        )

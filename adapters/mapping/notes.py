"""Notes that are taken while a mapping is read: problems, each with the line where it stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

from adapters.mapping.errors import MappingProblem
from adapters.mapping.lines import Lines

T = TypeVar("T")


@dataclass(slots=True)
class Notes:
    """Problems found so far."""

    lines: Lines
    problems: list[MappingProblem] = field(default_factory=list)

    def add(self, code: str, zh: str, en: str, *at: str) -> None:
        """Note a problem at a key of the mapping."""
        where = _path_text(at)
        self.problems.append(MappingProblem(code, zh, en, self.lines.find(*at), where))

    def not_a_table(self, *at: str) -> None:
        """Note that something is not the table it should be."""
        self.add("NOT_A_TABLE", "此处应为一张表（[名称] 或 {…}）", "must be a table", *at)

    def unknown_keys(self, stated: Mapping[str, Any], known: Collection[str], *at: str) -> None:
        """Note every key that means nothing here, with the one that was probably meant."""
        for key in stated.keys() - known:
            close = get_close_matches(key, list(known), n=1)
            zh = f"；是否想写 {close[0]}？" if close else f"；可用：{'、'.join(sorted(known))}"
            en = f"; is {close[0]} meant?" if close else f"; known: {', '.join(sorted(known))}"
            self.add(
                "KEY_UNKNOWN", f"不认识“{key}”{zh}", f"{key!r} means nothing here{en}", *at, key
            )

    def texts(self, stated: Any, *at: str) -> tuple[str, ...]:
        """Read one text or a list of texts; numbers are taken as they are written."""
        listed = stated if isinstance(stated, list) else [stated]
        if any(not isinstance(each, str | int) or isinstance(each, bool) for each in listed):
            self.add("NOT_TEXT", "此处应为引号内的文字", "must be text in quotes", *at)
            return ()
        return tuple(str(each) for each in listed)

    def flag(self, stated: Mapping[str, Any], key: str, *at: str) -> bool | None:
        """Read true or false, where it is stated."""
        value = stated.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.add("NOT_A_FLAG", f"{key} 只能是 true 或 false", "must be true or false", *at, key)
        return None


def needs_text(notes: Notes, stated: Mapping[str, Any], key: str, *at: str, default: T) -> str | T:
    """Read a text, where it is stated."""
    if key not in stated:
        return default
    value = stated[key]
    if isinstance(value, str) and value:
        return value
    notes.add("NOT_TEXT", f"{key} 应为引号内的文字", f"{key} must be text in quotes", *at, key)
    return default


def _path_text(at: tuple[str, ...]) -> str:
    """Write a path of the mapping for people: record 1, items, name.zh."""
    words: list[str] = []
    for part in at:
        if part.isdigit() and words:
            words[-1] = f"[[{words[-1]}]] {part}"
        else:
            words.append(part)
    return " · ".join(words)

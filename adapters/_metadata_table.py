"""`MetadataTable`: one table of a TOML text that knows where it stands and what was asked of it.

Mistakes are collected, each with its place, and something that fits stands in for what is wrong:
whoever reads the tables goes on, and refuses the text at the end with all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

__all__ = ["MetadataTable"]

_SPAN = re.compile(r"([1-9][0-9]{0,4}) (min|h|d)")
_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


class MetadataTable:
    """One table of a text; `problems` is where it tells what is wrong."""

    def __init__(self, content: Any, place: str, problems: list[str]) -> None:
        """`place`: where it stands, which begins every problem."""
        self._problems = problems
        self._place = place
        if not isinstance(content, Mapping):
            self.fault("", "应为表", "must be a table")
        self._content: Mapping[str, Any] = content if isinstance(content, Mapping) else {}
        self._asked: set[str] = set()

    def fault(self, name: str, zh: str, en: str) -> None:
        """Tell of a mistake of a member, or of the table itself (no name)."""
        place = ".".join(part for part in (self._place, name) if part) or "文件 file"
        self._problems.append(f"{place}: {zh} · {en}")

    def has(self, name: str) -> bool:
        """Tell whether a member is there."""
        return name in self._content

    def take(self, name: str, *, absent: Any = None) -> Any:
        """Take a member as it is; one that is missing is a mistake, or what `absent` says."""
        self._asked.add(name)
        if name not in self._content and absent is None:
            self.fault(name, "缺少", "is missing")
        return self._content.get(name, absent)

    def text(self, name: str) -> str:
        """Take a text that says something."""
        found = self.take(name)
        if found is not None and (not isinstance(found, str) or not found.strip()):
            self.fault(name, "应为非空文字", "must be a text that says something")
        return found if isinstance(found, str) else ""

    def choice(self, name: str, among: Sequence[str]) -> str:
        """Take one of several words; the first of them stands for a mistake."""
        found = self.take(name)
        if found in among:
            return str(found)
        if found is not None:
            self.fault(name, f"应为：{'、'.join(among)}", f"must be one of: {', '.join(among)}")
        return among[0]

    def both(self, name: str) -> tuple[str, str]:
        """Take a text in Chinese and English."""
        if not self.has(name):
            self.take(name)
            return "", ""
        part = self.table(name)
        words = part.text("zh"), part.text("en")
        part.settle()
        return words

    def table(self, name: str) -> MetadataTable:
        """Take a table; one that is missing is empty."""
        return MetadataTable(self.take(name, absent={}), self._under(name), self._problems)

    def tables(self) -> Iterator[tuple[str, MetadataTable]]:
        """Take every member as a table."""
        for name in self._content:
            yield name, self.table(name)

    def texts(self, name: str) -> tuple[str, ...]:
        """Take a list of texts that may be missing."""
        found = self.take(name, absent=[])
        if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
            self.fault(name, "应为文字列表", "must be a list of texts")
            return ()
        if len(set(found)) < len(found):
            self.fault(name, "有重复", "names one thing twice")
        return tuple(found)

    def pairs(self, name: str) -> dict[str, str]:
        """Take a table of texts that may be missing."""
        found = self.take(name, absent={})
        if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
            self.fault(name, "应为“用语 = 代码”的表", "must be a table of texts")
            return {}
        return found

    def span(self, name: str, most: timedelta) -> timedelta | None:
        """Take a time that may be absent."""
        if not self.has(name):
            return None
        found = self.take(name)
        shaped = _SPAN.fullmatch(found) if isinstance(found, str) else None
        if shaped is None:
            self.fault(
                name, '应如 "15 min"、"6 h"、"7 d"', 'must be such as "15 min", "6 h", "7 d"'
            )
            return None
        span = timedelta(**{_UNITS[shaped[2]]: int(shaped[1])})
        if span > most:
            self.fault(name, f"最长 {most.days} 天", f"must be at most {most.days} d")
        return span

    def settle(self) -> None:
        """Tell of every member that nobody asked for."""
        for name in self._content:
            if name not in self._asked:
                self.fault(name, "没有这一项", "is no member of this table")

    def _under(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name

"""`choices`: small choices that a draw is made of, and values of a filter made of them.

- Every choice is a small number, its first option the simplest: made once, such draws are cheap,
  and they shrink well.
- Values in filters come from the rows of a world, so that they hit, miss by a little, or tie.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, TypeVar

import graphql as g
from hypothesis import strategies as st

from schema.codes.tables import TABLED_SCHEMES, scheme_name
from tests.integration.oracle.meaning import Row
from tests.integration.oracle.worlds import CLASSES, DIVISIONS, OUTSIDER

T = TypeVar("T")


@lru_cache(maxsize=1000)
def _below(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, count - 1)


@st.composite
def _part(draw: st.DrawFn, make: Callable[[], Any], *, is_needed: bool) -> bool:
    """Make one thing more, or say that there is none; a part that shrinking may leave out."""
    if not is_needed and draw(_below(4)) == 0:
        return False
    make()
    return True


@dataclass
class Choices:
    """Choices of one draw."""

    draw: st.DrawFn

    def number(self, count: int) -> int:
        """Return a number below a count."""
        return self.draw(_below(count))

    def pick(self, *options: T) -> T:
        """Return one of some options; the first is the simplest."""
        return options[self.number(len(options))]

    def rarely(self, one_in: int) -> bool:
        """Say yes once in so many times."""
        return self.number(one_in) == one_in - 1

    def several(self, make: Callable[[], T], most: int, least: int = 0) -> list[T]:
        """Return what is made a few times, each time as a part that shrinking may leave out."""
        found: list[T] = []
        while len(found) < most and self.draw(
            _part(lambda: found.append(make()), is_needed=len(found) < least)
        ):
            pass
        return found

    def some(self, options: Sequence[T], most: int, least: int = 0) -> list[T]:
        """Return some of the options, the same one more than once too."""
        return self.several(lambda: self.pick(*options), most if options else 0, least)


@dataclass
class Conditions(Choices):
    """Filters on the rows of a world."""

    rows: Mapping[str, Sequence[Row]]

    def condition(self, kind: str, name: str, shape: Any) -> Any:
        """Return a condition of a shape, a type of the interface, on an item of a record."""
        made: dict[str, Callable[[], Any]] = {
            "TextFilter": lambda: self._text(self.values(kind, name)),
            "WordsFilter": lambda: self._words(self.values(kind, name)),
            "InstantFilter": lambda: {n: self._instant(kind, name) for n in self._of("gte", "lt")},
            "MoneyFilter": lambda: self._money(kind, name),
            "ClassFilter": lambda: [self._class() for _ in range(1 + self.number(2))],
            "DivisionFilter": self._division,
            "DateFilter": lambda: {"gte": "2000-01-01"},
            "DecimalFilter": lambda: {"gte": "0"},
            "DateTime": lambda: self._instant(kind, name),
            "Province": lambda: self.some(list(shape.values), 4, 1),
        }
        if shape.name in made:
            return made[shape.name]()
        codes = list(g.get_named_type(shape.fields["eq"].type).values)  # type: ignore[union-attr]
        if self.pick(False, True):
            return {"in": self.some(codes, 4, 1)}
        return {"eq": self.pick(*codes)}

    def values(self, kind: str, name: str) -> list[Any]:
        """Return the values that rows have of an item."""
        return [row.wire[name] for row in self.rows[kind] if name in row.wire]

    def _of(self, *names: str) -> list[str]:
        return [name for name in names if self.pick(True, False)] or [names[0]]

    def _text(self, known: Sequence[str]) -> dict[str, Any]:
        options = [*known[:12], *known[-3:], OUTSIDER, "no'thing", ""]
        name = self.pick("eq", "in", "startsWith", "both")
        made: dict[str, Any] = {}
        if name == "eq":
            made[name] = self.pick(*options)
        if name in ("in", "both"):
            made["in"] = self.some(options, 4, 1)
        if name in ("startsWith", "both"):
            value = self.pick(*options)
            made["startsWith"] = value[: self.number(len(value) + 1)]
        return made

    def _words(self, known: Sequence[str]) -> dict[str, Any]:
        options = [*known[:12], *known[-3:], "no'thing%", ""]
        made: dict[str, Any] = {}
        for name in self._of("prefix", "contains"):
            value = self.pick(*options)
            begin = 0 if name == "prefix" else self.number(len(value) + 1)
            part = value[begin : begin + 1 + self.number(len(value) + 1)]
            made[name] = self.pick(part, part.upper())
        if not made or self.pick(False, True):
            made["eq"] = self.pick(*options)
        return made

    def _instant(self, kind: str, name: str) -> str:
        known = self.values(kind, name)
        if name == "updatedSince":
            known = [row.touched_at.isoformat() for row in self.rows[kind]]
        shifts = (0, 1, -1, 0.5)
        text = self.pick("2026-11-02T00:00:00+00:00", *known[:12])
        moved = datetime.fromisoformat(text) + timedelta(seconds=self.pick(*shifts))
        zone = timezone(timedelta(minutes=self.pick(0, 480, -330)))
        return moved.astimezone(zone).isoformat().replace("+00:00", "Z")

    def _money(self, kind: str, name: str) -> dict[str, Any]:
        known = [each["amount"] for each in self.values(kind, name)]
        amounts = (*known[:12], "0", "-1", "250.500", "0.000001")
        made = {bound: self.pick(*amounts) for bound in self._of("gte", "lte")}
        if self.pick(False, True):
            made["currency"] = self.pick("CNY", "USD", "EUR", "cny", "")
        return made

    def _class(self) -> dict[str, Any]:
        scheme, version, code = self.pick(*CLASSES)
        way = self.pick("under", "code", "", "both")
        made: dict[str, Any] = {"scheme": scheme}
        if way in ("under", "both"):
            beginning = code[: 1 + self.number(len(code))]
            is_listed = scheme_name(scheme, version) in TABLED_SCHEMES
            odd = (len(code) - len(beginning)) % 2
            made["under"] = code if is_listed and odd else beginning  # no class begins otherwise
        if way in ("code", "both"):
            made["code"] = code
        return made

    def _division(self) -> dict[str, Any]:
        code = self.pick(*DIVISIONS)
        if self.pick(True, False):
            return {"eq": code}
        return {"startsWith": code[: self.number(7)]}

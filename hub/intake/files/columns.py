"""`require_units`: columns whose unit is probably another than the mapping says.

A single implausible value is a warning; where most values of a column lie outside what is believed
and a power of ten would bring them in, the whole column is of another unit (yuan for ten thousand
yuan). That is told before anything is written, because thousands of wrong records are hard to call
back. Whoever has looked and means it says so and goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.mapping import MappingError, MappingProblem
from hub.intake.files.submission import ReadTable
from schema.item import Item, Kind, RecordSpec
from schema.plausible import Plausible
from schema.registry import standard

VALUES_MIN = 3
"""A column with fewer values is judged value by value."""
OUTSIDE_SHARE_MIN = 0.5
INSIDE_SHARE_MIN = 0.8
POWERS = (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 8, -8)
"""Powers of ten that lie between the units in use, the nearest first."""


@dataclass(frozen=True, slots=True)
class _Column:
    spec: RecordSpec
    item: Item
    rule: Plausible
    values: Sequence[float]

    def power(self) -> int | None:
        """Return the power of ten by which the column is off, None where it is believed."""
        outside = sum(not self._is_believed(each) for each in self.values)
        if outside <= OUTSIDE_SHARE_MIN * len(self.values):
            return None
        for power in POWERS:
            moved = sum(self._is_believed(each / 10**power) for each in self.values)
            if moved >= INSIDE_SHARE_MIN * len(self.values):
                return power
        return None

    def _is_believed(self, value: float) -> bool:
        return self.rule.low <= value <= self.rule.high


def require_units(tables: Iterable[ReadTable]) -> None:
    """Refuse tables with a column whose unit is doubted: `MappingError` with all of them."""
    doubts = [doubt for each in tables for doubt in unit_doubts(each)]
    if doubts:
        raise MappingError(doubts)


def unit_doubts(read: ReadTable) -> list[MappingProblem]:
    """Return a problem for each column whose unit is off by a power of ten."""
    doubts = []
    for column in _columns(read):
        power = column.power()
        if power is not None:
            doubts.append(_problem(read, column, power))
    return doubts


def _columns(read: ReadTable) -> Iterable[_Column]:
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    rules: dict[tuple[str, str], tuple[RecordSpec, Item, Plausible]] = {}
    for name in {rule.spec.name for rule in read.file.mapping.records}:
        spec = standard()[name]
        for item in spec.items:
            for rule in item.facts.plausible:
                if item.kind in (Kind.VALUE, Kind.DECIMAL, Kind.INTEGER):
                    rules[name, item.wire] = (spec, item, rule)
    for each in read.converted:
        for name, wire in each.records:
            for key in rules:
                if key[0] == name and (number := _number(wire.get(key[1]), rules[key][2])):
                    values[key].append(number)
    return [_Column(*rules[key], values[key]) for key in rules if len(values[key]) >= VALUES_MIN]


def _number(value: Any, rule: Plausible) -> float | None:
    """Return the number that is judged; zero and what is of another currency are not."""
    if isinstance(value, Mapping):
        is_other = rule.currency is not None and value["currency"] != rule.currency
        value = None if is_other else value["amount"]
    return None if value is None else float(value) or None


def _problem(read: ReadTable, column: _Column, power: int) -> MappingProblem:
    item = column.item
    names = {each.position: each.name for each in read.table.columns}
    places = read.columns_of(column.spec.name, item.wire)
    fed = "、".join(names.get(place, f"#{place}") for place in places) or item.wire
    factor = f"{10 ** abs(power):,}"
    zh, en = ("大", "large") if power > 0 else ("小", "small")
    return MappingProblem(
        "UNIT_DOUBTED",
        f"列“{fed}”（{item.facts.zh}）的值整体偏{zh}，至少约 {factor} 倍：{column.rule.zh}。"
        "未写入任何数据；请改正映射中的 unit，确认无误可加 --units-are-right",
        f"the values of column {fed!r} ({item.facts.en}) are at least {factor} times too {en}: "
        f"{column.rule.en}. Nothing was written; correct `unit` in the mapping, or say "
        "--units-are-right",
        where=fed,
    )

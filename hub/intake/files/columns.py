"""`require_units`: columns whose unit is probably another than the mapping says.

A single implausible value is a warning; where most values of a column lie outside what is believed
and a power of ten would bring them in, the whole column is of another unit (yuan for ten thousand
yuan). That is told before anything is written, because thousands of wrong records are hard to call
back. Whoever has looked and means it says so and goes on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from adapters.mapping import Mapping as SavedMapping
from adapters.mapping import MappingError, MappingProblem
from hub.intake.files.submission import ReadTable
from schema.item import Item, Kind, RecordSpec
from schema.plausible import Plausible

VALUES_MIN = 3
"""A column with fewer values is judged value by value."""
OUTSIDE_SHARE_MIN = 0.5
INSIDE_SHARE_MIN = 0.8
ColumnsOf: TypeAlias = Callable[[str | None, str], tuple[int, ...]]
POWERS = (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 8, -8)
"""Powers of ten that lie between the units in use, the nearest first."""
FACTORS = tuple(10**power for power in POWERS)


@dataclass(slots=True)
class _Counts:
    """How many values of an item were believed, as they stand and moved by each power of ten."""

    spec: RecordSpec
    item: Item
    rule: Plausible
    values: int = 0
    outside: int = 0
    inside: list[int] = field(default_factory=lambda: [0] * len(POWERS))

    def add(self, number: float) -> None:
        low, high = self.rule.low, self.rule.high
        self.values += 1
        self.outside += not low <= number <= high
        for at, factor in enumerate(FACTORS):
            self.inside[at] += low <= number / factor <= high

    def power(self) -> int | None:
        """Return the power of ten by which the column is off, None where it is believed."""
        if self.values < VALUES_MIN or self.outside <= OUTSIDE_SHARE_MIN * self.values:
            return None
        enough = INSIDE_SHARE_MIN * self.values
        return next((p for p, n in zip(POWERS, self.inside, strict=True) if n >= enough), None)


class UnitEvidence:
    """Counts the numbers of a table by item, however many rows it has."""

    def __init__(self, mapping: SavedMapping) -> None:
        self._counts: dict[tuple[str, str], list[_Counts]] = defaultdict(list)
        for spec in {rule.spec.name: rule.spec for rule in mapping.records}.values():
            for item in spec.items:
                if item.facts.plausible and item.kind in (Kind.VALUE, Kind.DECIMAL, Kind.INTEGER):
                    self._counts[spec.name, item.wire] += [
                        _Counts(spec, item, rule) for rule in item.facts.plausible
                    ]

    def add_number(self, record_type: str, item: str, amount: Any, currency: str | None) -> None:
        """Count what a record says of an item: a number, or an amount with its currency."""
        for each in self._counts.get((record_type, item), ()):
            if amount is None or (each.rule.currency or currency) != currency:
                continue
            if number := float(amount):  # zero says nothing of a unit
                each.add(number)

    def add_record(self, record_type: str, wire: Mapping[str, Any]) -> None:
        """Count what a record says, in wire form."""
        for name, item in self._counts:
            value = wire.get(item) if name == record_type else None
            if isinstance(value, Mapping):
                self.add_number(name, item, value["amount"], value["currency"])
            else:
                self.add_number(name, item, value, None)

    def doubts(self, names: Mapping[int, str], columns_of: ColumnsOf) -> list[MappingProblem]:
        """Return a problem for each column whose unit is off by a power of ten."""
        doubts = []
        for counts in (each for several in self._counts.values() for each in several):
            power = counts.power()
            if power is not None:
                places = columns_of(counts.spec.name, counts.item.wire)
                fed = "、".join(names.get(place, f"#{place}") for place in places)
                doubts.append(_problem(counts, fed or counts.item.wire, power))
        return doubts


def require_units(tables: Iterable[ReadTable]) -> None:
    """Refuse tables with a column whose unit is doubted: `MappingError` with all of them."""
    doubts = [doubt for each in tables for doubt in unit_doubts(each)]
    if doubts:
        raise MappingError(doubts)


def unit_doubts(read: ReadTable) -> list[MappingProblem]:
    """Return a problem for each column whose unit is off by a power of ten."""
    evidence = UnitEvidence(read.file.mapping)
    for each in read.converted:
        for name, wire in each.records:
            evidence.add_record(name, wire)
    return evidence.doubts({c.position: c.name for c in read.table.columns}, read.columns_of)


def _problem(counts: _Counts, fed: str, power: int) -> MappingProblem:
    item, rule = counts.item, counts.rule
    factor = f"{10 ** abs(power):,}"
    zh, en = ("大", "large") if power > 0 else ("小", "small")
    return MappingProblem(
        "UNIT_DOUBTED",
        f"列“{fed}”（{item.facts.zh}）的值整体偏{zh}，至少约 {factor} 倍：{rule.zh}。"
        "未写入任何数据；请改正映射中的 unit，确认无误可加 --units-are-right",
        f"the values of column {fed!r} ({item.facts.en}) are at least {factor} times too {en}: "
        f"{rule.en}. Nothing was written; correct `unit` in the mapping, or say "
        "--units-are-right",
        where=fed,
    )

"""`Glance`: what some items of a row say, read without making a record of it.

Of a file that is cut into parts everything is looked at before the first part goes: the numbers by
which a wrong unit is seen, and the keys that stand in it twice. Making all records for that would
cost as much as taking them in. What cannot be read is passed over here; whoever takes the row in
says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.mapping.conditions import holds
from adapters.mapping.errors import CellError
from adapters.mapping.model import Mapping as SavedMapping
from adapters.mapping.model import MappingRule, RecordRule
from adapters.mapping.table import Column, SourceRow, locate
from adapters.mapping.values import Reading
from schema.item import Item, Kind, RecordSpec

_NUMBERS = (Kind.VALUE, Kind.DECIMAL, Kind.INTEGER)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a row says of one record: the parts of its key, and its numbers by item.

    A number has a currency where it is money.
    """

    spec: RecordSpec
    key: tuple[Any, ...]
    numbers: tuple[tuple[Item, float | None, str | None], ...]


@dataclass(frozen=True, slots=True)
class _Looked:
    record: RecordRule
    keys: tuple[MappingRule, ...]
    numbers: tuple[tuple[Item, MappingRule, MappingRule | None], ...]


class Glance:
    """Looks at rows through a mapping that is bound to columns, whether it fits them or not."""

    def __init__(self, mapping: SavedMapping, columns: Sequence[Column]) -> None:
        """Bind the mapping to the columns that are there."""
        places = {a: f for a in mapping.addresses if (f := locate(a, columns)) is not None}
        self._reading = Reading(mapping.file, places)
        self._leave_out = [each for each in mapping.leave_out if each.column in places]
        self._records = [
            _looked(each)
            for each in mapping.records
            if each.when is None or each.when.column in places
        ]

        rules = [rule for each in self._records for rule in each.keys]
        self._same = {id(r): r.fixed for r in rules if r.fixed is not None}
        """What is the same in every row, by its rule."""

    def at(self, row: SourceRow) -> Iterator[Seen]:
        """Yield what a row says of each of its records; nothing where it is left out."""
        if row.unread is not None or any(holds(c, row, self._reading) for c in self._leave_out):
            return
        for each in self._records:
            when = each.record.when
            if when is None or holds(when, row, self._reading):
                key = tuple(self._value(rule, row) for rule in each.keys)
                numbers = tuple(
                    (
                        item,
                        self._number(amount, row),
                        None if currency is None else self._value(currency, row),
                    )
                    for item, amount, currency in each.numbers
                )
                yield Seen(each.record.spec, key, numbers)

    def _number(self, rule: MappingRule, row: SourceRow) -> float | None:
        value = self._value(rule, row)
        try:
            return None if value is None else float(value)
        except (TypeError, ValueError):
            return None

    def _value(self, rule: MappingRule, row: SourceRow) -> Any:
        if (same := self._same.get(id(rule))) is not None:
            return same
        try:
            taken = self._reading.take(rule, row)
        except CellError:
            return None
        return None if taken is None else taken.value


def _looked(record: RecordRule) -> _Looked:
    by_path = {rule.slot.path: rule for rule in record.rules}
    numbers = []
    for item in record.spec.items:
        if not item.facts.plausible or item.kind not in _NUMBERS:
            continue
        amount = by_path.get(item.wire) or by_path.get(f"{item.wire}.amount")
        if amount is not None:
            numbers.append((item, amount, by_path.get(f"{item.wire}.currency")))
    keys = tuple(r for r in record.rules if r.slot.items[0].name in record.spec.key)
    return _Looked(record, keys, tuple(numbers))

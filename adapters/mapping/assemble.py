"""Assembly: the values of one row, put together into the wire object of one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from adapters.mapping import slots
from adapters.mapping.model import MappingRule, RecordRule
from adapters.mapping.taken import Taken
from schema.item import LIST_LENGTH_MAX, describe
from schema.values import Money, OriginalText

_ORIGINAL_LENGTH_MAX = describe(OriginalText).item("text").facts.length_max
_MONEY = describe(Money)

StandsAlone: TypeAlias = Callable[[Mapping[str, Taken | None]], bool]


class Assembly:
    """Puts records of one rule together; what is the same for every row is found out once."""

    def __init__(self, rule: RecordRule) -> None:
        self._rule = rule
        self._parts = [(each, each.slot.path, _goes_with(each, rule)) for each in rule.rules]
        self._keeps_originals = any(item.name == "originals" for item in rule.spec.items)

    def wire(self, taken: Mapping[str, Taken | None]) -> dict[str, Any]:
        """Return the wire object of a record; a currency without its amount is left away."""
        tree: dict[str, Any] = {}
        for rule, path, stands_alone in self._parts:
            value = taken[path]
            if value is None or (stands_alone is not None and stands_alone(taken)):
                continue
            if slots.EVERY not in path:
                slots.put(tree, path, value.value)
            else:
                self._put_members(tree, rule, value, taken)
        wire = slots.wire_object(self._rule.spec, tree)
        if self._keeps_originals and "originals" not in wire:
            _keep_originals(taken, wire)
        return wire

    def _put_members(
        self,
        tree: dict[str, Any],
        rule: MappingRule,
        value: Taken,
        taken: Mapping[str, Taken | None],
    ) -> None:
        for number in range(_members(rule, self._rule, taken)):
            one = value.value
            if isinstance(one, list):
                one = one[number] if number < len(one) else None
            if one is not None:
                slots.put(tree, rule.slot.path.replace(slots.EVERY, str(number), 1), one)


def _goes_with(rule: MappingRule, record: RecordRule) -> StandsAlone | None:
    """Return what tells whether a part has lost what it goes with; None: it goes with nothing.

    A currency goes with its amount, a scheme with its code.
    """
    container, _, _ = rule.slot.path.rpartition(".")
    if not container:
        return None
    beside = [r for r in record.rules if r.slot.path.rpartition(".")[0] == container]
    if rule.slot.items[-2].value is _MONEY:
        amounts = [each.slot.path for each in beside if each.slot.item.name == "amount"]
        return lambda taken: any(taken[path] is None for path in amounts)
    fed = [each for each in beside if each.fixed is None]
    if rule.fixed is None or all(r.slot.item.optional or r.slot.item.many for r in fed):
        return None
    paths = [each.slot.path for each in fed]
    return lambda taken: all(taken[path] is None for path in paths)


def _members(rule: MappingRule, record: RecordRule, taken: Mapping[str, Taken | None]) -> int:
    head = rule.slot.path.partition(f".{slots.EVERY}")[0] + f".{slots.EVERY}."
    counts = [
        len(value.value)
        for each in record.rules
        if each.slot.path.startswith(head)
        and (value := taken[each.slot.path]) is not None
        and isinstance(value.value, list)
    ]
    return max(counts, default=1)


def _keep_originals(taken: Mapping[str, Taken | None], wire: dict[str, Any]) -> None:
    """Keep what the source wrote where a time, a date or a unit was converted."""
    originals = [
        {"path": path, "text": " ".join(value.original.split())[:_ORIGINAL_LENGTH_MAX].strip()}
        for path, value in taken.items()
        if value is not None and value.original
    ]
    if originals:
        wire["originals"] = originals[:LIST_LENGTH_MAX]

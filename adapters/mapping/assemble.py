"""Assembly: the values of one row, put together into the wire object of one record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.mapping import slots
from adapters.mapping.model import MappingRule, RecordRule
from adapters.mapping.values import Taken
from schema.item import LIST_LENGTH_MAX, RecordSpec, describe
from schema.values import Money, OriginalText

_ORIGINAL_LENGTH_MAX = describe(OriginalText).item("text").facts.length_max
_MONEY = describe(Money)


def assembled(rule: RecordRule, taken: Mapping[str, Taken | None]) -> dict[str, Any]:
    """Return the wire object of a record; a currency without its amount is left away."""
    tree: dict[str, Any] = {}
    for each in rule.rules:
        value = taken[each.slot.path]
        if value is None or _stands_alone(each, rule, taken):
            continue
        if slots.EVERY not in each.slot.path:
            slots.put(tree, each.slot.path, value.value)
            continue
        count = _members(each, rule, taken)
        for number in range(count):
            one = value.value
            if isinstance(one, list):
                one = one[number] if number < len(one) else None
            if one is not None:
                path = each.slot.path.replace(slots.EVERY, str(number), 1)
                slots.put(tree, path, one)
    return slots.wire_object(rule.spec, tree)


def _stands_alone(rule: MappingRule, record: RecordRule, taken: Mapping[str, Taken | None]) -> bool:
    """Tell whether a part has lost what it goes with: a currency its amount, a scheme its code."""
    container, _, _ = rule.slot.path.rpartition(".")
    if not container:
        return False
    beside = [r for r in record.rules if r.slot.path.rpartition(".")[0] == container]
    if rule.slot.items[-2].value is _MONEY:
        amounts = [each for each in beside if each.slot.item.name == "amount"]
        return any(taken[each.slot.path] is None for each in amounts)
    fed = [each for each in beside if each.fixed is None]
    if rule.fixed is None or not fed or any(taken[r.slot.path] is not None for r in fed):
        return False
    return any(not (each.slot.item.optional or each.slot.item.many) for each in fed)


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


def keep_originals(
    spec: RecordSpec, taken: Mapping[str, Taken | None], wire: dict[str, Any]
) -> None:
    """Keep what the source wrote where a time, a date or a unit was converted."""
    if "originals" in wire or not any(item.name == "originals" for item in spec.items):
        return
    originals = [
        {"path": path, "text": " ".join(value.original.split())[:_ORIGINAL_LENGTH_MAX].strip()}
        for path, value in taken.items()
        if value is not None and value.original
    ]
    if originals:
        wire["originals"] = originals[:LIST_LENGTH_MAX]

"""`warnings_of`: what is unlikely in a record that conforms; pure, and cheap where nothing is.

The rules of a record type are gathered once: the items that declare `plausible`, those of them that
are money or dates, and the rules over several items (`unlikely` of the record).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schema.errors import Problem
from schema.item import Grade, Item, Kind, RecordSpec
from schema.placeholders import LONGEST, PLACEHOLDER, is_placeholder
from schema.plausible import BelievedUntil, Plausible, Unlikely

__all__ = ["warnings_of"]

VALUE_SHOWN_MAX = 80
"""Characters of a doubted value that a warning repeats."""
_DATES = (Kind.DATE, Kind.PARTIAL_DATE, Kind.INSTANT)


def warnings_of(
    spec: RecordSpec, wire: Mapping[str, Any], until: BelievedUntil
) -> Sequence[Problem]:
    """Return a warning for each value that is not plausible."""
    rules = _RULES.get(spec.cls) or _rules(spec)
    doubted: list[tuple[Item, Plausible]] = []
    for name, days, item, rule in rules.dates:
        value = wire.get(name)
        if value is not None and value > until.latest[days]:
            doubted.append((item, rule))
    for name, currency, item, rule in rules.money:
        value = wire.get(name)
        if value is None or (currency is not None and value["currency"] != currency):
            continue
        if not rule.low <= float(value["amount"]) <= rule.high:
            doubted.append((item, rule))
    for name, item, rule in rules.numbers:
        value = wire.get(name)
        if value is not None and not rule.low <= float(value) <= rule.high:
            doubted.append((item, rule))
    found = [(each, path) for each in rules.unlikely if (path := each.find(wire)) is not None]
    empty = [(path, text) for path, text in _short_texts(rules.texts, wire) if is_placeholder(text)]
    if not doubted and not found and not empty:
        return ()
    flaw = PLACEHOLDER
    return [
        *(Problem(path, flaw.code, flaw.zh, flaw.en, text) for path, text in empty),
        *(_warning(item, rule, wire[item.wire]) for item, rule in doubted),
        *(Problem(path, e.flaw.code, e.flaw.zh, e.flaw.en) for e, path in found),
    ]


def _short_texts(names: Sequence[str], wire: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return texts of a record that are short enough to say nothing, with their paths."""
    found: list[tuple[str, str]] = []
    for name in names:
        value = wire.get(name)
        if type(value) is str:
            if len(value) <= LONGEST:
                found.append((name, value))
        elif type(value) is list:
            found += [
                (f"{name}.{at}", each)
                for at, each in enumerate(value)
                if type(each) is str and len(each) <= LONGEST
            ]
        elif type(value) is dict:
            found += [
                (f"{name}.{inner}", each)
                for inner, each in value.items()
                if type(each) is str and len(each) <= LONGEST
            ]
    return found


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rules of a record type by what they look at, each with the name of its item."""

    dates: tuple[tuple[str, int, Item, Plausible], ...]
    money: tuple[tuple[str, str | None, Item, Plausible], ...]
    numbers: tuple[tuple[str, Item, Plausible], ...]
    unlikely: tuple[Unlikely, ...]
    texts: tuple[str, ...]
    """Items that hold words; lists of values are left alone (original texts are among them)."""


_RULES: dict[type[Any], _Rules] = {}


def _rules(spec: RecordSpec) -> _Rules:
    pairs = [(item, rule) for item in spec.items for rule in item.facts.plausible]
    rules = _RULES[spec.cls] = _Rules(
        tuple((i.wire, r.days_ahead, i, r) for i, r in pairs if i.kind in _DATES),
        tuple((i.wire, r.currency, i, r) for i, r in pairs if i.kind is Kind.VALUE),
        tuple((i.wire, i, r) for i, r in pairs if i.kind not in (*_DATES, Kind.VALUE)),
        spec.unlikely,
        tuple(
            item.wire
            for item in spec.items
            if item.kind is Kind.TEXT or (item.kind is Kind.VALUE and not item.many)
        ),
    )
    return rules


def _warning(item: Item, rule: Plausible, value: Any) -> Problem:
    flaw, path, shown = rule.flaw, item.wire, value
    if isinstance(value, Mapping):
        path, shown = f"{path}.amount", f"{value['amount']} {value['currency']}"
    text = None if item.grade is Grade.L4 else str(shown)[:VALUE_SHOWN_MAX]
    return Problem(path, flaw.code, flaw.zh, flaw.en, text)

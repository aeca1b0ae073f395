"""`conform`: check a JSON object against a record type and report ALL its problems.

- Nothing is repaired: what conforms is exactly what is canonicalised, signed and stored. The one
  liberty is that `null` means absent.
- Pure; a validator per record type is built once from `describe` and kept.
- Most rows have no problem. They pass one test that says only yes or no; a row that fails it is
  gone through again by the checks that name the place and the flaw of everything that is wrong.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from schema.dates import PartialDate
from schema.errors import ConformanceError, Problem
from schema.identifiers import Flaw
from schema.item import LIST_LENGTH_MAX, Grade, Item, Kind, RecordSpec
from schema.item_checks import Check, check_of, personal_check
from schema.keys import is_key_text, visible_key
from schema.personal import (
    CITIZEN_LENGTH,
    NEVER_SHOWN,
    SHORTEST_MAIL,
    refuse_private_contact,
    suspicion,
    without_citizen_numbers,
)
from schema.placeholders import KEY_PLACEHOLDER, is_placeholder
from schema.texts import has_hidden_end, visible
from schema.values import OriginalText

VALUE_SHOWN_MAX = 80
"""Characters of a bad value that a problem repeats."""
TEXT_READ_MAX = 1_000
"""Characters of a bad value in which a citizen number is looked for before it is cut."""
PROBLEMS_MAX = 100
"""Problems of one row that are reported."""

Test = Callable[[Any], bool]

MISSING = Flaw("MISSING", "必填项缺失", "is required")
UNKNOWN_ITEM = Flaw("UNKNOWN_ITEM", "标准中没有该数据项", "is not an item of this record type")
NOT_AN_ITEM = Flaw(
    "NOT_AN_ITEM",
    "必须以本类记录的一个数据项名称开头",
    "must begin with the name of an item of this record type",
)
NOT_OBJECT = Flaw("NOT_OBJECT", "必须是对象", "must be an object")
NOT_LIST = Flaw("NOT_LIST", "必须是数组", "must be a list")
TOO_MANY = Flaw(
    "TOO_MANY", f"最多 {LIST_LENGTH_MAX} 项", f"must have at most {LIST_LENGTH_MAX} members"
)


def conform(spec: RecordSpec, raw: Any) -> tuple[dict[str, Any], list[Problem]]:
    """Return the wire object (without nulls) and every problem found in it.

    The wire object may be used only when there is no problem.
    """
    problems: list[Problem] = []
    is_clean = _is_clean(_shape(spec), raw)
    wire = dict(raw) if is_clean else _object(spec, raw, "", problems)
    if not problems:
        for rule in spec.checks:
            problems += [_problem(path, flaw, None) for path, flaw in rule(wire)]
        problems += _lost_originals(_shape(spec), wire)
        problems += _empty_keys(_shape(spec), wire)
    return wire, problems[:PROBLEMS_MAX]


def decode(spec: RecordSpec, raw: Any) -> Any:
    """Return the record dataclass for a JSON object.

    Raises `ConformanceError` with all problems.
    """
    wire, problems = conform(spec, raw)
    if problems:
        raise ConformanceError(spec.name, problems)
    return _construct(spec, wire)


def _lost_originals(shape: _Shape, wire: Mapping[str, Any]) -> list[Problem]:
    """Report original texts whose path names no item: no rule says who may read them."""
    return [
        _problem(f"{name}.{position}.path", NOT_AN_ITEM, each["path"])
        for name in shape.originals
        for position, each in enumerate(wire.get(name, ()))
        if each["path"].partition(".")[0] not in shape.fields
    ]


def _empty_keys(shape: _Shape, wire: Mapping[str, Any]) -> list[Problem]:
    """Report parts of a record's own key that say nothing."""
    return [
        _problem(name, KEY_PLACEHOLDER, wire[name])
        for name in shape.own_key
        if is_placeholder(wire[name])
    ]


def _object(spec: RecordSpec, raw: Any, path: str, problems: list[Problem]) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        problems.append(_problem(path or spec.name, NOT_OBJECT, raw))
        return {}
    fields = _shape(spec).fields
    wire: dict[str, Any] = {}
    for name, part in raw.items():
        if part is None:
            continue
        field = fields.get(name)
        if field is None:
            if len(problems) < PROBLEMS_MAX:
                problems.append(_problem(f"{path}{name}", UNKNOWN_ITEM, None))
            continue
        wire[name] = _part(field, part, f"{path}{name}", problems)
    for name, declared in fields.items():
        if name not in wire and not (declared.item.optional or declared.item.many):
            problems.append(_problem(f"{path}{name}", MISSING, None))
    return wire


class _Field:
    """An item with its ready-made check."""

    __slots__ = ("check", "item")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.check = check_of(item)


class _Shape:
    """What the objects of a record or value type look like."""

    __slots__ = ("fields", "originals", "own_key", "required", "tests")

    def __init__(self, spec: RecordSpec) -> None:
        self.fields = {item.wire: _Field(item) for item in spec.items}
        self.tests = {name: _test_of(field) for name, field in self.fields.items()}
        self.originals = tuple(
            i.wire for i in spec.items if i.value and i.value.cls is OriginalText
        )
        self.own_key = tuple(
            i.wire for i in spec.items if i.name in spec.key and i.kind is Kind.TEXT
        )
        self.required = {i.wire for i in spec.items if not (i.optional or i.many)}


_SHAPES: dict[type[Any], _Shape] = {}


def _shape(spec: RecordSpec) -> _Shape:
    shape = _SHAPES.get(spec.cls)
    if shape is None:
        shape = _SHAPES[spec.cls] = _Shape(spec)
    return shape


def _is_clean(shape: _Shape, raw: Any) -> bool:
    """Whether an object has no problem at all and no null."""
    if type(raw) is not dict:
        return False
    tests = shape.tests
    for name, part in raw.items():
        test = tests.get(name)
        if test is None or not test(part):
            return False
    return shape.required <= raw.keys()


def _test_of(field: _Field) -> Test:
    """Return the yes-or-no test of an item's value; it passes nothing that the check refuses."""
    item, single = field.item, _single_test(field)
    if not item.many:
        return single
    return lambda raw: type(raw) is list and len(raw) <= LIST_LENGTH_MAX and all(map(single, raw))


def _single_test(field: _Field) -> Test:
    item, check = field.item, field.check
    if item.value is not None:
        inner = _shape(item.value)
        return lambda raw: _is_clean(inner, raw)
    if item.kind is Kind.TEXT:
        return _text_test(item, check)
    return lambda raw: check(raw) is None


def _text_test(item: Item, check: Check) -> Test:
    """Return the test of a text; what is printable throughout has no blank but the space."""
    pattern, further = item.facts.pattern, item.facts.check
    length_max, matches = item.facts.length_max, re.compile(pattern or "").fullmatch
    characters = is_key_text if item.names_key else _is_seen_nfc
    personal = personal_check(item)
    short = SHORTEST_MAIL if item.is_public_prose else CITIZEN_LENGTH

    def test(raw: Any) -> bool:
        if (
            type(raw) is str
            and 0 < len(raw) <= length_max
            and raw.isprintable()
            and raw[0] != " " != raw[-1]
            and (raw.isascii() or characters(raw))
            and (pattern is None or matches(raw) is not None)
            and (len(raw) < short or suspicion(raw) is None or personal(raw) is None)
        ):
            return further is None or further(raw) is None
        return check(raw) is None  # a long text may break lines

    return test


def _is_seen_nfc(text: str) -> bool:
    return unicodedata.is_normalized("NFC", text) and not has_hidden_end(text)


def _part(field: _Field, raw: Any, path: str, problems: list[Problem]) -> Any:
    item = field.item
    if not item.many:
        return _single(field, raw, path, problems)
    if not isinstance(raw, list | tuple):
        problems.append(_problem(path, NOT_LIST, raw))
        return raw
    if len(raw) > LIST_LENGTH_MAX:
        problems.append(_problem(path, TOO_MANY, None))
        return raw
    return [_single(field, one, f"{path}.{n}", problems) for n, one in enumerate(raw)]


def _single(field: _Field, raw: Any, path: str, problems: list[Problem]) -> Any:
    if field.item.value is not None:
        return _object(field.item.value, raw, f"{path}.", problems)
    flaw = field.check(raw)
    if flaw is not None:
        personal = field.item.grade is Grade.L4 or flaw in NEVER_SHOWN
        if field.item.is_public_prose and isinstance(raw, str):
            personal = personal or refuse_private_contact(raw[:TEXT_READ_MAX]) is not None
        show = visible_key if field.item.names_key else visible
        problems.append(_problem(path, flaw, None if personal else raw, show))
    return raw


def _problem(path: str, flaw: Flaw, raw: Any, show: Callable[[str], str] = visible) -> Problem:
    shown = None
    if raw is not None:
        text = without_citizen_numbers(str(raw)[:TEXT_READ_MAX])
        shown = show(text[:VALUE_SHOWN_MAX])[:VALUE_SHOWN_MAX]
    path = without_citizen_numbers(path.rstrip("."))
    return Problem(path, flaw.code, flaw.zh, flaw.en, shown)


_READERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.DECIMAL: Decimal,
    Kind.DATE: date.fromisoformat,
    Kind.INSTANT: datetime.fromisoformat,
    Kind.PARTIAL_DATE: PartialDate,
}


def _construct(spec: RecordSpec, wire: Mapping[str, Any]) -> Any:
    values = {}
    for item in spec.items:
        if item.wire not in wire:
            continue
        raw = wire[item.wire]
        values[item.name] = (
            tuple(_read(item, one) for one in raw) if item.many else _read(item, raw)
        )
    return spec.cls(**values)


def _read(item: Item, raw: Any) -> Any:
    if item.value is not None:
        return _construct(item.value, raw)
    if item.code_list is not None:
        return item.code_list[raw]
    reader = _READERS.get(item.kind)
    return reader(raw) if reader else raw

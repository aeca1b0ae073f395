"""`item`: how a data item of the standard is declared, once, and how it is read back.

- `@record` and `@value` make frozen, keyword-only dataclasses in which every field is an `item`.
- `describe(cls)` returns the `RecordSpec`; tables, GraphQL types, JSON Schemas, the validator and
  the documentation are derived from it and from nothing else.
- A record declares whose it is, who issues it and who may see it; an omission fails at import.
- An item that a scope above the public one protects is optional, so that hiding it never hides
  its record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from types import UnionType
from typing import Any, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

from schema.codes import CodeList
from schema.dates import PartialDate
from schema.identifiers import Flaw
from schema.parties import OPERATOR, Effect, PartyItem
from schema.plausible import Plausible, Unlikely
from schema.visibility import DATASETS, PUBLIC, PUBLIC_SCOPE, Rule, item_rule

C = TypeVar("C")
T = TypeVar("T")

TEXT_LENGTH_MAX = 500
"""Characters of a text item that states no other bound."""
LIST_LENGTH_MAX = 64
"""Members of a repeated item."""


class Grade(Enum):
    """Data grade of an item (domain rules on classified and graded protection)."""

    L1 = "public"
    L2 = "shared"
    L3 = "restricted"
    L4 = "personal"


SCOPE_OF_GRADE = {
    Grade.L1: PUBLIC_SCOPE,
    Grade.L2: "asset:read",
    Grade.L4: "person:read",
}
"""The scope of an item that names none. L3 has several: the record or the item must say which."""


class Kind(Enum):
    """What an item holds; each derivation has exactly one answer for each kind."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    PARTIAL_DATE = "partial date"
    INSTANT = "instant"
    CODE = "code"
    VALUE = "value"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a declaration says of an item beyond its Python type."""

    zh: str
    en: str
    grade: Grade = Grade.L1
    scope: str | None = None
    unit: str | None = None
    scheme: str | None = None
    ref: str | None = None
    inverse: str | None = None
    is_few: bool = False
    """What refers by this item is few, so that a list serves better than a connection."""
    pattern: str | None = None
    length_max: int = TEXT_LENGTH_MAX
    minimum: int | None = None
    maximum: int | None = None
    filterable: bool = False
    sortable: bool = False
    search: bool = False
    identifies: bool = False
    """The text is a number or code that somebody gave, so eleven digits are no telephone."""
    multiline: bool = False
    """Prose that may break lines; every other text is a single line."""
    names: str | None = None
    """The record type whose key the text holds, where no relation follows from it; a `ref` names
    its type as well."""
    names_key: bool = False
    """The text is part of a key (`schema.keys`). What stands in a record's own key, and what names
    a record, is so without saying it."""
    check: Callable[[str], Flaw | None] | None = None
    plausible: tuple[Plausible, ...] = ()
    """In which bounds a value is believed; one outside is taken with a warning."""


def item(zh: str, en: str, *, default: Any = MISSING, **facts: Any) -> Any:
    """Declare a data item: its meaning in Chinese and English and its `Facts`."""
    return field(default=default, metadata={"facts": Facts(zh=zh, en=en, **facts)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One declared item, ready for derivation."""

    name: str
    """Python and column name, snake_case."""
    wire: str
    """Name in JSON and GraphQL, camelCase."""
    kind: Kind
    optional: bool
    many: bool
    code_list: type[CodeList] | None
    value: RecordSpec | None
    facts: Facts
    scope: str
    """OAuth scope that reveals the item."""
    names_key: bool
    """It may hold only the characters that keys have."""

    @property
    def grade(self) -> Grade:
        """Data grade."""
        return self.facts.grade

    @property
    def is_public_prose(self) -> bool:
        """Whether it holds words that anybody may read, and no key, code or number."""
        facts = self.facts
        shaped = self.names_key or facts.pattern or facts.check or facts.identifies
        return self.kind is Kind.TEXT and self.grade is Grade.L1 and not shaped

    @property
    def names(self) -> str | None:
        """Name of the record type whose key the item holds."""
        return self.facts.ref or self.facts.names

    @property
    def relation(self) -> str | None:
        """Name of the relation that a reference opens (`institution_key` opens `institution`)."""
        return self.name.removesuffix("_key") if self.facts.ref else None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordSpec:
    """A record type or a nested value of the standard, as data."""

    cls: type[Any]
    name: str
    zh: str
    en: str
    items: tuple[Item, ...]
    key: tuple[str, ...] = ()
    key_separator: str = "/"
    prefix: str = ""
    owner: PartyItem | None = None
    issuer: PartyItem | str | None = None
    effect: Effect = Effect.FACT
    scope: str = PUBLIC_SCOPE
    """OAuth scope without which no row of the record is shown."""
    rows: Rule = PUBLIC
    """Who may see a row."""
    golden: bool = False
    per_system: bool = False
    """The key means something only together with the system that states it."""
    confirmed: bool = False
    traits: tuple[Any, ...] = ()
    checks: tuple[Callable[[dict[str, Any]], Sequence[tuple[str, Flaw]]], ...] = ()
    unlikely: tuple[Unlikely, ...] = ()
    """Rules over several items; a record for which one holds is taken with a warning."""

    @property
    def table(self) -> str:
        """Name of the record's table without suffix, snake_case."""
        return snake(self.name)

    def item(self, name: str) -> Item:
        """Return the item with that snake_case name."""
        return next(i for i in self.items if i.name == name)

    def key_of(self, wire: dict[str, Any]) -> str:
        """Return the natural key of a conforming wire object."""
        return self.key_separator.join(str(wire[camel(part)]) for part in self.key)

    def owner_of(self, wire: Mapping[str, Any]) -> str:
        """Return whose data a conforming wire object is."""
        assert self.owner is not None, "a record has an owner, a value has none"
        return self.owner.of(wire, camel(self.owner.item))

    def issuer_of(self, wire: Mapping[str, Any]) -> str:
        """Return who alone may state, change and withdraw a conforming wire object."""
        if isinstance(self.issuer, PartyItem):
            return self.issuer.of(wire, camel(self.issuer.item))
        return self.issuer or self.owner_of(wire)

    def trait(self, kind: type[T]) -> T | None:
        """Return the record's trait of a kind, if it has one."""
        return next((each for each in self.traits if isinstance(each, kind)), None)

    def rule(self, item: Item) -> Rule:
        """Return who may see an item of a row that may be seen."""
        if item.grade is Grade.L1:
            return PUBLIC
        is_personal = item.grade is Grade.L4
        return item_rule(self.rows, item.scope, item.wire, is_personal=is_personal)


@lru_cache(maxsize=1024)
@lru_cache(maxsize=4_096)
def camel(name: str) -> str:
    """Turn snake_case into camelCase."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def snake(name: str) -> str:
    """Turn CamelCase into snake_case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(item,))
def record(  # noqa: PLR0913 - its keywords are the declaration
    zh: str,
    *,
    key: tuple[str, ...],
    prefix: str,
    owner: PartyItem,
    issuer: PartyItem | str | None = None,
    effect: Effect = Effect.FACT,
    scope: str = PUBLIC_SCOPE,
    rows: Rule = PUBLIC,
    golden: bool = False,
    per_system: bool = False,
    key_separator: str = "/",
    confirmed: bool = False,
    traits: tuple[Any, ...] = (),
    checks: tuple[Callable[[dict[str, Any]], Sequence[tuple[str, Flaw]]], ...] = (),
    unlikely: tuple[Unlikely, ...] = (),
) -> Callable[[type[C]], type[C]]:
    """Make a class a record of the standard.

    `owner`: whose data it is. `issuer`: who may state it, the owner where nobody is named.
    `effect`: whether it gives rights or decides. `scope`, `rows`: what a token must carry, and who
    one must be, to see a row. `golden`: what several sources say is merged item by item; of other
    records the source that precedence names is shown whole. `per_system`: the key holds a number of
    some system, so that another system's same key names another record. `confirmed`: an unchanged
    row still renews the time at which its source last said so. `traits`: what it is for others
    (`schema.traits`). `checks`: rules over several items. `unlikely`: those that only warn.
    """
    declaration = {
        "zh": zh, "key": key, "prefix": prefix, "owner": owner, "issuer": issuer, "effect": effect,
        "scope": scope, "rows": rows, "golden": golden, "per_system": per_system,
        "key_separator": key_separator, "confirmed": confirmed, "traits": traits, "checks": checks,
        "unlikely": unlikely,
    }  # fmt: skip

    def make(cls: type[C]) -> type[C]:
        frozen = dataclass(frozen=True, kw_only=True, slots=True)(cls)
        frozen.__standard__ = declaration  # type: ignore[attr-defined]
        _check_record(describe(frozen))
        return frozen

    return make


def _check_record(spec: RecordSpec) -> None:
    """Refuse a declaration whose parties or rules name what is not there."""
    items = {item.name: item for item in spec.items}
    parties = [each for each in (spec.owner, spec.issuer) if isinstance(each, PartyItem)]
    names = [*spec.key, *(each.item for each in parties), *spec.rows.named]
    names += [name for term in spec.rows.supervised for name in term.items]
    missing = sorted(set(names) - items.keys())
    if missing:
        raise TypeError(f"{spec.name} has no item {', '.join(missing)}")
    for each in parties:
        declared_item = items[each.item]
        if declared_item.optional or declared_item.many or declared_item.kind is not Kind.TEXT:
            raise TypeError(f"{spec.name}.{each.item} names a party, so it is one required text")
    if isinstance(spec.issuer, str) and spec.issuer != OPERATOR:
        raise TypeError(f"{spec.name}: an issuer is an item, or the operator")
    if spec.effect is Effect.DECISION and spec.issuer is None:
        raise TypeError(f"{spec.name} decides, so it names an issuer who is not its owner")
    found_by = {item.name for item in spec.items if item.facts.search} | {*spec.key}
    shown = sorted(name for name in found_by if items[name].grade is not Grade.L1)
    if shown:
        raise TypeError(f"{spec.name}.{', '.join(shown)}: keys and searched items are L1")
    if not spec.rows.is_public and spec.scope != PUBLIC_SCOPE and spec.scope not in DATASETS:
        raise TypeError(f"{spec.name}: no agreement speaks of {spec.scope}")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(item,))
def value(zh: str) -> Callable[[type[C]], type[C]]:
    """Make a class a nested value of the standard: without a key, always part of a record."""

    def make(cls: type[C]) -> type[C]:
        frozen = dataclass(frozen=True, kw_only=True, slots=True)(cls)
        frozen.__standard__ = {"zh": zh}  # type: ignore[attr-defined]
        describe(frozen)
        return frozen

    return make


_SPECS: dict[type[Any], RecordSpec] = {}


def describe(cls: type[Any]) -> RecordSpec:
    """Return the specification of a record or value class.

    Raises `TypeError` when a declaration breaks a rule of this module: a defect of the standard.
    """
    if cls not in _SPECS:
        _SPECS[cls] = _described(cls)
    return _SPECS[cls]


def _described(cls: type[Any]) -> RecordSpec:
    hints = get_type_hints(cls)
    standard = cls.__standard__
    scope, key = standard.get("scope"), standard.get("key", ())
    items = tuple(
        _item(cls, f.name, hints[f.name], f.metadata.get("facts"), (scope, f.name in key))
        for f in fields(cls)
    )
    return RecordSpec(
        cls=cls, name=cls.__name__, en=(cls.__doc__ or "").strip(), items=items, **cls.__standard__
    )


_KINDS: dict[Any, Kind] = {
    str: Kind.TEXT,
    int: Kind.INTEGER,
    Decimal: Kind.DECIMAL,
    bool: Kind.BOOLEAN,
    date: Kind.DATE,
    datetime: Kind.INSTANT,
    PartialDate: Kind.PARTIAL_DATE,
}


def _item(
    owner: type[Any], name: str, hint: Any, facts: Facts | None, of_rows: tuple[str | None, bool]
) -> Item:
    """Describe one item; `of_rows`: their scope, None for a value; whether their key has it."""
    scope, in_key = of_rows
    if facts is None or not facts.zh or not facts.en:
        raise TypeError(f"{owner.__name__}.{name} has no meaning in zh and en")
    optional = many = False
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
        optional = True
    if get_origin(hint) is tuple:
        hint, many = get_args(hint)[0], True
    if facts.grade is not Grade.L1 and not (optional or many):
        raise TypeError(f"{owner.__name__}.{name}: an item above L1 must be optional")
    code_list = hint if isinstance(hint, type) and issubclass(hint, CodeList) else None
    nested = describe(hint) if hasattr(hint, "__standard__") else None
    kind = Kind.CODE if code_list else Kind.VALUE if nested else _KINDS[hint]
    names_key = kind is Kind.TEXT and bool(in_key or facts.names_key or facts.ref or facts.names)
    if facts.multiline and (names_key or kind is not Kind.TEXT):
        raise TypeError(f"{owner.__name__}.{name}: only a text that is no key may break lines")
    if (facts.names_key or facts.names) and kind is not Kind.TEXT:
        raise TypeError(f"{owner.__name__}.{name}: only a text names a key")
    return Item(
        name=name,
        wire=camel(name),
        kind=kind,
        optional=optional,
        many=many,
        code_list=code_list,
        value=nested,
        facts=facts,
        scope=_scope(f"{owner.__name__}.{name}", facts, scope),
        names_key=names_key,
    )


def _scope(name: str, facts: Facts, of_rows: str | None) -> str:
    """Return the scope of an item: its own, that of its grade, for L3 that of the rows."""
    if of_rows is None:
        if facts.grade is not Grade.L1 or facts.scope:
            raise TypeError(f"{name}: a part of a value has the grade of the item that holds it")
        return PUBLIC_SCOPE
    scope = facts.scope or SCOPE_OF_GRADE.get(facts.grade, of_rows)
    if facts.grade is not Grade.L1 and scope not in DATASETS:
        raise TypeError(f"{name} is {facts.grade.name}: name its scope, one of {sorted(DATASETS)}")
    return scope

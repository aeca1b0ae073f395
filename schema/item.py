"""`item`: how a data item of the standard is declared, once, and how it is read back.

- `@record` and `@value` make frozen, keyword-only dataclasses in which every field is an `item`.
- `describe(cls)` returns the `RecordSpec`; tables, GraphQL types, JSON Schemas, the validator and
  the documentation are derived from it and from nothing else.
- An item that a scope above the public one protects is optional, so that hiding it never hides
  its record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from types import UnionType
from typing import Any, TypeVar, Union, dataclass_transform, get_args, get_origin, get_type_hints

from schema.codes import AgreementDataset, CodeList
from schema.dates import PartialDate
from schema.identifiers import Flaw

C = TypeVar("C")

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
    Grade.L1: "catalogue:read",
    Grade.L2: "asset:read",
    Grade.L3: "service:read",
    Grade.L4: "person:read",
}


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
    pattern: str | None = None
    length_max: int = TEXT_LENGTH_MAX
    minimum: int | None = None
    maximum: int | None = None
    filterable: bool = False
    sortable: bool = False
    search: bool = False
    multiline: bool = False
    """Prose that may break lines; every other text is a single line."""
    names_key: bool = False
    """The text names something by its key, or by part of one (`schema.keys`). What stands in a
    record's own key, and what has a `ref`, does so without saying it."""
    check: Callable[[str], Flaw | None] | None = None


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
    names_key: bool
    """It may hold only the characters that keys have."""

    @property
    def grade(self) -> Grade:
        """Data grade."""
        return self.facts.grade

    @property
    def scope(self) -> str:
        """OAuth scope that reveals the item."""
        return self.facts.scope or SCOPE_OF_GRADE[self.facts.grade]

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
    golden: bool = False
    confirmed: bool = False
    dataset: AgreementDataset | None = None
    checks: tuple[Callable[[dict[str, Any]], Sequence[tuple[str, Flaw]]], ...] = ()

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

    def owner_of(self, wire: dict[str, Any]) -> str:
        """Return the key of the institution that the record belongs to.

        An instrument key starts with its institution's key, so the owner needs no look-up.
        """
        for name in ("institutionKey", "providerKey"):
            if name in wire:
                return str(wire[name])
        return str(wire["instrumentKey"]).partition("/")[0]


@lru_cache(maxsize=1024)
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
    golden: bool = False,
    confirmed: bool = False,
    dataset: AgreementDataset | None = None,
    checks: tuple[Callable[[dict[str, Any]], Sequence[tuple[str, Flaw]]], ...] = (),
) -> Callable[[type[C]], type[C]]:
    """Make a class a record of the standard.

    `golden`: queries read a merged table. `confirmed`: an unchanged row still renews the time at
    which its source last said so. `dataset`: whole rows are shown by agreement only.
    """

    def make(cls: type[C]) -> type[C]:
        made = dataclass(frozen=True, kw_only=True, slots=True)(cls)
        made.__standard__ = {  # type: ignore[attr-defined]
            "zh": zh,
            "key": key,
            "prefix": prefix,
            "golden": golden,
            "confirmed": confirmed,
            "dataset": dataset,
            "checks": checks,
        }
        describe(made)
        return made

    return make


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(item,))
def value(zh: str) -> Callable[[type[C]], type[C]]:
    """Make a class a nested value of the standard: no key, no life of its own."""

    def make(cls: type[C]) -> type[C]:
        made = dataclass(frozen=True, kw_only=True, slots=True)(cls)
        made.__standard__ = {"zh": zh}  # type: ignore[attr-defined]
        describe(made)
        return made

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
    key = cls.__standard__.get("key", ())
    items = tuple(
        _item(cls, f.name, hints[f.name], f.metadata.get("facts"), in_key=f.name in key)
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


def _item(owner: type[Any], name: str, hint: Any, facts: Facts | None, *, in_key: bool) -> Item:
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
    names_key = kind is Kind.TEXT and (in_key or facts.names_key or facts.ref is not None)
    if facts.multiline and (names_key or kind is not Kind.TEXT):
        raise TypeError(f"{owner.__name__}.{name}: only a text that is no key may break lines")
    if facts.names_key and kind is not Kind.TEXT:
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
        names_key=names_key,
    )

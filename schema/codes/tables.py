"""Long code lists of other bodies: classes, assets, subjects, divisions, countries, money.

Each list is a TSV file beside this module whose first lines cite the standard and where the codes
were found. Files are read once, on first use; rows are immutable. Codes are text: leading zeros
count. A code is looked up under its scheme with version, because the same digits mean other things
elsewhere; asking a scheme that has no table here raises, since "not in a table" and "no table" are
different answers. Standards: GB/T 32847, GB/T 14885, GB/T 13745, GB/T 2260, GB/T 2659, ISO 4217.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType

from schema.dates import PartialDate
from schema.errors import StandardError

INSTRUMENT_CLASSES = "GB/T 32847-2016"
FIXED_ASSETS_2010 = "GB/T 14885-2010"
FIXED_ASSETS_2022 = "GB/T 14885-2022"
SUBJECTS = "GB/T 13745-2009"
MOE_ASSETS = "MOE-2012"

LONGEST_PATH = 8  # no scheme has more than four levels; a longer path is a fault of the file

_FOLDER = Path(__file__).parent
_FILES = MappingProxyType(
    {
        INSTRUMENT_CLASSES: "gbt32847_2016.tsv",
        FIXED_ASSETS_2010: "gbt14885_2010.tsv",
        SUBJECTS: "gbt13745_2009.tsv",
    }
)
_SHAPES = MappingProxyType(
    {
        INSTRUMENT_CLASSES: re.compile(r"[0-9]{6}"),
        FIXED_ASSETS_2010: re.compile(r"[0-9]{7}"),
        FIXED_ASSETS_2022: re.compile(r"A[0-9]{2,12}"),
        SUBJECTS: re.compile(r"[0-9]{3}"),
        MOE_ASSETS: re.compile(r"[0-9]{8}"),
    }
)

TABLED_SCHEMES = frozenset(_FILES)
KNOWN_SCHEMES = frozenset(_SHAPES)


class UnknownSchemeError(StandardError):
    """A scheme for which the standard holds no table, or none at all."""

    code = "SCHEME_UNKNOWN"


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class of a scheme; `parent` is the code above it, empty at the top level."""

    scheme: str
    code: str
    parent: str
    name: str


@dataclass(frozen=True, slots=True)
class Division:
    """One GB/T 2260 division; an absent bound means open. `register` is "GB/T 2260" or "NBS"."""

    code: str
    name: str
    valid_from: PartialDate | None
    valid_until: PartialDate | None
    register: str

    def valid_on(self, day: date) -> bool:
        """Whether the code holds that day; in the month or year of a change old and new do."""
        begun = self.valid_from is None or self.valid_from.first_day <= day
        ended = self.valid_until is not None and self.valid_until.last_day < day
        return begun and not ended


@dataclass(frozen=True, slots=True)
class Country:
    """One country or region of ISO 3166-1 with the other Chinese names in use for it."""

    alpha2: str
    alpha3: str
    numeric: str
    zh: str
    en: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Currency:
    """One currency of ISO 4217; `digits` is the count of its minor digits."""

    code: str
    numeric: str
    digits: int
    zh: str
    en: str


def scheme_name(scheme: str, version: str) -> str:
    """Join the two parts of a class code's origin: ("GB/T 32847", "2016") to one name."""
    return f"{scheme}-{version}"


def well_formed(scheme: str, code: str) -> bool:
    """Whether the code has the shape of its scheme. Raises `UnknownSchemeError` if not known."""
    shape = _SHAPES.get(scheme)
    if shape is None:
        raise UnknownSchemeError(_no_scheme(scheme, KNOWN_SCHEMES))
    return shape.fullmatch(code) is not None


def rows(scheme: str) -> tuple[ClassRow, ...]:
    """Every row of a scheme in the order of its file, repeats included.

    Raises `UnknownSchemeError` outside TABLED_SCHEMES.
    """
    if scheme not in _FILES:
        raise UnknownSchemeError(_no_scheme(scheme, TABLED_SCHEMES))
    return _class_rows(scheme)


def lookup(scheme: str, code: str) -> ClassRow | None:
    """Find the class with this code, None if the table has none.

    Where the list as found repeats a code (a group whose only class bears its own code), the row
    nearest to the top answers. Raises `UnknownSchemeError` outside TABLED_SCHEMES.
    """
    rows(scheme)
    return _class_index(scheme).get(code)


def is_known(scheme: str, code: str) -> bool:
    """Whether the table of the scheme holds the code. Raises as `lookup`."""
    return lookup(scheme, code) is not None


def parents(scheme: str, code: str) -> tuple[str, ...]:
    """Class path from the code up to the top: 010101, 010100, 010000. Empty for an unknown code.

    Raises as `lookup`.
    """
    path: list[str] = []
    row = lookup(scheme, code)
    while row is not None and row.code not in path and len(path) < LONGEST_PATH:
        path.append(row.code)
        row = lookup(scheme, row.parent)
    return tuple(path)


def division(code: str, on: date | None = None) -> Division | None:
    """Find a division of the four provinces that holds on a day, or that ever held without one."""
    known = divisions().get(code)
    if known is None or (on is not None and not known.valid_on(on)):
        return None
    return known


@cache
def divisions() -> Mapping[str, Division]:
    """All divisions of the four provinces by code, ended ones included."""
    return MappingProxyType(
        {
            code: Division(code, name, _date(start), _date(end), register)
            for code, name, start, end, register in _read("divisions.tsv", columns=5)
        }
    )


def country(text: str) -> Country | None:
    """Find a country by two letters, three letters, three digits, or Chinese name.

    "000" (unknown, in ministry tables) and anything else that is not listed give None.
    """
    return _country_index().get(text.strip().upper())


@cache
def countries() -> tuple[Country, ...]:
    """Every country and region, by two letters."""
    return tuple(
        Country(alpha2, alpha3, numeric, zh, en, tuple(aliases.split("|")) if aliases else ())
        for alpha2, alpha3, numeric, zh, en, aliases in _read("countries.tsv", columns=6)
    )


def currency(code: str) -> Currency | None:
    """Find a currency by its three letters."""
    return currencies().get(code)


@cache
def currencies() -> Mapping[str, Currency]:
    """Currencies in which instruments are bought, by three letters."""
    return MappingProxyType(
        {
            code: Currency(code, numeric, int(digits), zh, en)
            for code, numeric, digits, zh, en in _read("currencies.tsv", columns=5)
        }
    )


def _no_scheme(scheme: str, known: frozenset[str]) -> str:
    return f"no scheme {scheme!r} here; one of {', '.join(sorted(known))} is expected"


def _date(text: str) -> PartialDate | None:
    return PartialDate(text) if text else None


@cache
def _class_rows(scheme: str) -> tuple[ClassRow, ...]:
    file = _FILES[scheme]
    if scheme == INSTRUMENT_CLASSES:
        rows = tuple(
            ClassRow(scheme, code, parent, name) for code, parent, name in _read(file, columns=3)
        )
    else:
        rows = tuple(
            ClassRow(scheme, code, _asset_parent(scheme, code), name)
            for code, name in _read(file, columns=2)
        )
    return rows


def _asset_parent(scheme: str, code: str) -> str:
    """Derive the code above from the digits (1+2+2+2); the one-digit roots are not listed."""
    if scheme != FIXED_ASSETS_2010 or code.endswith("0000"):
        return ""
    return f"{code[:3]}0000" if code.endswith("00") else f"{code[:5]}00"


@cache
def _class_index(scheme: str) -> Mapping[str, ClassRow]:
    index: dict[str, ClassRow] = {}
    for row in sorted(_class_rows(scheme), key=lambda each: each.parent == each.code):
        index.setdefault(row.code, row)
    return MappingProxyType(index)


@cache
def _country_index() -> Mapping[str, Country]:
    return MappingProxyType(
        {
            key: each
            for each in countries()
            for key in (each.alpha2, each.alpha3, each.numeric, each.zh, *each.aliases)
        }
    )


def _read(file: str, *, columns: int) -> list[tuple[str, ...]]:
    """Rows of a code file: comment lines start with #, then one line of column names."""
    lines = (_FOLDER / file).read_text(encoding="utf-8").splitlines()
    cells = [tuple(line.split("\t")) for line in lines if not line.startswith("#")]
    faulty = [row for row in cells if len(row) != columns]
    if faulty:
        raise ValueError(f"{file}: {columns} columns are needed, found {faulty[0]!r}")
    return cells[1:]

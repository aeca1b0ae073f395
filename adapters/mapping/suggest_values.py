"""`ColumnProfile`: what a column looks like: its name, its unit and the values of its first rows.

A column is taken for what its name says where most of its values can be that; how many cannot is
said in the draft, and what they are is not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from adapters.mapping.errors import CellError
from adapters.mapping.moments import day, instant
from adapters.mapping.suggest_words import (
    EQUIPMENT,
    EQUIPMENT_NAME,
    FORMS,
    INSTITUTIONS,
    LEDGER_WORDS,
    PERSONAL_HEADERS,
    PERSONAL_SHAPES,
    RECORDS_OF_USE,
)
from adapters.mapping.table import Column, Content, Table, is_blank, match_text, text_of
from adapters.mapping.units import SIGNS, number_of
from schema.dates import SHANGHAI
from schema.item import Item, Kind

SAMPLED_MAX = 500
"""Rows whose values are looked at."""
CODES_MAX = 40
"""Different values up to which a column is taken for codes."""
MOSTLY = 0.9
GOOD_MIN = 0.5
"""Share of the values that must be what the name of their column says."""
SHAPED_MAX = 200
"""Longest text that is compared with shapes; addresses, telephones and names are shorter."""
_UNIT = re.compile(r"^(?P<name>.*?)[(\[（【](?P<unit>[^)\]）】]{0,40})[)\]）】]\s*$")


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What a column looks like."""

    column: Column
    name: str
    unit: str
    cells: tuple[Content, ...]

    @property
    def texts(self) -> list[str]:
        """Return its values as texts."""
        return [text_of(cell) for cell in self.cells]

    @property
    def distinct(self) -> list[str]:
        """Return its different values."""
        return list(dict.fromkeys(self.texts))


def profile_of(table: Table, column: Column) -> ColumnProfile:
    """Look at a column."""
    at = column.position - 1
    cells = (row.cells[at] for row in table.rows[:SAMPLED_MAX] if at < len(row.cells))
    unit_match = _UNIT.match(column.name)
    name = unit_match["name"] if unit_match and unit_match["name"] else column.name
    unit = unicodedata.normalize("NFKC", unit_match["unit"]).strip() if unit_match else ""
    return ColumnProfile(column, name, unit, tuple(cell for cell in cells if not is_blank(cell)))


def has_shape(shape: re.Pattern[str], text: str) -> bool:
    """Tell whether a text has a shape."""
    return len(text) <= SHAPED_MAX and shape.fullmatch(text) is not None


def is_personal(profile: ColumnProfile) -> bool:
    """Tell whether a column is about persons, by its name or by what most values are."""
    if match_text(profile.name) in PERSONAL_HEADERS:
        return True
    texts = profile.texts
    hits = sum(any(has_shape(shape, text) for shape in PERSONAL_SHAPES) for text in texts)
    return bool(texts) and hits * 2 >= len(texts)


def are_institutions(profile: ColumnProfile) -> bool:
    """Tell whether most values are names of institutions."""
    hits = sum(has_shape(INSTITUTIONS, text) for text in profile.texts)
    return hits * 2 > len(profile.texts)


def is_equipment_list(profiles: Sequence[ColumnProfile]) -> bool:
    """Tell whether a table lists instruments: it names them, and says what a ledger says of them.

    What happened with them (times, charges) makes it a list of something else.
    """
    names = [match_text(each.name) for each in profiles]
    if any(RECORDS_OF_USE.search(name) for name in names):
        return False
    is_named = any(EQUIPMENT_NAME.search(name) for name in names)
    if is_named and any(LEDGER_WORDS.search(name) for name in names):
        return True
    titles = [each for each in profiles if match_text(each.name) in ("名称", "name", "品名")]
    return any(are_equipment(each) for each in titles)


def are_equipment(profile: ColumnProfile) -> bool:
    """Tell whether most values are names of instruments."""
    hits = sum(has_shape(EQUIPMENT, text) for text in profile.texts)
    return hits * 2 > len(profile.texts)


def holds(profile: ColumnProfile, item: Item) -> bool:
    """Tell whether most values of a column could be an item's."""
    if item.code_list is not None:
        return len(profile.distinct) <= CODES_MAX
    return good_share(profile, item) >= GOOD_MIN


def good_share(profile: ColumnProfile, item: Item) -> float:
    """Return the share of the values that could be an item's, in the best form there is."""
    if not profile.cells:
        return 1.0
    if item.kind in (Kind.INTEGER, Kind.DECIMAL):
        return _share(profile, lambda cell: _amount(text_of(cell)))
    if item.kind in (Kind.DATE, Kind.PARTIAL_DATE, Kind.INSTANT):
        return max(_shares(profile, item).values())
    return 1.0


def _share(profile: ColumnProfile, read: Callable[[Content], object]) -> float:
    good = 0
    for cell in profile.cells:
        try:
            read(cell)
        except CellError:
            continue
        good += 1
    return good / len(profile.cells)


def _shares(profile: ColumnProfile, item: Item) -> dict[str | None, float]:
    """Return the share of the values that have each form; None is one that needs no statement."""

    def reader(form: str | None) -> Callable[[Content], object]:
        def read(cell: Content) -> object:
            plain = text_of(cell) if isinstance(cell, list) else cell
            if item.kind is Kind.INSTANT:
                return instant(plain, form, SHANGHAI)
            return day(plain, form, SHANGHAI, partial=item.kind is Kind.PARTIAL_DATE)

        return read

    plain = _share(profile, reader(None))
    if plain >= MOSTLY:
        return {None: plain}
    return {None: plain, **{form: _share(profile, reader(form)) for form in FORMS}}


def forms_of(profile: ColumnProfile, item: Item) -> list[str | None]:
    """Return the forms that most values have, where several do as many; None needs no statement."""
    if not profile.cells:
        return [None]
    shares = _shares(profile, item)
    most = max(shares.values())
    if most < GOOD_MIN:
        return []
    return [None] if shares[None] == most else [f for f, share in shares.items() if share == most]


def odd_ones(profile: ColumnProfile, item: Item) -> int:
    """Return how many values cannot be an item's, in the best form there is."""
    return round(len(profile.cells) * (1 - good_share(profile, item)))


def unique_ones(profiles: Iterable[ColumnProfile]) -> list[str]:
    """Return the names of columns that differ in every row."""
    return [
        each.column.name
        for each in profiles
        if len(each.cells) > 1 and len(each.distinct) == len(each.cells)
    ]


def _amount(text: str) -> Decimal:
    """Read a number of any kind; of which money it is, the draft does not know."""
    currency = next((min(known) for sign, known in SIGNS.items() if sign in text), None)
    return number_of(text, currency=currency)

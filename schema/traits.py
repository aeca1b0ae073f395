"""`traits`: the roles of a record type (calendar, price list, …), declared on the record.

Code that needs a kind of record asks the registry for the records with a trait; no code compares
the names of records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schema.identifiers import Flaw

Wire = Mapping[str, Any]
RecordKey = tuple[str, str]
"""Record type and key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """Pages of the record are read from narrow rows: one for each class, in the order of a name.

    `classes`, `order`: items; `facets`: items that a page is narrowed by.
    """

    classes: str
    order: str
    facets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Faceted:
    """Rows that match can be counted by value: `by` pairs names with items or computed columns."""

    by: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Located:
    """The record has a place: a GB/T 2260 code in `division`, or inside the value `division`."""

    division: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Related:
    """A relation that no single reference states; `on` pairs items of the other with own ones."""

    name: str
    record: str
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Linkable:
    """Its key may be joined with another one: a party's key, or `<party>/<number>`.

    `identifiers`: the item with identifiers that others gave; `plate`: items that tell one thing
    from all others when they agree together.
    """

    identifiers: str
    plate: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Joins:
    """States whether two keys of one record type name one thing; items by name."""

    record: str
    first: str
    second: str
    relation: str
    stated_by: str


@dataclass(frozen=True, slots=True)
class Findable:
    """One record is asked for by a root field of its own, by these ways: id, key, number."""

    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listable:
    """All records of the type are listed by a root field."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A unit without an interface reports it on a sheet of the monthly workbook."""


@dataclass(frozen=True, slots=True)
class Bookable:
    """It has a calendar and prices, stated by records with the four traits below."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Opens:
    """States when something bookable is open on a day of the week."""

    of: str
    weekday: str
    periods: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OpensOn:
    """States when something bookable is open on the days `first` to `last`, whatever weekday."""

    of: str
    first: str
    last: str
    periods: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Occupies:
    """States that something bookable is taken from `start` to `end`."""

    of: str
    start: str
    end: str
    certainty: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Covers:
    """States that its source reported every occupancy from `start` to `end`."""

    of: str
    start: str
    end: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """States a price of something bookable."""

    of: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Watches:
    """States that a sensor watches something from `start` to `end`, if that is known.

    Readings before the day `valid_from`, where it is stated, count for nothing.
    """

    of: str
    sensor: str
    start: str
    valid_from: str
    end: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Powered:
    """States when something was on or in use; who may read `states` may read how it stands now."""

    of: str
    states: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Grants:
    """Lets a party see its owner's protected items; items by name."""

    consumer: str
    dataset: str
    fields: str
    since: str
    until: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Supervises:
    """Puts a thing under the supervision of an office for a term; items by name.

    The term runs from `released`, or from `arrived` at the latest, for as long as the law says of
    its `kind`, unless it was `settled` before. What the office sees by it is declared with the
    rows (`schema.visibility.Supervised`).
    """

    office: str
    thing: str
    kind: str
    released: str
    arrived: str
    settled: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Erases:
    """States that the content of another record was erased; items by name.

    `told`: the parties that the content named, beside owner and issuer.
    """

    record: str
    authority: str
    key: str
    told: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Progresses:
    """It comes into one state after another; `at` names the item that says since when.

    What is older by that item than what its source stated before never replaces it, whenever it
    arrives: messages are late, come twice and overtake each other. Of one moment the later arrival
    counts, as a correction.
    """

    at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LastWord:
    """What its source said last counts, its withdrawal among that.

    So of a permission that was revoked, or of supervision that customs ended early.
    What was said earlier, as of its own time, neither replaces what stands nor states anew what was
    withdrawn, whenever it arrives. A withdrawal is always taken: in doubt there is no permission.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundByDigits:
    """Records are found by the digits alone of an item, however people write the number."""

    item: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundTogether:
    """Records are found by several items together, or by their key whoever says them."""

    items: tuple[tuple[str, ...], ...]
    """Groups of items, or `key`; first what is compared for being equal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardedChange:
    """What a guard judges: a record as it stands, and what somebody wants it to be."""

    previous: Wire | None
    """What stands; None where nothing does, also after a withdrawal."""
    next: Wire | None
    """None for a withdrawal."""
    rows: Mapping[RecordKey, Wire | None]
    """The records that `locks` named, as they stand; nothing changes them meanwhile."""
    at: datetime


def _always(_: str) -> bool:
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Guarded:
    """The record is changed only where its guard allows it, one change at a time.

    `guard` is pure and returns what forbids the change, or None. `locks` takes the wire object of
    the change and names the records that the guard must look at; they are locked in sorted order,
    with the record itself, before anything is read.
    """

    guard: Callable[[GuardedChange], Flaw | None]
    locks: Callable[[Wire], Sequence[RecordKey]]
    applies: Callable[[str], bool] = _always
    """Which records of the type are guarded, by their key; by default all."""

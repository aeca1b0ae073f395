"""`drifts`: the tables of how the lists of a source look, and of what changed in them.

What counts as a change is decided in `hub.harvest.drift`. Of values no more is kept than kinds,
counts and one median, and the codes that no table knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from hub.store.database import Database

__all__ = [
    "DriftRow",
    "FieldForm",
    "accept_drifts",
    "accepted_drifts",
    "drifts_of",
    "forms_of",
    "keep_form",
    "note_drifts",
]

DriftKey = tuple[str, str, str, str]
"""List, kind, field, detail."""
SHOWN_MAX = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldForm:
    """How one field of a list looked when the list was last read whole."""

    filled: int
    rows: int
    kinds: frozenset[str]
    numbers: int = 0
    median: float | None = None
    head: float | None = None
    """The median of the first rows alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftRow:
    """One change in the form of a list."""

    collection: str
    kind: str
    field: str
    detail: str
    record_types: Sequence[str]
    rows: int
    done: str
    run_id: str
    first_at: datetime
    last_at: datetime
    accepted_at: datetime | None = None

    @property
    def key(self) -> DriftKey:
        """What tells it from the other changes of its source."""
        return (self.collection, self.kind, self.field, self.detail)


async def forms_of(database: Database, source: str) -> dict[str, dict[str, FieldForm]]:
    """Return how the lists of a source looked, by list and field."""
    rows = await database.writes.fetch_all(
        "SELECT collection, field, filled, rows, kinds, numbers, median, head FROM list_field "
        "WHERE source = %s",
        (source,),
    )
    forms: dict[str, dict[str, FieldForm]] = {}
    for collection, field, filled, count, kinds, *sizes in rows:
        numbers, median, head = sizes
        forms.setdefault(collection, {})[field] = FieldForm(
            filled=filled,
            rows=count,
            kinds=frozenset(kinds),
            numbers=numbers,
            median=median,
            head=head,
        )
    return forms


async def keep_form(
    database: Database,
    source: str,
    collection: str,
    form: Mapping[str, FieldForm],
    now: datetime,
) -> None:
    """Keep how a list looks now, in place of how it looked before."""
    async with database.writes.transaction() as connection, connection.cursor() as cursor:
        await cursor.execute(
            "DELETE FROM list_field WHERE source = %s AND collection = %s", (source, collection)
        )
        await cursor.executemany(
            "INSERT INTO list_field (source, collection, field, filled, rows, kinds, numbers, "
            "median, head, as_of) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    *(source, collection, name, one.filled, one.rows, sorted(one.kinds)),
                    *(one.numbers, one.median, one.head, now),
                )
                for name, one in sorted(form.items())
            ],
        )


_COLUMNS = tuple(each.name for each in fields(DriftRow))
_NOTE = """
INSERT INTO drift (source, collection, kind, field, detail, record_types, rows, done, run_id,
  first_at, last_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (source, collection, kind, field, detail) DO UPDATE SET
  record_types = EXCLUDED.record_types, rows = EXCLUDED.rows, done = EXCLUDED.done,
  run_id = EXCLUDED.run_id, last_at = EXCLUDED.last_at,
  accepted_at = CASE WHEN EXCLUDED.kind = ANY(%s) THEN drift.accepted_at END
"""


async def note_drifts(
    database: Database, source: str, drifts: Iterable[DriftRow], lasting: Sequence[str]
) -> None:
    """Write what a run saw changed; one that was seen before keeps when it was first seen.

    `lasting`: kinds whose acceptance lasts; of the others a change that comes again is a new one.
    """
    rows: list[tuple[Any, ...]] = [
        (
            *(source, each.collection, each.kind, each.field, each.detail),
            *(list(each.record_types), each.rows, each.done, each.run_id),
            *(each.first_at, each.last_at, list(lasting)),
        )
        for each in drifts
    ]
    if rows:
        async with database.writes.transaction() as connection, connection.cursor() as cursor:
            await cursor.executemany(_NOTE, rows)


async def accepted_drifts(database: Database, source: str) -> set[DriftKey]:
    """Return the changes that the operator has accepted."""
    rows = await database.writes.fetch_all(
        "SELECT collection, kind, field, detail FROM drift "
        "WHERE source = %s AND accepted_at IS NOT NULL",
        (source,),
    )
    return {(collection, kind, field, detail) for collection, kind, field, detail in rows}


async def drifts_of(database: Database, source: str) -> list[DriftRow]:
    """Return what changed in the lists of a source, the newest first."""
    rows = await database.writes.fetch_all(
        f"SELECT {', '.join(_COLUMNS)} FROM drift WHERE source = %s "  # noqa: S608 - own words
        "ORDER BY last_at DESC, collection, kind, field, detail LIMIT %s",
        (source, SHOWN_MAX),
    )
    return [DriftRow(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]


async def accept_drifts(database: Database, source: str, now: datetime) -> int:
    """Accept every change that is not yet; the fields are learnt anew by the next whole reading."""
    async with database.writes.transaction() as connection:
        await connection.execute(
            "DELETE FROM list_field f USING drift d WHERE f.source = %s AND d.source = f.source "
            "AND d.collection = f.collection AND d.field = f.field AND d.accepted_at IS NULL",
            (source,),
        )
        accepted = await connection.execute(
            "UPDATE drift SET accepted_at = %s WHERE source = %s AND accepted_at IS NULL",
            (now, source),
        )
        return accepted.rowcount

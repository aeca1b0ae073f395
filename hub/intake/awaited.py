"""`awaited`: records that speak of something nobody has stated yet; they go in, and are told.

- A use or a service may come before the instrument that it is of: refused, it would be lost; taken
  in silence, a mistyped number would never be found. So its sender gets `REFERENCE_UNKNOWN` in
  `warnings[]`, and it settles by itself once the instrument comes, from whichever source.
- This is asked of records whose owner follows from the key of another record (`owner_of_key_in`):
  what they say is about that one.
- What is awaited is kept as keys; how many records wait for them is counted when somebody asks, so
  corrected and withdrawn records count no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.identity.links import Names
from hub.intake.decide import Decided
from hub.intake.prepare import Prepared
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.many_texts import ALL_TEXTS, EACH_TEXT, many_texts
from hub.store.records import StoredRecords
from schema.errors import Problem
from schema.item import Item, RecordSpec

__all__ = ["CODE", "awaiting_rows", "note_awaited", "subject_of"]

CODE = "REFERENCE_UNKNOWN"
_KEEP = (
    "INSERT INTO awaited (source, record_type, names, key, first_at) "  # noqa: S608 - constants
    f"SELECT %s, %s, %s, k, %s FROM {EACH_TEXT} k ON CONFLICT DO NOTHING"
).encode()
_SETTLE = (
    f"DELETE FROM awaited WHERE names = %s AND key = ANY({ALL_TEXTS})"  # noqa: S608 - constants
).encode()


def subject_of(spec: RecordSpec) -> Item | None:
    """Return the item with the key of what a record is about, None where it is about itself."""
    if spec.owner is None or not spec.owner.is_key_of_owned:
        return None
    item = spec.item(spec.owner.item)
    return item if item.facts.ref is not None else None


@dataclass(frozen=True, slots=True)
class Noting:
    """One batch, as far as it is looked at here."""

    connection: Connection
    records: StoredRecords
    names: Names
    source: str
    now: datetime


async def note_awaited(noting: Noting, decided: Mapping[str, Decided]) -> None:
    """Warn of rows whose subject is unknown, keep its key, and settle what comes in this batch."""
    came = {name: set(_came(noting, name, each)) for name, each in decided.items()}
    for name, keys in came.items():
        if keys:
            await noting.connection.execute(_SETTLE, (name, many_texts(sorted(keys))))
    for name, each in decided.items():
        spec = noting.records.tables[name].spec
        item = subject_of(spec)
        if item is None or item.facts.ref is None:
            continue
        rows = _by_subject(noting, item, each)
        unknown = await _unknown(noting, item.facts.ref, rows.keys() - came.get(item.facts.ref, ()))
        for key in unknown:
            for row in rows[key]:
                row.warnings = (*row.warnings, _warning(noting, item, row))
        if unknown:
            written = {id(entry.row) for entry in each.entries}
            kept = [key for key in unknown if any(id(row) in written for row in rows[key])]
            parameters = (noting.source, name, item.facts.ref, noting.now, many_texts(kept))
            await noting.connection.execute(_KEEP, parameters)


def _came(noting: Noting, name: str, decided: Decided) -> Iterator[str]:
    """Yield the keys of records that are stated in this batch, as they are called."""
    if noting.records.tables[name].golden is None:
        return
    for entry in decided.entries:
        if not entry.row.withdrawal and entry.row.key is not None:
            yield noting.names.of(name, entry.row.key)


def _by_subject(noting: Noting, item: Item, decided: Decided) -> dict[str, list[Prepared]]:
    found: defaultdict[str, list[Prepared]] = defaultdict(list)
    taken = [entry.row for entry in decided.entries] + [row for row, _ in decided.duplicates]
    for row in taken:
        if row.wire and not row.withdrawal:
            row.warnings = [each for each in row.warnings if each.code != CODE]  # of an attempt
            found[noting.names.of(item.facts.ref or "", row.wire[item.wire])].append(row)
    return found


async def _unknown(noting: Noting, name: str, keys: set[str]) -> list[str]:
    golden = noting.records.tables[name].golden
    if golden is None or not keys:
        return []
    cursor = await noting.connection.execute(
        f"SELECT k FROM {EACH_TEXT} k "  # noqa: S608 - own name
        f"WHERE NOT EXISTS (SELECT FROM {golden.name} g WHERE g.key = k) ORDER BY k".encode(),
        (many_texts(sorted(keys)),),
    )
    return [key for (key,) in await cursor.fetchall()]


def _warning(noting: Noting, item: Item, row: Prepared) -> Problem:
    spec = noting.records.tables[item.facts.ref or ""].spec
    assert row.wire is not None
    return Problem(
        item.wire,
        CODE,
        f"平台尚无该{spec.zh}的记录，已收下，待其报送后自动对应；请核对编号是否有误",
        f"no {spec.name} is known under this key; the row was taken and settles once it comes: "
        "check the number",
        str(row.wire[item.wire]),
    )


async def awaiting_rows(database: Database) -> dict[str, int]:
    """Return by source how many of its records speak of something that nobody has stated."""
    counted: dict[str, int] = {}
    for tables in database.records.tables.values():
        item = subject_of(tables.spec)
        if item is None:
            continue
        rows: Sequence[tuple[str, int]] = await database.writes.fetch_all(
            "SELECT a.source, count(*)::bigint FROM awaited a "  # noqa: S608 - own names
            f"JOIN {tables.source.name} s ON s.{item.name} = a.key AND s.source = a.source "
            "WHERE a.record_type = %s AND NOT s.withdrawn GROUP BY a.source",
            (tables.spec.name,),
        )
        for source, count in rows:
            counted[source] = counted.get(source, 0) + count
    return counted

"""`ended`: the rows by which a record ends whose end is a state, as soon as its source says so.

- What stands is withdrawn as of the moment at which the source said it.
- What the source never told before is stated and withdrawn in one batch: an older message that says
  that it stands may still come, and must find that it ended.
- What has ended already is left alone: messages come twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from adapters._adapter import Removed
from hub.harvest.limits import BATCH_ROWS_MAX
from hub.store.database import Database

__all__ = ["ended_rows"]


async def ended_rows(
    database: Database, source: str, ended: Sequence[Removed], at: str
) -> list[list[Any]]:
    """Return batches that withdraw what ended, as of `at`, in wire form."""
    by_type: dict[str, dict[str, Removed]] = defaultdict(dict)
    for each in ended:
        by_type[each.type][each.key] = each
    known_rows: list[Any] = []
    new_rows: list[Any] = []
    for name, of_type in by_type.items():
        known = await _standing(database, name, source, list(of_type))
        for key, each in of_type.items():
            last = {"type": name, "withdraw": {"key": key, "reason": each.reason, "at": at}}
            if key not in known:
                new_rows += [{"type": name, "record": each.record}, last]
            elif not known[key]:
                known_rows.append(last)
    return [*_parts(known_rows), *_parts(new_rows)]


def _parts(rows: list[Any]) -> Iterator[list[Any]]:
    """Yield batches of an even number of rows: nobody sees what ended stand in between."""
    size = BATCH_ROWS_MAX // 2 * 2
    return (rows[at : at + size] for at in range(0, len(rows), size))


async def _standing(
    database: Database, record_type: str, source: str, keys: list[str]
) -> dict[str, bool]:
    """Return which of these keys the source has told, and whether each is withdrawn."""
    table = database.records.tables[record_type].source.name
    rows = await database.writes.fetch_all(
        f"SELECT key, withdrawn FROM {table} WHERE source = %s AND key = ANY(%s)",  # noqa: S608 - own name
        (source, keys),
    )
    return dict(rows)

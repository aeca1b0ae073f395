"""`decide`: which rows are new, which repeat what is known, which revision each becomes; pure.

- A row equal to the CURRENT digest of its (source, key) is a duplicate; anything else is the next
  revision and names the commitment before it. So A, B, A is three revisions, in one batch as in
  three.
- A row is refused when its source may not state it, or when a guard forbids the change; rows are
  judged in their order, each by what the one before it left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hub.intake.guard import Context, Current, Speaker, may_not_change, may_not_state
from hub.intake.prepare import Prepared
from schema.errors import Problem


@dataclass(slots=True)
class Entry:
    """A revision to be written. `last`: no later row of the batch replaces it."""

    row: Prepared
    current: Current
    previous: Current | None
    last: bool = True


@dataclass(slots=True)
class Decided:
    """What a batch amounts to for one record type."""

    entries: list[Entry]
    duplicates: list[tuple[Prepared, Current]]
    refused: list[tuple[Prepared, Problem]]


def decide(
    rows: Iterable[Prepared], known: Mapping[str, Current], speaker: Speaker, context: Context
) -> Decided:
    """Decide on the rows of one record type, in their order.

    Entry ids are given later: the `Current` of an entry and of rows that repeat it is one object.
    """
    standing = dict(known)
    latest: dict[str, Entry] = {}
    decided = Decided([], [], [])
    for row in rows:
        assert row.key is not None
        current = standing.get(row.key)
        found = may_not_state(row, current, speaker)
        if found is None and current is not None and current.digest == row.digest:
            decided.duplicates.append((row, current))
            continue
        found = found or may_not_change(row, current, context)
        if found is not None:
            decided.refused.append((row, found))
            continue
        revision = current.revision + 1 if current else 1
        made = Current(row.digest, 0, revision, row.withdrawal, row.owner, row.issuer)
        entry = Entry(row, made, current)
        if row.key in latest:
            latest[row.key].last = False
        latest[row.key], standing[row.key] = entry, made
        decided.entries.append(entry)
    return decided

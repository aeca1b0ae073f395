"""`decide`: which rows are new, which repeat what is known, which revision each becomes; pure.

- A row equal to the CURRENT digest of its (source, key) is a duplicate; anything else is the next
  revision and names the digest before it. So A, B, A is three revisions, in one batch as in three.
- Withdrawing what is withdrawn is a duplicate; withdrawing what was never there is a problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hub.errors import ErrorCode
from hub.intake.prepare import Prepared, problem
from schema.errors import Problem


@dataclass(slots=True)
class Current:
    """What stands for a (source, key): in the store, or from an earlier row of the batch."""

    digest: bytes
    entry_id: int
    revision: int
    withdrawn: bool


@dataclass(slots=True)
class Entry:
    """A revision to be written. `last`: no later row of the batch replaces it."""

    row: Prepared
    current: Current
    previous: bytes | None
    last: bool = True


@dataclass(slots=True)
class Decided:
    """What a batch amounts to for one record type."""

    entries: list[Entry]
    duplicates: list[tuple[Prepared, Current]]
    refused: list[tuple[Prepared, Problem]]


def decide(rows: Iterable[Prepared], known: Mapping[str, Current]) -> Decided:
    """Decide on the rows of one record type, in their order.

    Entry ids are given later: the `Current` of an entry and of rows that repeat it is one object.
    """
    standing = dict(known)
    latest: dict[str, Entry] = {}
    decided = Decided([], [], [])
    for row in rows:
        assert row.key is not None
        current = standing.get(row.key)
        if row.withdrawal and current is None:
            told = problem("withdraw.key", ErrorCode.WITHDRAW_UNKNOWN, row.key)
            decided.refused.append((row, told))
            continue
        if current is not None and (
            current.digest == row.digest or (row.withdrawal and current.withdrawn)
        ):
            decided.duplicates.append((row, current))
            continue
        made = Current(row.digest, 0, current.revision + 1 if current else 1, row.withdrawal)
        entry = Entry(row, made, current.digest if current else None)
        if row.key in latest:
            latest[row.key].last = False
        latest[row.key], standing[row.key] = entry, made
        decided.entries.append(entry)
    return decided

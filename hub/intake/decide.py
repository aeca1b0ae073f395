"""`decide`: which rows are new, which repeat what is known, which revision each becomes; pure.

- A row equal to the CURRENT digest of its (source, authority, key) is a duplicate; anything else is
  the next revision and names the commitment before it. So A, B, A is three revisions, in one batch
  as in three.
- A duplicate with a stronger assurance than the current revision is a revision too, a PROVEN one.
- A row is refused when its source may not state it, or when a guard forbids the change; rows are
  judged in their order, each against the state that the one before it left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hub.intake.guard import (
    Current,
    GuardContext,
    Speaker,
    may_not_change,
    may_not_state,
    reached,
    said,
)
from hub.intake.prepare import Prepared
from schema.codes import Assurance
from schema.errors import Problem


@dataclass(slots=True)
class Entry:
    """A revision to be written. `last`: no later row of the batch replaces it."""

    row: Prepared
    current: Current
    previous: Current | None
    last: bool = True
    proven: bool = False
    """The content is that of the revision before it; the assurance is stronger."""


@dataclass(slots=True)
class Decided:
    """What a batch amounts to for one record type."""

    entries: list[Entry]
    duplicates: list[tuple[Prepared, Current]]
    refused: list[tuple[Prepared, Problem]]


ClaimKey = tuple[str, str]
"""Authority and key of a record that one source states."""
_ASSURANCES = tuple(reversed(Assurance))  # weakest first


def decide(
    rows: Iterable[Prepared],
    known: Mapping[ClaimKey, Current],
    speaker: Speaker,
    context: GuardContext,
    assurance: Assurance,
) -> Decided:
    """Decide on the rows of one record type, in their order.

    `assurance` is what vouches for rows that are not signed themselves.

    Entry ids follow when entries are written: an entry and the rows that repeat it share one
    `Current`, in which the id is set.
    """
    standing = dict(known)
    latest: dict[ClaimKey, Entry] = {}
    decided = Decided([], [], [])
    for row in rows:
        assert row.key is not None
        name = (row.authority, row.key)
        current = standing.get(name)
        vouched = Assurance.PRODUCER_SIGNED if row.key_id else assurance
        problem = may_not_state(row, current, speaker)
        proven = False
        if problem is None and current is not None and current.digest == row.digest:
            proven = _is_stronger(current, vouched)
            if not proven:
                decided.duplicates.append((row, current))
                continue
        problem = problem or (None if proven else may_not_change(row, current, context))
        if problem is not None:
            decided.refused.append((row, problem))
            continue
        revision = current.revision + 1 if current else 1
        next_current = Current(
            row.digest, 0, revision, row.withdrawal, row.owner, row.issuer, vouched.value
        )
        next_current.reached, next_current.said = reached(row), said(row, context.as_of)
        entry = Entry(row, next_current, current, proven=proven)
        if name in latest:
            latest[name].last = False
        latest[name], standing[name] = entry, next_current
        decided.entries.append(entry)
    return decided


def _is_stronger(current: Current, vouched: Assurance) -> bool:
    known = Assurance[current.assurance]
    return _ASSURANCES.index(vouched) > _ASSURANCES.index(known)

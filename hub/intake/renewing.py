"""`renewing`: what a source says again, word for word: nothing is new but when it was said.

- Whoever asks a source for all that it knows of something, and is told what stands, needs no
  batch: one statement looks whether exactly this stands and then says so in `heard`, as a batch of
  the same rows would. Where anything else stands, or the source may not state it any more, it does
  nothing, and the rows are submitted.
- Comparing and writing are one statement, and so see one state: a row that another door changes
  meanwhile is either seen, or was changed after what is said here was true.
- What many say at once goes in one statement (`hub.store.together`), which does not wait for the
  disk: what a crash loses of it is when something was heard, never what. A source is then asked
  once more than it had to be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

import psycopg

from hub.store.database import Database
from hub.store.together import Together
from schema.traits import Covers, Occupies

__all__ = ["CalendarSaid", "Renewals", "fingerprint", "renewal_statement"]


def fingerprint(rows: Mapping[str, bytes]) -> str:
    """Return the hash over the keys of some records, each with the digest of its content."""
    lines = (f"{key} {rows[key].hex()}" for key in sorted(rows))
    return sha256("\n".join(lines).encode()).hexdigest()


_FINGERPRINT = (
    "encode(sha256(convert_to(coalesce(string_agg("
    "s.key || ' ' || encode(s.digest,'hex'),E'\\n' ORDER BY s.key COLLATE \"C\"),''),'UTF8')),"
    "'hex')"
)
"""The same of rows `s`, in SQL."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarSaid:
    """All that a source says takes time at one instrument within a window."""

    record_type: str
    source: str
    key: str
    """The key by which queries know the instrument."""
    own_key: str
    """The key by which the source names it."""
    since: datetime
    until: datetime
    rows: str
    """Fingerprint of what takes time."""
    coverage: str
    """Fingerprint of what it says it covers …"""
    coverage_keys: tuple[str, ...]
    """… and the keys of it; at least one."""
    as_of: datetime


class Renewals:
    """Says in the store when sources said again what stands."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._of_type: dict[str, Together[CalendarSaid, bool]] = {}
        self._statements: dict[str, str] = {}

    async def of(self, said: CalendarSaid) -> bool:
        """Return whether exactly this stands, and then note that it was said; else do nothing."""
        assert said.coverage_keys, "without coverage nothing says when it was said"
        together = self._of_type.get(said.record_type)
        if together is None:
            renew = partial(self._renew, said.record_type)
            together = self._of_type[said.record_type] = Together(renew)
        return await together.of(said)

    async def aclose(self) -> None:
        """Cancel what is under way."""
        for each in self._of_type.values():
            await each.aclose()

    async def _renew(self, record_type: str, said: Sequence[CalendarSaid]) -> Sequence[bool]:
        asked = [_wire(number, each) for number, each in enumerate(said)]
        statement = self._statements.get(record_type)
        if statement is None:
            statement = self._statements[record_type] = renewal_statement(
                self._database, record_type
            )
        try:
            rows = await self._database.writes.fetch_all(statement, (json.dumps(asked),))
        except psycopg.errors.DeadlockDetected:
            return [False] * len(said)  # others write of the same: a batch takes its turn
        renewed = {number for (number,) in rows}
        return [number in renewed for number in range(len(said))]


def _wire(number: int, said: CalendarSaid) -> dict[str, Any]:
    return {
        "n": number,
        "source": said.source,
        "key": said.key,
        "own_key": said.own_key,
        "since": said.since.isoformat(),
        "until": said.until.isoformat(),
        "rows": said.rows,
        "coverage": said.coverage,
        "keys": said.coverage_keys,
        "as_of": said.as_of.isoformat(),
    }


def renewal_statement(database: Database, record_type: str) -> str:
    """Return the statement that renews what a JSON list says; it gives the places of what stood."""
    records = database.records
    table = records.tables[record_type].source.name
    takes = records.registry[record_type].trait(Occupies)
    assert takes is not None, "calendars are of what takes time"
    ((coverage, covers),) = records.registry.with_trait(Covers)
    covered = records.tables[coverage.name].source.name
    return (
        "WITH asked AS MATERIALIZED (SELECT a.* FROM jsonb_to_recordset(%s::jsonb) AS a("  # noqa: S608 - names of the registry
        "n int,source text,key text,own_key text,since timestamptz,until timestamptz,rows text,"
        "coverage text,keys text[],as_of timestamptz)"
        " JOIN source o ON o.source_id = a.source AND o.active"
        " AND (o.owners IS NULL OR split_part(a.own_key,'/',1) = ANY(o.owners))),"
        " same AS MATERIALIZED (SELECT a.n,a.as_of,c.entries FROM asked a,"
        f" LATERAL (SELECT {_FINGERPRINT} AS found FROM {table} s"
        f" WHERE s.source = a.source AND s.{takes.of} = a.key"
        " AND starts_with(s.key,a.own_key || '/') AND NOT s.withdrawn"
        f" AND s.{takes.end} > a.since AND s.{takes.start} < a.until) r,"
        f" LATERAL (SELECT {_FINGERPRINT} AS found,array_agg(s.entry_id) AS entries"
        f" FROM {covered} s WHERE s.source = a.source AND s.{covers.of} = a.key"
        " AND s.key = ANY(a.keys) AND NOT s.withdrawn) c"
        " WHERE r.found = a.rows AND c.found = a.coverage),"
        " noted AS (INSERT INTO heard SELECT e,max(as_of) FROM same,unnest(entries) e,"
        " (SELECT set_config('synchronous_commit','off',true)) light"
        " GROUP BY e ORDER BY e ON CONFLICT (entry_id) DO UPDATE SET as_of = EXCLUDED.as_of"
        " WHERE heard.as_of < EXCLUDED.as_of)"
        " SELECT n FROM same"
    )

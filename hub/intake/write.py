"""`write`: the statements by which a decided batch becomes entries and projections.

- Everything is one transaction of the caller's.
- A lost update is impossible, and batches about different keys never wait for each other: whoever
  would write the same revision meets at the entries (`hub.intake.entries`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from hub.access.components import without_tokens
from hub.identity.links import Names
from hub.intake.batch import READINGS, Batch, RequestSignature, Vouched, problem_to_wire
from hub.intake.decide import ClaimKey, Decided, Entry
from hub.intake.entries import EntriesWriting, assurance_of
from hub.intake.guard import Current
from hub.intake.masked import raw_text
from hub.intake.prepare import Prepared
from hub.intake.waiting import Kept, WaitingRows
from hub.store.copying import Connection, copy_rows
from hub.store.copytext import (
    bytes_or_null,
    line,
    text_or_null,
)
from hub.store.few import FEW_ROWS_MAX, FewRows
from hub.store.projection import REBUILD_LOCK, Standing, instant, lock_owners
from hub.store.records import StoredRecords
from hub.store.relinking import relink
from hub.store.settling import write_few, write_staged
from hub.store.view import View, names_now, view_on
from hub.turns import Turns
from schema.dates import local_date
from schema.errors import Problem
from schema.personal import NEVER_SHOWN, without_citizen_numbers
from schema.traits import LastWord, Progresses

_QUARANTINE_COLUMNS = [
    *("source", "record_type", "key", "row_number", "raw", "problems", "channel", "party"),
    *("client_id", "run_id", "assurance", "evidence", "as_of", "created_at"),
]

_HEARD = b"""
INSERT INTO heard SELECT e, %s FROM unnest(%s::bigint[]) e ORDER BY e
ON CONFLICT (entry_id) DO UPDATE SET as_of = EXCLUDED.as_of WHERE heard.as_of < EXCLUDED.as_of"""
_WARNED = b"""
INSERT INTO warned AS w VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (source, record_type, path, code)
DO UPDATE SET rows = w.rows + EXCLUDED.rows, last_at = EXCLUDED.last_at"""
_PERSONAL = b"""
INSERT INTO personal_refused AS p VALUES (%s, %s, %s, %s)
ON CONFLICT (source, code)
DO UPDATE SET rows = p.rows + EXCLUDED.rows, last_at = EXCLUDED.last_at"""
NEVER = "NULL::timestamptz"
_SAID = (
    "CASE WHEN s.withdrawn THEN (SELECT (convert_from(b.canon, 'UTF8')::jsonb ->> 'at')"
    "::timestamptz FROM entry_body b WHERE b.entry_id = s.entry_id) ELSE greatest(s.as_of, "
    "(SELECT h.as_of FROM heard h WHERE h.entry_id = s.entry_id)) END"
)
"""When a record was last said, or when it ended, as its tombstone says."""
_KEEP_REQUESTS = b"""
INSERT INTO request_evidence
SELECT decode(r.evidence, 'hex'), r.base, decode(r.signature, 'hex'), r.key_id, %s, %s,
  decode(r.base_digest, 'hex'), r.role
FROM json_to_recordset(%s) r(evidence text, base text, signature text, key_id text,
  base_digest text, role text)
ON CONFLICT DO NOTHING"""
PERSONAL_CODES = frozenset(flaw.code for flaw in NEVER_SHOWN)


@dataclass(frozen=True, slots=True)
class BatchWriting:
    """One attempt to write one batch."""

    connection: Connection
    records: StoredRecords
    batch: Batch
    now: datetime

    async def lock(self, *, alone: bool, names_change: bool) -> None:
        """Lock the source, shared with other batches or `alone`; waits for a running rebuild.

        `names_change`: links change in this batch; no other batch may write meanwhile.
        """
        of_all = "pg_advisory_xact_lock" if names_change else "pg_advisory_xact_lock_shared"
        of_source = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        statement = (
            f"SELECT {of_all}({REBUILD_LOCK}), {of_source}(hashtextextended('intake:' || %s, 0))"
        )
        await self.connection.execute(statement.encode(), (self.batch.source,))

    async def view(self) -> View:
        """Return the links and precedence by which claims are read while this batch is written."""
        return await view_on(self.connection, self.records, local_date(self.now))

    async def current(self, record_type: str, rows: Sequence[Prepared]) -> dict[ClaimKey, Current]:
        """Return what stands for the keys of these rows, owner and issuer as they were stated."""
        table = self.records.tables[record_type].source.name
        progresses = self.records.registry[record_type].trait(Progresses)
        reached = f"s.{progresses.at}" if progresses else NEVER
        said = _SAID if self.records.registry[record_type].trait(LastWord) else NEVER
        by_authority: defaultdict[str, list[str | None]] = defaultdict(list)
        for row in rows:
            by_authority[row.authority].append(row.key)
        standing: dict[ClaimKey, Current] = {}
        for authority, keys in by_authority.items():
            cursor = self.connection.cursor(binary=True)
            await cursor.execute(
                "SELECT s.key, s.digest, s.entry_id, s.revision, s.withdrawn, e.owner, e.issuer, "  # noqa: S608 - own name
                f"s.assurance, {reached}, {said} FROM {table} s JOIN entry e USING (entry_id) "
                "WHERE s.source = %s AND s.authority = %s AND s.key = ANY(%s)".encode(),
                (self.batch.source, authority, keys),
            )
            for key, *rest, since, said_at in await cursor.fetchall():
                current = standing[authority, key] = Current(*rest)
                current.reached, current.said = since, said_at
        return standing

    async def entries(self, decided: Mapping[str, Decided]) -> None:
        """Write entries with their bodies, and give each entry its id."""
        await EntriesWriting(self.connection, self.batch, self.now).write(decided)

    async def stage(self, record_type: str, decided: Decided, names: Names) -> FewRows | None:
        """Send what now stands to this connection's TEMP table of a record type.

        Returns the rows where they are few and go without it.
        """
        target = self.records.projection(record_type)
        names = names.of_type(target.tables.spec)
        rows = (
            target.fields(self._standing(entry), entry.row.wire or {}, names, entry.row.identity)
            for entry in decided.entries
            if entry.last
        )
        if len(decided.entries) > FEW_ROWS_MAX:
            await target.fill_stage(self.connection, map(line, rows))
            return None
        few = list(rows)
        if target.may_be_few(few):
            return few
        await target.fill_stage(self.connection, map(line, few))
        return None

    async def lock_owners(self, decided: Mapping[str, Decided], names: Names) -> None:
        """Lock the owners of the records in this batch; others cannot write claims of them."""
        owners: set[str] = set()
        for name, each in decided.items():
            spec = self.records.tables[name].spec
            of = names.of_type(spec)
            owners |= {of.owner_of_name(spec, e.row.key or "", e.row.owner) for e in each.entries}
        if owners:
            await lock_owners(self.connection, owners)

    async def projections(
        self, record_type: str, decided: Decided, view: View, few: FewRows | None
    ) -> None:
        """Write what was staged, or is few, into the tables of a record type."""
        target = self.records.projection(record_type)
        if few is not None:
            await write_few(self.connection, target, few, view)
        elif decided.entries:
            await write_staged(self.connection, target, view)
        spec = target.tables.spec
        if decided.duplicates and (spec.confirmed or spec.trait(LastWord) is not None):
            await self._confirm(decided)

    async def relink(self, decided: Mapping[str, Decided], before: View) -> None:
        """Write again what links of this batch have renamed."""
        if any(each.entries for each in decided.values()):
            names = await names_now(self.connection, self.records)
            await relink(
                self.connection, self.records, before.names, View(before.precedence, names)
            )

    async def quarantine(self, refused: Sequence[tuple[Prepared, Sequence[Problem]]]) -> None:
        """Keep refused rows with everything that is wrong with them, unless they wait already."""
        batch = self.batch
        kept, turns = [], Turns()
        for row, problems in refused:
            kept.append(_kept(row, problems))
            await turns.pause()
        again = [False] * len(kept)
        if batch.channel not in READINGS and kept:
            waiting = WaitingRows(self.connection, batch.source, self.now)
            again = await waiting.replace(kept)
        if not all(again):
            await self._count_personal(
                problems for (_, problems), waits in zip(refused, again, strict=True) if not waits
            )
            lines = (
                self._quarantine_line(row, each)
                for (row, _), each, waits in zip(refused, kept, again, strict=True)
                if not waits
            )
            await copy_rows(self.connection, "quarantine", _QUARANTINE_COLUMNS, lines)

    async def _count_personal(self, refused: Iterable[Sequence[Problem]]) -> None:
        """Count rows that were refused for personal data; of what they held nothing is counted."""
        counts = Counter(
            code
            for problems in refused
            for code in {each.code for each in problems} & PERSONAL_CODES
        )
        for code, count in sorted(counts.items()):
            await self.connection.execute(_PERSONAL, (self.batch.source, code, count, self.now))

    def _quarantine_line(self, row: Prepared, kept: Kept) -> bytes:
        batch, evidence = self.batch, row.evidence or self.batch.evidence
        return line(
            [
                batch.source,
                text_or_null(kept.record_type),
                text_or_null(kept.key),
                str(row.row),
                kept.raw,
                kept.problems,
                batch.channel.value,
                batch.party,
                text_or_null(batch.client_id),
                text_or_null(evidence.run_id),
                evidence.assurance.value,
                bytes_or_null(evidence.hash),
                instant(batch.as_of),
                instant(self.now),
            ]
        )

    async def correct(self, decided: Mapping[str, Decided]) -> None:
        """Close rows in quarantine whose records went in with this batch, or stand already."""
        waiting = WaitingRows(self.connection, self.batch.source, self.now)
        if self.batch.channel not in READINGS and not await waiting.is_empty():
            await waiting.correct(decided)

    async def warned(self, decided: Mapping[str, Decided]) -> None:
        """Count what is unlikely in the records that were taken, by source, item and code."""
        counts = Counter(
            (name, warning.path, warning.code)
            for name, each in decided.items()
            for entry in each.entries
            for warning in entry.row.warnings
        )
        for (name, path, code), count in sorted(counts.items()):
            await self.connection.execute(
                _WARNED, (self.batch.source, name, path, code, count, self.now)
            )

    async def evidence(self) -> None:
        """Keep the signed requests that entries and quarantined rows of this batch refer to."""
        who, rows = self.batch.client_id or self.batch.party, self.batch.rows
        own = [each.evidence for each in rows if isinstance(each, Vouched)]
        requests = {
            each.request.hash: each.request
            for each in (self.batch.evidence, *own)
            if each.request is not None
        }
        await keep_requests(self.connection, requests.values(), who, self.now)

    def _standing(self, entry: Entry) -> Standing:
        batch, row, current = self.batch, entry.row, entry.current
        assert row.key is not None
        return Standing(
            batch.source,
            row.authority,
            row.key,
            row.owner,
            row.issuer,
            row.party or batch.party,
            current.entry_id,
            current.revision,
            row.digest,
            batch.as_of,
            self.now,
            assurance_of(row, batch),
            batch.channel.value,
            row.withdrawal,
        )

    async def _confirm(self, decided: Decided) -> None:
        """Update the time at which the source last confirmed an unchanged row."""
        repeated = {current.entry_id for _, current in decided.duplicates if not current.withdrawn}
        await self.connection.execute(_HEARD, (self.batch.as_of, sorted(repeated)))


def _kept(row: Prepared, problems: Sequence[Problem]) -> Kept:
    told = json.dumps([problem_to_wire(each) for each in problems], ensure_ascii=False)
    key = row.key and without_citizen_numbers(row.key)
    return Kept(row.record_type, key, raw_text(row.raw, problems), told)


async def keep_requests(
    connection: Connection, requests: Iterable[RequestSignature], client: str, now: datetime
) -> None:
    """Keep signed requests as evidence, each once, in one statement; `client`: who sent them."""
    rows = [_evidence_of(each) for each in sorted(requests, key=lambda each: each.hash)]
    if rows:
        await connection.execute(_KEEP_REQUESTS, (client, now, json.dumps(rows)))


def _evidence_of(request: RequestSignature) -> dict[str, str | None]:
    return {
        "evidence": request.hash.hex(),
        "base": without_tokens(request.base),
        "signature": request.signature.hex(),
        "key_id": request.key_id,
        "base_digest": sha256(request.base.encode()).hexdigest(),
        "role": request.role,
    }

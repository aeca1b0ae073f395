"""`write`: the statements by which a decided batch becomes entries and projections.

- Everything is one transaction of the caller's.
- Entries are copied in the order of their keys. Two batches that would write the same revision meet
  at the unique index of `entry`: one waits, then fails and is decided anew, alone for its source.
  So a lost update is impossible and batches about different keys never wait for each other.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import chain

from hub.access.components import without_tokens
from hub.identity.links import Names
from hub.intake.batch import READINGS, Batch, RequestSignature, Vouched, problem_to_wire
from hub.intake.decide import ClaimKey, Decided, Entry
from hub.intake.guard import Current
from hub.intake.masked import raw_text
from hub.intake.prepare import Prepared
from hub.intake.waiting import Kept, WaitingRows
from hub.ledger.leaf import salted_hash
from hub.ledger.limits import SALT_BYTES
from hub.ledger.statement import statement_hash
from hub.store.copying import Connection, copy_rows
from hub.store.copytext import (
    BINARY_HEAD,
    BINARY_TAIL,
    binary_row,
    bytes_or_null,
    line,
    text_or_null,
)
from hub.store.projection import REBUILD_LOCK, Standing, instant, lock_owners
from hub.store.records import StoredRecords
from hub.store.relinking import relink
from hub.store.settling import write_staged
from hub.store.view import View, names_now, view_on
from hub.turns import Turns
from schema.codes import Assurance
from schema.dates import local_date
from schema.errors import Problem
from schema.personal import NEVER_SHOWN, without_citizen_numbers
from schema.traits import LastWord, Progresses

_ENTRY_COLUMNS = [
    *("entry_id", "record_type", "source", "authority", "key", "owner", "issuer"),
    *("revision", "previous", "commitment"),
    *("withdrawal", "assurance", "channel", "party", "client_id", "key_id", "signature_hash"),
    *("evidence", "run_id", "as_of", "accepted_at"),
]
_BODY_COLUMNS = ["entry_id", "canon", "digest", "salt", "jws"]
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
_COMMITMENTS = b"SELECT entry_id, commitment FROM entry WHERE entry_id = ANY(%s::bigint[])"
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
        written = [entry for each in decided.values() for entry in each.entries]
        if not written:
            return
        await self._read_commitments(written)
        written.sort(key=lambda entry: entry.row.row)
        cursor = await self.connection.execute(
            "SELECT nextval('entry_entry_id_seq') FROM generate_series(1, %s)", (len(written),)
        )
        for entry, (entry_id,) in zip(written, sorted(await cursor.fetchall()), strict=True):
            entry.current.entry_id = entry_id
        written.sort(key=lambda e: (e.row.record_type or "", e.row.key or "", e.current.revision))
        salts = os.urandom(SALT_BYTES * len(written))
        salted = [
            (entry, salts[at : at + SALT_BYTES])
            for entry, at in zip(written, range(0, len(salts), SALT_BYTES), strict=True)
        ]
        lines = (self._entry_line(entry, salt) for entry, salt in salted)
        await copy_rows(self.connection, "entry", _ENTRY_COLUMNS, lines)
        bodies = (_body_row(entry, salt) for entry, salt in salted)
        parts = chain((BINARY_HEAD,), bodies, (BINARY_TAIL,))
        await copy_rows(self.connection, "entry_body", _BODY_COLUMNS, parts, binary=True)

    async def _read_commitments(self, written: Sequence[Entry]) -> None:
        """Read the commitments of the stored revisions that others now follow and name."""
        followed = {
            each.previous.entry_id: each.previous
            for each in written
            if each.previous is not None and each.previous.entry_id
        }
        if not followed:
            return
        cursor = self.connection.cursor(binary=True)
        await cursor.execute(_COMMITMENTS, (list(followed),))
        for entry_id, commitment in await cursor.fetchall():
            followed[entry_id].commitment = commitment

    async def stage(self, record_type: str, decided: Decided, names: Names) -> None:
        """Send what now stands to this connection's TEMP table of a record type."""
        target = self.records.projection(record_type)
        names = names.of_type(target.tables.spec)
        lines = (
            target.row(self._standing(entry), entry.row.wire or {}, names, entry.row.identity)
            for entry in decided.entries
            if entry.last
        )
        await target.fill_stage(self.connection, lines)

    async def lock_owners(self, decided: Mapping[str, Decided], names: Names) -> None:
        """Lock the owners of the records in this batch; others cannot write claims of them."""
        owners: set[str] = set()
        for name, each in decided.items():
            spec = self.records.tables[name].spec
            of = names.of_type(spec)
            owners |= {of.owner_of_name(spec, e.row.key or "", e.row.owner) for e in each.entries}
        if owners:
            await lock_owners(self.connection, owners)

    async def projections(self, record_type: str, decided: Decided, view: View) -> None:
        """Write what was staged into the tables of a record type."""
        target = self.records.projection(record_type)
        if decided.entries:
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
            _assurance(row, batch),
            batch.channel.value,
            row.withdrawal,
        )

    def _entry_line(self, entry: Entry, salt: bytes) -> bytes:
        """Return the COPY line of an entry; the revision before it, if any, was written before."""
        batch, row, current, key = self.batch, entry.row, entry.current, entry.row.key or ""
        current.commitment = salted_hash(salt, row.authority, key, current.revision, row.canon)
        previous = entry.previous.commitment if entry.previous else None
        evidence = row.evidence or batch.evidence
        return line(
            [
                str(current.entry_id),
                row.record_type or "",
                batch.source,
                row.authority,
                key,
                row.owner,
                row.issuer,
                str(current.revision),
                bytes_or_null(previous),
                bytes_or_null(current.commitment),
                "t" if row.withdrawal else "f",
                _assurance(row, batch),
                batch.channel.value,
                row.party or batch.party,
                text_or_null(batch.client_id),
                text_or_null(row.key_id or evidence.key_id),
                bytes_or_null(statement_hash(row.jws) if row.jws else None),
                bytes_or_null(evidence.hash),
                text_or_null(evidence.run_id),
                instant(batch.as_of),
                instant(self.now),
            ]
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


def _assurance(row: Prepared, batch: Batch) -> str:
    return (Assurance.PRODUCER_SIGNED if row.key_id else batch.evidence.assurance).value


def _body_row(entry: Entry, salt: bytes) -> bytes:
    jws = entry.row.jws
    return binary_row(
        [
            entry.current.entry_id.to_bytes(8, "big"),
            entry.row.canon,
            entry.row.digest,
            salt,
            None if jws is None else jws.encode(),
        ]
    )

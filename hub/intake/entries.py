"""`entries`: writes the entries of a batch with their bodies, and gives each its id.

- Ids follow the order of the rows; entries are written in the order of their keys. Two batches that
  would write the same revision meet at the unique index of `entry`: one waits, then fails and is
  decided anew, alone for its source.
- Many entries are copied; a few go by one statement, which costs less than two COPYs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from hub.intake.batch import Batch
from hub.intake.decide import Decided, Entry
from hub.intake.prepare import Prepared
from hub.ledger.leaf import salted_hash
from hub.ledger.limits import SALT_BYTES
from hub.ledger.statement import statement_hash
from hub.store.copying import Connection, copy_rows
from hub.store.copytext import (
    BINARY_HEAD,
    BINARY_TAIL,
    NULL,
    binary_row,
    bytes_or_null,
    line,
    text_or_null,
)
from hub.store.few import FEW_ROWS_MAX, few_rows, few_values
from hub.store.projection import instant
from schema.codes import Assurance

_HEAD = {
    **dict.fromkeys(("record_type", "source", "authority", "key", "owner", "issuer"), "text"),
    "revision": "int",
    "previous": "bytea",
    "commitment": "bytea",
    "withdrawal": "boolean",
    **dict.fromkeys(("assurance", "channel", "party", "client_id", "key_id"), "text"),
    "signature_hash": "bytea",
    "evidence": "bytea",
    "run_id": "text",
    "as_of": "timestamptz",
    "accepted_at": "timestamptz",
}
"""Columns of `entry` after the id, as PostgreSQL names their types."""
_BODY = {"canon": "text", "digest": "bytea", "salt": "bytea", "jws": "text"}
_FEW = f"""
WITH few AS MATERIALIZED (
  SELECT nextval('entry_entry_id_seq') AS entry_id, r.*
  FROM ({few_rows({"number": "int", **_HEAD, **_BODY})} ORDER BY 1) r
), head AS (
  INSERT INTO entry (entry_id, {", ".join(_HEAD)}) SELECT entry_id, {", ".join(_HEAD)} FROM few
  ORDER BY record_type, key, revision
), body AS (
  INSERT INTO entry_body (entry_id, {", ".join(_BODY)})
  SELECT entry_id, convert_to(canon, 'UTF8'), digest, salt, jws FROM few
)
SELECT entry_id FROM few ORDER BY number""".encode()  # noqa: S608 - own names
_IDS = b"SELECT nextval('entry_entry_id_seq') FROM generate_series(1, %s)"
_COMMITMENTS = b"SELECT entry_id, commitment FROM entry WHERE entry_id = ANY(%s::bigint[])"

Salted = list[tuple[Entry, bytes]]


@dataclass(frozen=True, slots=True)
class EntriesWriting:
    """The entries of one batch, on their way into the log."""

    connection: Connection
    batch: Batch
    now: datetime

    async def write(self, decided: Mapping[str, Decided]) -> None:
        """Write them, and give each its id."""
        written = [entry for each in decided.values() for entry in each.entries]
        if not written:
            return
        await self._read_commitments(written)
        written.sort(key=lambda entry: entry.row.row)
        if len(written) <= FEW_ROWS_MAX:
            await self._few(written)
        else:
            await self._many(written)

    async def _few(self, written: Sequence[Entry]) -> None:
        """Write entries, which stand in the order of their rows, by one statement."""
        fields = {
            entry.row.row: [*self._head(entry, salt), *_body(entry, salt)]
            for entry, salt in _salted(written)
        }
        rows = [[str(entry.row.row), *fields[entry.row.row]] for entry in written]
        cursor = await self.connection.execute(_FEW, few_values(rows))
        for entry, (entry_id,) in zip(written, await cursor.fetchall(), strict=True):
            entry.current.entry_id = entry_id

    async def _many(self, written: Sequence[Entry]) -> None:
        """Copy entries, which stand in the order of their rows."""
        cursor = await self.connection.execute(_IDS, (len(written),))
        for entry, (entry_id,) in zip(written, sorted(await cursor.fetchall()), strict=True):
            entry.current.entry_id = entry_id
        salted = _salted(written)
        lines = (
            line([str(entry.current.entry_id), *self._head(entry, salt)]) for entry, salt in salted
        )
        await copy_rows(self.connection, "entry", ["entry_id", *_HEAD], lines)
        bodies = (_binary_body(entry, salt) for entry, salt in salted)
        parts = chain((BINARY_HEAD,), bodies, (BINARY_TAIL,))
        await copy_rows(self.connection, "entry_body", ["entry_id", *_BODY], parts, binary=True)

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

    def _head(self, entry: Entry, salt: bytes) -> list[str]:
        """Return the COPY fields of an entry; the revision before it, if any, was asked before."""
        batch, row, current, key = self.batch, entry.row, entry.current, entry.row.key or ""
        current.commitment = salted_hash(salt, row.authority, key, current.revision, row.canon)
        previous = entry.previous.commitment if entry.previous else None
        evidence = row.evidence or batch.evidence
        return [
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
            assurance_of(row, batch),
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


def assurance_of(row: Prepared, batch: Batch) -> str:
    """Return what vouches for a row of a batch."""
    return (Assurance.PRODUCER_SIGNED if row.key_id else batch.evidence.assurance).value


def _salted(written: Sequence[Entry]) -> Salted:
    """Return entries in the order in which they are written, each with a salt of its own."""
    ordered = sorted(
        written, key=lambda e: (e.row.record_type or "", e.row.key or "", e.current.revision)
    )
    salts = os.urandom(SALT_BYTES * len(ordered))
    return [
        (entry, salts[at : at + SALT_BYTES])
        for entry, at in zip(ordered, range(0, len(salts), SALT_BYTES), strict=True)
    ]


def _body(entry: Entry, salt: bytes) -> list[str]:
    """Return the COPY fields of a body; canonical bytes are UTF-8."""
    row = entry.row
    return [
        row.canon.decode(),
        bytes_or_null(row.digest),
        bytes_or_null(salt),
        NULL if row.jws is None else row.jws,
    ]


def _binary_body(entry: Entry, salt: bytes) -> bytes:
    row = entry.row
    return binary_row(
        [
            entry.current.entry_id.to_bytes(8, "big"),
            row.canon,
            row.digest,
            salt,
            None if row.jws is None else row.jws.encode(),
        ]
    )

"""`witnessed`: the cosignatures of checkpoints, and which checkpoint may stand in a receipt.

- A cosignature is added to a checkpoint after it was published, at once or a minute or a day late;
  newer checkpoints may have come meanwhile. The note of the log stays as it was signed.
- A receipt needs a checkpoint that covers its leaf: the newest one that the policy's witnesses have
  cosigned, even if later ones exist; without any, the newest.
- Signatures are verified when they come and again before a checkpoint counts as witnessed.

C2SP tlog-cosignature.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.ledger.checkpoint import (
    Checkpoint,
    check_cosignature,
    parse_checkpoint,
    with_cosignatures,
)
from hub.ledger.errors import LedgerError, NoteSignatureError
from hub.ledger.limits import SIGNATURES_MAX
from hub.ledger.note import Note, VerifierKey, parse_note
from hub.ledger.policy import Policy
from hub.store.copying import Connection
from hub.store.database import Database

COSIGNATURES_MAX = SIGNATURES_MAX - 1
"""Cosignatures that are shown with a checkpoint; the log's own signature has a line too."""
CANDIDATES_MAX = 4
"""Checkpoints that look witnessed and are verified; without damage the first one is."""

_CHECKPOINT = "SELECT note FROM checkpoint WHERE origin = %s AND size = %s"
_ADD = """
INSERT INTO cosignature (origin, size, witness, key_id, line, at) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING"""
_NEWEST = """
SELECT o.origin, c.note, ARRAY(
  SELECT s.line FROM cosignature s WHERE s.origin = o.origin AND s.size = c.size
  ORDER BY s.witness, s.key_id LIMIT %s)
FROM unnest(%s::text[]) o (origin) CROSS JOIN LATERAL (
  SELECT size, note FROM checkpoint WHERE origin = o.origin ORDER BY size DESC LIMIT 1) c"""


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A published checkpoint with its cosignatures."""

    note: bytes
    head: Checkpoint
    is_witnessed: bool


async def add_cosignature(
    database: Database, origin: str, size: int, line: str, witnesses: Iterable[VerifierKey]
) -> datetime:
    """Add one witness's signature line to a published checkpoint; return the witness's time.

    Raises `NoteSignatureError`, and adds nothing, when the checkpoint is unknown or the line is
    not a valid cosignature of one of these witnesses. The same line again changes nothing.
    """
    rows = await database.reads.fetch_all(_CHECKPOINT, (origin, size))
    if not rows:
        raise NoteSignatureError("CHECKPOINT_UNKNOWN", f"{origin} published none of {size} leaves")
    text = parse_note(rows[0][0].encode()).text
    (signature,) = parse_note(f"{text}\n{line}\n".encode()).signatures
    for key in witnesses:
        if (key.name, key.key_id) == (signature.name, signature.key_id):
            at = datetime.fromtimestamp(check_cosignature(text, signature, key), UTC)
            async with database.writes.transaction() as connection:
                await connection.execute(
                    _ADD.encode(), (origin, size, key.name, key.key_id, line, at)
                )
            return at
    raise NoteSignatureError("SIGNATURE_KEY", f"{signature.name} is no witness of this log")


async def signed_heads(
    connection: Connection, lowest: Mapping[str, int], policy: Policy | None
) -> dict[str, list[SignedHead]]:
    """Return by origin the checkpoints that may stand in a receipt, those to be preferred first.

    `lowest`: for each origin the smallest index that a receipt is wanted of.
    """
    heads: dict[str, list[SignedHead]] = {origin: [] for origin in lowest}
    if policy is not None and policy.asks_witnesses:
        for origin, head in await _witnessed(connection, lowest, policy):
            heads[origin].append(head)
    cursor = await connection.execute(_NEWEST, (COSIGNATURES_MAX, list(lowest)))
    for origin, text, lines in await cursor.fetchall():
        note = parse_note(_with_lines(text, lines))
        heads[origin].append(
            SignedHead(note.encode(), parse_checkpoint(note.text), is_witnessed=False)
        )
    return heads


async def newest_note(connection: Connection, origin: str) -> bytes | None:
    """Return the newest checkpoint of a log with the cosignatures that it has so far."""
    cursor = await connection.execute(_NEWEST, (COSIGNATURES_MAX, [origin]))
    row = await cursor.fetchone()
    return None if row is None else _with_lines(row[1], row[2])


async def _witnessed(
    connection: Connection, lowest: Mapping[str, int], policy: Policy
) -> list[tuple[str, SignedHead]]:
    """Find the newest checkpoint of each origin that the policy's quorum has cosigned."""
    met, parameters = _quorum(policy, policy.quorum)
    names = [key.name for key in policy.witnesses.values()]
    statement = f"""
        SELECT o.origin, c.note, x.lines
        FROM unnest(%s::text[], %s::bigint[]) o (origin, above) CROSS JOIN LATERAL (
          SELECT s.size, array_agg(s.line ORDER BY s.witness, s.key_id) AS lines
          FROM cosignature s
          WHERE s.origin = o.origin AND s.size > o.above AND s.witness = ANY(%s)
          GROUP BY s.size HAVING {met} > 0 ORDER BY s.size DESC LIMIT %s) x
        JOIN checkpoint c ON c.origin = o.origin AND c.size = x.size
        ORDER BY c.size DESC"""  # noqa: S608 - own text, names are parameters
    values = (list(lowest), list(lowest.values()), names, *parameters, CANDIDATES_MAX)
    cursor = await connection.execute(statement.encode(), values)
    heads = []
    for origin, text, lines in await cursor.fetchall():
        note = _verified(parse_note(text.encode()), lines, policy)
        if note is not None:
            heads.append(
                (origin, SignedHead(note.encode(), parse_checkpoint(note.text), is_witnessed=True))
            )
    return heads


def _quorum(policy: Policy, name: str) -> tuple[str, list[Any]]:
    """Write a quorum as SQL over the cosignatures of one checkpoint: 1 when it is met, else 0."""
    group = policy.groups.get(name)
    if group is None:
        key = policy.witnesses[name]
        return "bool_or(s.witness = %s AND s.key_id = %s)::int", [key.name, key.key_id]
    parts, parameters = [], list[Any]()
    for member in group.members:
        part, more = _quorum(policy, member)
        parts.append(part)
        parameters += more
    return f"({' + '.join(parts)} >= %s)::int", [*parameters, group.threshold]


def _verified(note: Note, lines: list[str], policy: Policy) -> Note | None:
    """Add the valid cosignatures; None when these do not meet the quorum."""
    claimed = parse_note(f"{note.text}\n{chr(10).join(lines[:COSIGNATURES_MAX])}\n".encode())
    valid, names = [], set()
    for name, witness in policy.witnesses.items():
        for signature in claimed.signatures_of(witness):
            try:
                check_cosignature(note.text, signature, witness)
            except LedgerError:
                continue  # a wrong cosignature counts for nothing
            valid.append(signature)
            names.add(name)
    return with_cosignatures(note, valid) if policy.is_met(names) else None


def _with_lines(text: str, lines: list[str]) -> bytes:
    return "".join([text, *(f"{line}\n" for line in lines)]).encode()

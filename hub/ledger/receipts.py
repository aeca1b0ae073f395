"""`receipts`: what the hub can prove about an entry now, and the text that proves it elsewhere.

    ACCEPTED     committed; the log has not signed for it yet
    INCLUDED     its leaf is under a signed checkpoint
    WITNESSED    and that checkpoint has the witnesses that the policy asks for

Invariants:
- Three statements, whether for one entry or for `RECEIPTS_MAX`: entries, newest checkpoints, tiles.
  Tiles are full or at the right edge; no leaf is read, whatever the size of the log.
- The leaf built from an entry is compared with the one in the tree before a receipt goes out.
- When the body was erased, the state stays true and there is no text: salt and record are gone.
- Nothing here asks who the caller is. A `Receipt` names party, source and client: whoever answers a
  caller compares them, because salt and signature are of use only to those who may read the record.

C2SP tlog-proof.
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from functools import cache
from typing import Any

from psycopg.rows import namedtuple_row

from hub.ledger.checkpoint import Checkpoint, check_cosignature, parse_checkpoint
from hub.ledger.encoding import from_base64url, to_base64url
from hub.ledger.errors import LedgerError, NoteError
from hub.ledger.failures import ReceiptError
from hub.ledger.leaf import Evidence, Revision
from hub.ledger.limits import HASH_BYTES
from hub.ledger.log_store import fetch_tiles
from hub.ledger.merkle import NodeGetter, inclusion_proof
from hub.ledger.note import Note, parse_note
from hub.ledger.policy import Policy
from hub.ledger.proof import build_receipt
from hub.ledger.tile import Tile, nodes_in, tiles_for_inclusion
from hub.store.copying import Connection
from hub.store.database import Database

RECEIPTS_MAX = 500
"""Receipts of one call; with their tiles at most some 4 MiB are read."""
RECEIPTS_PER_TURN = 8
"""Receipts computed before other work of the process gets its turn; some milliseconds."""
CHECKPOINTS_MAX = 8
"""Newest checkpoints among which a witnessed one is looked for."""
_REVISION = "r1_"

_ENTRIES = """
SELECT e.entry_id, e.record_type, e.source, e.authority, e.key, e.owner, e.issuer,
       e.revision, b.digest, e.commitment,
       e.withdrawal, e.assurance, e.party, e.client_id, e.key_id, e.accepted_at,
       b.salt, b.jws, l.leaf_index, l.leaf_hash
FROM entry e LEFT JOIN entry_body b USING (entry_id) LEFT JOIN leaf l USING (entry_id)
WHERE e.entry_id = ANY(%s)"""
_CHECKPOINTS = "SELECT note FROM checkpoint ORDER BY size DESC LIMIT %s"
_OF_REVISION = "SELECT entry_id FROM entry_body WHERE digest = %s ORDER BY entry_id DESC LIMIT %s"


@unique
class ReceiptState(StrEnum):
    """What is proved of an entry."""

    ACCEPTED = "ACCEPTED"
    INCLUDED = "INCLUDED"
    WITNESSED = "WITNESSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """An entry's facts, what is proved of it, and the proof as text."""

    state: ReceiptState
    text: str | None
    """The `tlog-proof@v1` text; None while ACCEPTED, and when the body was erased."""
    is_erased: bool
    entry_id: int
    record_type: str
    source: str
    authority: str
    key: str
    """The record's key, as its authority gives it."""
    owner: str
    issuer: str
    revision: int
    revision_id: str | None
    """None when the body was erased, and its digest with it."""
    is_withdrawal: bool
    assurance: str
    party: str
    """Who vouches for the record."""
    client_id: str | None
    """Who sent it."""
    key_id: str | None
    accepted_at: datetime
    leaf_index: int | None
    """Its place in the log, once that is signed."""
    log_size: int | None
    """Leaves under the checkpoint of the proof."""


@dataclass(frozen=True, slots=True)
class _Signed:
    note: bytes
    head: Checkpoint
    is_witnessed: bool


async def receipt_for(
    database: Database, which: int | str, policy: Policy | None = None
) -> Receipt | None:
    """Give the receipt of an entry id, or of the newest entry with a revision id; None if unknown.

    Without a policy, or with `quorum none`, the best state is INCLUDED.
    """
    if isinstance(which, int):
        return (await receipts_for(database, [which], policy)).get(which)
    found = await entries_of(database, which, 1)
    return (await receipts_for(database, found, policy)).get(found[0]) if found else None


async def entries_of(database: Database, revision_id: str, limit: int = 16) -> list[int]:
    """List the entries that hold a revision, newest first: two sources may say the very same."""
    digest = _digest(revision_id)
    rows = await database.reads.fetch_all(_OF_REVISION, (digest, min(limit, RECEIPTS_MAX)))
    return [row[0] for row in rows]


async def receipts_for(
    database: Database, entry_ids: Collection[int], policy: Policy | None = None
) -> dict[int, Receipt]:
    """Give the receipts of up to `RECEIPTS_MAX` entries by id; unknown ids are left out."""
    wanted = set(entry_ids)
    if len(wanted) > RECEIPTS_MAX:
        raise ReceiptError(
            "RECEIPTS_TOO_MANY",
            f"{len(wanted)} receipts were asked for at once",
            hint=f"Ask for at most {RECEIPTS_MAX}.",
        )
    async with database.reads.connection() as connection:
        async with connection.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(_ENTRIES, (list(wanted),))
            rows: list[Any] = await cursor.fetchall()
        signed = await _newest(connection, policy)
        under = {row.entry_id: _covering(signed, row.leaf_index) for row in rows}
        nodes = await _nodes(connection, rows, under)
    receipts: dict[int, Receipt] = {}
    for number, row in enumerate(rows, start=1):
        if number % RECEIPTS_PER_TURN == 0:
            await sleep(0)
        receipts[row.entry_id] = _receipt(row, under[row.entry_id], nodes)
    return receipts


async def _newest(connection: Connection, policy: Policy | None) -> list[_Signed]:
    """Read the checkpoints that may stand in a receipt, newest first."""
    is_asked = policy is not None and policy.asks_witnesses
    cursor = await connection.execute(_CHECKPOINTS, (CHECKPOINTS_MAX if is_asked else 1,))
    found = []
    for (text,) in await cursor.fetchall():
        note = parse_note(text.encode())
        is_met = policy is not None and is_asked and _is_witnessed(note, policy)
        found.append(_Signed(text.encode(), parse_checkpoint(note.text), is_met))
    return found


def _is_witnessed(note: Note, policy: Policy) -> bool:
    names = set()
    for name, witness in policy.witnesses.items():
        for signature in note.signatures_of(witness):
            try:
                check_cosignature(note.text, signature, witness)
            except LedgerError:
                continue  # a wrong cosignature counts for nothing
            names.add(name)
    return policy.is_met(names)


def _covering(signed: list[_Signed], index: int | None) -> _Signed | None:
    """Choose the newest witnessed checkpoint over a leaf, else the newest."""
    over = [each for each in signed if index is not None and index < each.head.size]
    return next((each for each in over if each.is_witnessed), over[0] if over else None)


async def _nodes(
    connection: Connection, rows: list[Any], under: Mapping[int, _Signed | None]
) -> dict[int, NodeGetter]:
    """Fetch the tiles of all proofs at once; give the nodes by size of the tree."""
    needed: dict[int, set[Tile]] = {}
    for row in rows:
        signed = under[row.entry_id]
        if signed is not None and row.salt is not None:
            size = signed.head.size
            needed.setdefault(size, set()).update(tiles_for_inclusion(row.leaf_index, size))
    widest: dict[tuple[int | None, int], Tile] = {}
    for tile in sorted(tile for tiles in needed.values() for tile in tiles):
        widest[tile.level, tile.index] = tile
    stored = await fetch_tiles(connection, widest.values()) if widest else {}
    found: dict[int, NodeGetter] = {}
    for size, tiles in needed.items():
        parts = {
            tile: stored[wide][: tile.width * HASH_BYTES]
            for tile in tiles
            if (wide := widest[tile.level, tile.index]) in stored
        }
        found[size] = cache(nodes_in(parts, size))
    return found


def _receipt(row: Any, signed: _Signed | None, nodes: Mapping[int, NodeGetter]) -> Receipt:
    state, text = ReceiptState.ACCEPTED, None
    if signed is not None:
        state = ReceiptState.WITNESSED if signed.is_witnessed else ReceiptState.INCLUDED
        text = None if row.salt is None else _text(row, signed, nodes[signed.head.size])
    return Receipt(
        state=state,
        text=text,
        is_erased=row.salt is None,
        entry_id=row.entry_id,
        record_type=row.record_type,
        source=row.source,
        authority=row.authority,
        key=row.key,
        owner=row.owner,
        issuer=row.issuer,
        revision=row.revision,
        revision_id=None if row.digest is None else _REVISION + to_base64url(row.digest),
        is_withdrawal=row.withdrawal,
        assurance=row.assurance,
        party=row.party,
        client_id=row.client_id,
        key_id=row.key_id,
        accepted_at=row.accepted_at,
        leaf_index=None if signed is None else row.leaf_index,
        log_size=None if signed is None else signed.head.size,
    )


def _text(row: Any, signed: _Signed, node: NodeGetter) -> str:
    of = Revision(row.record_type, row.authority, row.key, row.revision)
    evidence = Evidence(of, row.party, row.key_id, row.salt, row.commitment, row.jws)
    if not _is_leaf(evidence, row.leaf_hash):
        raise ReceiptError(
            "RECEIPT_LEAF",
            f"entry {row.entry_id} is not what the log has at {row.leaf_index}",
            hint="The entry was changed after it was included: call the operator.",
        )
    proof = inclusion_proof(node, row.leaf_index, signed.head.size)
    return build_receipt(evidence, row.leaf_index, proof, signed.note).decode()


def _is_leaf(evidence: Evidence, leaf: bytes) -> bool:
    try:
        return evidence.leaf().hash() == leaf
    except NoteError:
        return False


def _digest(revision_id: str) -> bytes:
    try:
        digest = from_base64url(revision_id.removeprefix(_REVISION))
    except ValueError as error:
        raise _no_revision() from error
    if not revision_id.startswith(_REVISION) or len(digest) != HASH_BYTES:
        raise _no_revision()
    return digest


def _no_revision() -> ReceiptError:
    return ReceiptError(
        "REVISION_ID",
        "this is not a revision id",
        hint=f"A revision id is {_REVISION} and 43 characters, as the outcome of the row has it.",
    )

"""`receipts`: whether an entry is in the signed log, and the receipt that proves it offline.

    ACCEPTED     committed; the log has not signed for it yet
    INCLUDED     its leaf is under a signed checkpoint
    WITNESSED    and that checkpoint has the witnesses that the policy asks for
    ERASED       its content was erased; its leaf stays where it is

Invariants:
- A few statements, whether for one entry or for `RECEIPTS_MAX`: entries, checkpoints, and the tiles
  of each origin. Tiles are full or at the right edge; no leaf is read, however large the log.
- The leaf built from an entry is compared with the one in the tree before a receipt goes out.
- Of an erased entry there is no text: the salt is gone. A receipt that somebody kept, with the
  record, proves what it proved.
- Nothing here checks who the caller is. A `StoredReceipt` names party, source and client for the
  endpoint to check: salt and signature may go only to those who may read the record.

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

from hub.crypto.base64url import b64url, unb64url
from hub.ledger.errors import NoteError
from hub.ledger.failures import ReceiptError
from hub.ledger.leaf import LeafEvidence, Revision
from hub.ledger.limits import HASH_BYTES
from hub.ledger.log_store import fetch_tiles
from hub.ledger.merkle import NodeGetter, inclusion_proof
from hub.ledger.note import parse_note
from hub.ledger.policy import Policy
from hub.ledger.proof import TlogProof, build_receipt
from hub.ledger.tile import Tile, nodes_in, tiles_for_inclusion
from hub.ledger.witnessed import SignedHead, signed_heads
from hub.store.copying import Connection
from hub.store.database import Database

RECEIPTS_MAX = 500
"""Receipts of one call; with their tiles at most some 4 MiB are read."""
RECEIPTS_PER_TURN = 8
"""Receipts computed before other work of the process gets its turn; some milliseconds."""
_REVISION = "r1_"
_Tree = tuple[str, int]
"""Origin and size."""

_ENTRIES = """
SELECT e.entry_id, e.record_type, coalesce(f.source, e.source) AS source, e.authority, e.key,
       e.owner, e.issuer,
       e.revision, b.digest, e.commitment,
       e.withdrawal, e.assurance, e.party, e.client_id, e.key_id, e.accepted_at,
       b.salt, b.jws, l.origin, l.leaf_index, l.leaf_hash
FROM entry e LEFT JOIN entry_body b USING (entry_id) LEFT JOIN leaf l USING (entry_id)
  LEFT JOIN former_source f ON f.former = e.source
WHERE e.entry_id = ANY(%s)"""
_OF_REVISION = "SELECT entry_id FROM entry_body WHERE digest = %s ORDER BY entry_id DESC LIMIT %s"


@unique
class ReceiptState(StrEnum):
    """What is proved of an entry."""

    ACCEPTED = "ACCEPTED"
    INCLUDED = "INCLUDED"
    WITNESSED = "WITNESSED"
    ERASED = "ERASED"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReceipt:
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
    origin: str | None
    """The log that has it, once that is signed."""
    leaf_index: int | None
    """Its place in the log, once that is signed."""
    log_size: int | None
    """Leaves under the checkpoint of the proof."""


async def receipt_for(
    database: Database, which: int | str, policy: Policy | None = None
) -> StoredReceipt | None:
    """Return the receipt of an entry id, or of the newest entry of a revision id; None if unknown.

    Without a policy, or with `quorum none`, the best state is INCLUDED.
    """
    if isinstance(which, int):
        return (await receipts_for(database, [which], policy)).get(which)
    entry_ids = await entries_of(database, which, 1)
    return (
        (await receipts_for(database, entry_ids, policy)).get(entry_ids[0]) if entry_ids else None
    )


async def entries_of(database: Database, revision_id: str, limit: int = 16) -> list[int]:
    """Return the entries that hold a revision, newest first: two sources may state the same."""
    digest = _digest(revision_id)
    rows = await database.reads.fetch_all(_OF_REVISION, (digest, min(limit, RECEIPTS_MAX)))
    return [row[0] for row in rows]


async def receipts_for(
    database: Database, entry_ids: Collection[int], policy: Policy | None = None
) -> dict[int, StoredReceipt]:
    """Return the receipts of up to `RECEIPTS_MAX` entries by id; unknown ids are left out."""
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
        signed = await signed_heads(connection, _lowest(rows), policy)
        under = {row.entry_id: _covering(signed.get(row.origin, []), row) for row in rows}
        nodes = await _nodes(connection, rows, under)
    receipts: dict[int, StoredReceipt] = {}
    for number, row in enumerate(rows, start=1):
        if number % RECEIPTS_PER_TURN == 0:
            await sleep(0)
        receipts[row.entry_id] = _receipt(row, under[row.entry_id], nodes)
    return receipts


@dataclass(frozen=True, slots=True)
class LeafProofs:
    """Proofs of leaves under one checkpoint, without their salts, by entry id."""

    origin: str
    log_size: int
    texts: Mapping[int, bytes]
    """`tlog-proof@v1`, whose `extra` is the leaf."""
    indexes: Mapping[int, int]
    evidence: Mapping[int, LeafEvidence]
    """What the hub keeps of each; the salt in it is not for everybody."""


async def leaf_proofs(
    database: Database, entry_ids: Collection[int], policy: Policy | None = None
) -> LeafProofs | None:
    """Return proofs of entries under one checkpoint: a witnessed one where there is one.

    None while no checkpoint covers them all, where one was erased, or where they are in two logs.
    """
    wanted = set(entry_ids)
    async with database.reads.connection() as connection:
        async with connection.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(_ENTRIES, (list(wanted),))
            rows: list[Any] = await cursor.fetchall()
        origins = {row.origin for row in rows}
        is_whole = len(rows) == len(wanted) and all(row.salt is not None for row in rows)
        if not is_whole or len(origins) != 1 or None in origins:
            return None
        highest = max(rows, key=lambda row: row.leaf_index)
        signed = await signed_heads(connection, {highest.origin: highest.leaf_index}, policy)
        head = _covering(signed[highest.origin], highest)
        if head is None:
            return None
        nodes = await _nodes(connection, rows, {row.entry_id: head for row in rows})
    node, note = nodes[highest.origin, head.head.size], parse_note(head.note)
    texts, evidence = dict[int, bytes](), dict[int, LeafEvidence]()
    for row in rows:
        of_row = _evidence(row)
        path = tuple(inclusion_proof(node, row.leaf_index, head.head.size))
        texts[row.entry_id] = TlogProof(of_row.leaf().encode(), row.leaf_index, path, note).encode()
        evidence[row.entry_id] = of_row
    indexes = {row.entry_id: row.leaf_index for row in rows}
    return LeafProofs(highest.origin, head.head.size, texts, indexes, evidence)


async def proofs_of_two(
    database: Database, one: int, other: int, policy: Policy | None = None
) -> tuple[LeafProofs, LeafProofs] | None:
    """Return proofs of two entries: under one checkpoint, or each by the log that has it.

    None while a checkpoint is wanting, or where one of both was erased.
    """
    together = await leaf_proofs(database, (one, other), policy)
    if together is not None:
        return together, together
    first = await leaf_proofs(database, (one,), policy)
    second = await leaf_proofs(database, (other,), policy)
    if first is None or second is None or first.origin == second.origin:
        return None
    return first, second


def _lowest(rows: list[Any]) -> dict[str, int]:
    """Return for each log the smallest index of these leaves."""
    lowest: dict[str, int] = {}
    for row in rows:
        if row.origin is not None:
            lowest[row.origin] = min(row.leaf_index, lowest.get(row.origin, row.leaf_index))
    return lowest


def _covering(signed: list[SignedHead], row: Any) -> SignedHead | None:
    """Choose the first checkpoint over a leaf: a witnessed one where there is one."""
    return next((each for each in signed if row.leaf_index < each.head.size), None)


async def _nodes(
    connection: Connection, rows: list[Any], under: Mapping[int, SignedHead | None]
) -> dict[_Tree, NodeGetter]:
    """Fetch the tiles of all proofs of a log at once; return the nodes by origin and size."""
    needed: dict[_Tree, set[Tile]] = {}
    for row in rows:
        signed = under[row.entry_id]
        if signed is not None and row.salt is not None:
            size = signed.head.size
            proof_tiles = tiles_for_inclusion(row.leaf_index, size)
            needed.setdefault((row.origin, size), set()).update(proof_tiles)
    widest: dict[str, dict[tuple[int | None, int], Tile]] = {}
    for (origin, _), tiles in needed.items():
        of_log = widest.setdefault(origin, {})
        for tile in tiles:
            of_log[tile.level, tile.index] = max(tile, of_log.get((tile.level, tile.index), tile))
    stored = {
        origin: await fetch_tiles(connection, origin, of_log.values())
        for origin, of_log in widest.items()
    }
    nodes: dict[_Tree, NodeGetter] = {}
    for (origin, size), tiles in needed.items():
        parts = {
            tile: stored[origin][wide][: tile.width * HASH_BYTES]
            for tile in tiles
            if (wide := widest[origin][tile.level, tile.index]) in stored[origin]
        }
        nodes[origin, size] = cache(nodes_in(parts, size))
    return nodes


def _receipt(
    row: Any, signed: SignedHead | None, nodes: Mapping[_Tree, NodeGetter]
) -> StoredReceipt:
    state, text = ReceiptState.ACCEPTED, None
    if signed is not None:
        state = ReceiptState.WITNESSED if signed.is_witnessed else ReceiptState.INCLUDED
        text = None if row.salt is None else _text(row, signed, nodes[row.origin, signed.head.size])
    if row.salt is None:
        state = ReceiptState.ERASED
    return StoredReceipt(
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
        revision_id=None if row.digest is None else _REVISION + b64url(row.digest),
        is_withdrawal=row.withdrawal,
        assurance=row.assurance,
        party=row.party,
        client_id=row.client_id,
        key_id=row.key_id,
        accepted_at=row.accepted_at,
        origin=None if signed is None else row.origin,
        leaf_index=None if signed is None else row.leaf_index,
        log_size=None if signed is None else signed.head.size,
    )


def _text(row: Any, signed: SignedHead, node: NodeGetter) -> str:
    evidence = _evidence(row)
    proof = inclusion_proof(node, row.leaf_index, signed.head.size)
    return build_receipt(evidence, row.leaf_index, proof, signed.note).decode()


def _evidence(row: Any) -> LeafEvidence:
    """Return the evidence of an entry, or raise `ReceiptError` where its leaf is another one."""
    revision = Revision(row.record_type, row.authority, row.key, row.revision)
    evidence = LeafEvidence(revision, row.party, row.key_id, row.salt, row.commitment, row.jws)
    if not _is_leaf(evidence, row.leaf_hash):
        raise ReceiptError(
            "RECEIPT_LEAF",
            f"entry {row.entry_id} is not what the log has at {row.leaf_index}",
            hint="The entry was changed after it was included: call the operator.",
        )
    return evidence


def _is_leaf(evidence: LeafEvidence, leaf: bytes) -> bool:
    try:
        return evidence.leaf().hash() == leaf
    except NoteError:
        return False


def _digest(revision_id: str) -> bytes:
    try:
        digest = unb64url(revision_id.removeprefix(_REVISION))
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

"""`peer_receipts`: which records of a peer are proved by its log, and by which place in it.

What is kept is what a receipt proved when it was judged: whoever doubts it asks the peer for that
leaf. Salt and bytes are not kept, they would confirm guesses of what the peer does not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters._proof import LogProof
from hub.store.database import Database

__all__ = ["PeerReceipt", "count_receipts", "keep_proofs", "receipts_of_peer"]

RECEIPTS_SHOWN_MAX = 1_000

_FORGET = """
DELETE FROM peer_receipt p USING unnest(%s::text[], %s::text[]) AS gone(record_type, key)
WHERE p.source = %s AND p.record_type = gone.record_type AND p.key = gone.key"""
_KEEP = """
INSERT INTO peer_receipt
  (source, record_type, key, revision, origin, leaf_index, log_size, word, judged_at)
SELECT %s, n.*, %s FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::bigint[],
  %s::bigint[], %s::text[]) AS n
ON CONFLICT (source, record_type, key) DO UPDATE SET revision = excluded.revision,
  origin = excluded.origin, leaf_index = excluded.leaf_index, log_size = excluded.log_size,
  word = excluded.word, judged_at = excluded.judged_at"""
_READ = """
SELECT record_type, key, revision, origin, leaf_index, log_size, word, judged_at
FROM peer_receipt WHERE source = %s AND (%s::text IS NULL OR key = %s)
ORDER BY record_type, key LIMIT %s"""


@dataclass(frozen=True, slots=True)
class PeerReceipt:
    """What the log of a peer proves of one record."""

    record_type: str
    key: str
    revision: int
    origin: str
    leaf_index: int
    log_size: int
    word: str
    judged_at: datetime


async def keep_proofs(
    database: Database,
    source: str,
    taken: Sequence[tuple[str, str, LogProof | None]],
    now: datetime,
) -> None:
    """Keep the proofs of records, by type and key; a record without one has none any more."""
    proved = {(name, key): proof for name, key, proof in taken if proof is not None}
    bare = [(name, key) for name, key, proof in taken if proof is None]
    if not taken:
        return
    async with database.writes.transaction() as connection:
        if bare:
            columns = [list(each) for each in zip(*bare, strict=True)]
            await connection.execute(_FORGET.encode(), (*columns, source))
        if proved:
            rows = [
                (name, key, p.revision, p.origin, p.leaf_index, p.log_size, p.word)
                for (name, key), p in sorted(proved.items())
            ]
            values = [list(each) for each in zip(*rows, strict=True)]
            await connection.execute(_KEEP.encode(), (source, now, *values))


async def receipts_of_peer(
    database: Database, source: str, key: str | None = None, limit: int = RECEIPTS_SHOWN_MAX
) -> list[PeerReceipt]:
    """Return what is proved of the records of a peer, or of those of one key."""
    rows = await database.reads.fetch_all(_READ, (source, key, key, min(limit, RECEIPTS_SHOWN_MAX)))
    return [PeerReceipt(*row) for row in rows]


async def count_receipts(database: Database, source: str) -> dict[tuple[str, str], int]:
    """Count the proved records of a peer by type and word."""
    rows = await database.reads.fetch_all(
        "SELECT record_type, word, count(*) FROM peer_receipt WHERE source = %s "
        "GROUP BY record_type, word",
        (source,),
    )
    return {(name, word): count for name, word, count in rows}

"""`homes`: institutions whose records are stated at another hub, as the operator says of each peer.

Only the home hub of a record appends to it (design, decision 20). So what somebody pushes here of
such an institution is refused with the address of its home (decision 0027), or handed on (0033).
"""

from __future__ import annotations

from collections.abc import Collection

from hub.store.copying import Connection

__all__ = ["keep_homes"]


async def keep_homes(
    connection: Connection, source: str, owners: Collection[str], address: str
) -> None:
    """Set which institutions are at home at a peer, in place of those that were."""
    await connection.execute(b"DELETE FROM foreign_home WHERE source = %s", (source,))
    if owners:
        await connection.execute(
            b"INSERT INTO foreign_home (source, owner, address) "
            b"SELECT %s, n, %s FROM unnest(%s::text[]) AS n",
            (source, address, sorted(set(owners))),
        )

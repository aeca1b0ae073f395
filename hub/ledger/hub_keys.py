"""`hub_keys`: the keys with which a hub signs what it attests, as verifiers pin them.

The file is that of `hub.ledger.keys`: a JWKS whose keys name the hub as party. A key that signs no
more is good up to the size that the log had then; order in the log decides, no clock. A key that
was lost is not in the file: nothing that it signed is believed, whenever it says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hub.crypto.keys import VerifyKey
from hub.store.database import Database
from schema.canonical import encode
from schema.parties import HUB_PARTY

_SIZE = "SELECT coalesce(max(size), 0) FROM checkpoint WHERE origin = %s AND signed_at < %s"


async def pinned_keys(
    database: Database, origin: str, keys: Sequence[tuple[VerifyKey, int]], now: datetime
) -> bytes:
    """Return the file. `keys`: each with the second from which it signs, in that order."""
    ends = [since for _, since in keys[1:]]
    listed: list[dict[str, Any]] = []
    for number, (key, _) in enumerate(keys):
        until = None
        if number < len(ends) and ends[number] <= now.timestamp():
            at = datetime.fromtimestamp(ends[number], UTC)
            rows = await database.reads.fetch_all(_SIZE, (origin, at))
            until = rows[0][0]
        listed.append(
            {
                **key.jwk,
                "kid": key.kid,
                "party": f"{HUB_PARTY}{origin}",
                **({} if until is None else {"active": {origin: [0, until]}}),
            }
        )
    return encode({"keys": listed}) + b"\n"

"""`forwarded`: the table of orders at other hubs that have not ended, as far as is known here.

A row is written before a home hub is asked for a booking, and goes when that hub has said that the
order ended, or long after its time. So nothing that may be booked there is forgotten here, and what
is stated of it later is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.clock import Clock
from hub.intake.batch import Idempotency, RequestSignature
from hub.intake.write import keep_requests
from hub.orders.asked import PartnerRequest
from hub.store.database import Database

_BEGIN = """
INSERT INTO forwarded_order (client_id, number, party, source, instrument, sent, evidence, begun_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
_COLUMNS = "o.client_id, number, party, source, instrument, sent, evidence, begun_at"
_OF_ONE = f"SELECT {_COLUMNS} FROM forwarded_order o WHERE o.client_id = %s AND number = %s"  # noqa: S608 - own names
_DUE = f"""
WITH due AS (
  SELECT client_id, number FROM forwarded_order WHERE begun_at < %s
  ORDER BY asked_at NULLS FIRST, begun_at LIMIT %s FOR UPDATE
), o AS (
  UPDATE forwarded_order f SET asked_at = %s FROM due
  WHERE f.client_id = due.client_id AND f.number = due.number RETURNING f.*
)
SELECT {_COLUMNS}, r.base, r.signature, r.key_id, r.role
FROM o LEFT JOIN request_evidence r USING (evidence) ORDER BY begun_at"""  # noqa: S608 - own names
_CLOSE = "DELETE FROM forwarded_order WHERE client_id = %s AND number = %s"


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenOrder:
    """An order at another hub that is not settled. `sent`: the input that its home was given."""

    client: str
    order: str
    party: str
    peer: str
    instrument: str
    sent: Mapping[str, Any]
    begun_at: datetime | None = None
    signature: RequestSignature | None = None

    @classmethod
    def of(
        cls,
        peer: str,
        asking: PartnerRequest,
        instrument: str,
        order: str,
        sent: Mapping[str, Any],
    ) -> OpenOrder:
        """Return the row of what a client asks for."""
        return cls(
            client=asking.client,
            order=order,
            party=asking.party,
            peer=peer,
            instrument=instrument,
            sent=sent,
        )

    @property
    def asking(self) -> PartnerRequest:
        """Return for whom its home is asked again."""
        return PartnerRequest(
            client=self.client,
            party=self.party,
            idempotency=Idempotency(key="", body_hash=b""),
            signature=self.signature,
        )


@dataclass(frozen=True, slots=True)
class ForwardedOrders:
    """Keeps orders at other hubs until they are settled."""

    database: Database
    clock: Clock

    async def begin(self, order: OpenOrder, signature: RequestSignature) -> OpenOrder | None:
        """Note an order before its home is asked; return the one that is noted already, if any."""
        now = self.clock()
        values = (
            *(order.client, order.order, order.party, order.peer, order.instrument),
            *(json.dumps(order.sent, ensure_ascii=False), signature.hash, now),
        )
        async with self.database.writes.connection() as connection, connection.transaction():
            cursor = await connection.execute(_BEGIN, values)
            if cursor.rowcount:
                await keep_requests(connection, [signature], order.client, now)
                return None
            cursor = await connection.execute(_OF_ONE, (order.client, order.order))
            row = await cursor.fetchone()
        return None if row is None else _read(row)

    async def close(self, client: str, order: str) -> None:
        """Forget an order of which its home has said how it stands for good."""
        async with self.database.writes.connection() as connection:
            await connection.execute(_CLOSE, (client, order))

    async def due(self, before: datetime, most: int) -> list[OpenOrder]:
        """Return orders that are open since before an instant, and count them as asked about.

        Those come first that were asked about longest ago, whatever came of it: an order waits for
        its turn and for no luck, and a home that is away holds up no order of another one.
        """
        async with self.database.writes.connection() as connection:
            cursor = await connection.execute(_DUE, (before, most, self.clock()))
            return [_read(row) for row in await cursor.fetchall()]


def _read(row: tuple[Any, ...]) -> OpenOrder:
    client, order, party, peer, instrument, sent, evidence, begun_at, *kept = row
    signature = None
    if kept and kept[0] is not None:
        base, signed, key_id, role = kept
        signature = RequestSignature(base, signed, key_id, role, hash=evidence)
    return OpenOrder(
        client=client,
        order=order,
        party=party,
        peer=peer,
        instrument=instrument,
        sent=sent,
        begun_at=begun_at,
        signature=signature,
    )

"""`other_person`: who decides about a claim is somebody else than who proposed it.

Parties are compared by the desk. Here it is the person: the key that reserved, used or submitted
a claim decides nothing about it, also where both speak for the issuer.
"""

from __future__ import annotations

from typing import Final

from hub.errors import ErrorCode, RefusedError
from hub.store.copying import Connection
from hub.store.database import Database
from hub.vouchers.money.ledger import MOVEMENT, source_of
from hub.vouchers.question import VoucherAsking, VoucherWanted
from schema.codes import VoucherEvent

PROPOSING: Final = tuple(
    each.value for each in (VoucherEvent.RESERVE, VoucherEvent.CONSUME, VoucherEvent.SUBMIT)
)


async def check_other_person(
    database: Database, connection: Connection, asking: VoucherAsking, wanted: VoucherWanted
) -> None:
    """Raise `RefusedError` FORBIDDEN where the key that asks for a decision has proposed it."""
    if asking.signature is None:
        return
    table = database.records.tables[MOVEMENT].source.name
    cursor = await connection.execute(
        f"SELECT 1 FROM {table} m JOIN entry e USING (entry_id) WHERE m.source = %s "  # noqa: S608 - own name
        "AND m.issuer_key = %s AND m.code = %s AND m.claim_no = %s AND m.event = ANY(%s) "
        "AND e.key_id = %s LIMIT 1".encode(),
        (
            source_of(wanted.issuer),
            wanted.issuer,
            wanted.code,
            wanted.claim_no,
            list(PROPOSING),
            asking.signature.key_id,
        ),
    )
    if await cursor.fetchone() is not None:
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            hint="This key proposed the claim: somebody else decides about it, with a key of "
            "their own.",
            hint_zh="此申兑由该密钥提出，须由另一人以自己的密钥审核。",
        )

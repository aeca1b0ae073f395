"""`kept_grants`: the table of services of this hub that claims of other hubs were granted.

Whoever changes a row holds it (`FOR UPDATE`), as the home of a voucher does with `shared_claim`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import dict_row

from hub.policy.vouchers.grants import GrantStanding, GrantState
from hub.store.copying import Connection
from hub.vouchers.limits import GRANT_AGAIN_S, GRANTS_KEPT_DAYS
from hub.vouchers.marks import ClaimName

_NAME = "issuer = %s AND code = %s AND claim_no = %s"
_OF = f"SELECT * FROM service_grant WHERE {_NAME} FOR UPDATE"  # noqa: S608 - own names
_KEEP = b"""
INSERT INTO service_grant (issuer, code, claim_no, attempt, state, source, service, commitment,
  granted_at, ask_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (issuer, code, claim_no) DO UPDATE SET attempt = EXCLUDED.attempt,
  state = EXCLUDED.state, source = EXCLUDED.source, service = EXCLUDED.service,
  commitment = EXCLUDED.commitment, granted_at = EXCLUDED.granted_at, ask_at = EXCLUDED.ask_at"""
_CHANGE = f"UPDATE service_grant SET attempt = %s, state = %s WHERE {_NAME}"  # noqa: S608 - own names
_DUE = """
SELECT * FROM service_grant WHERE state = 'GRANTED' AND ask_at < %s ORDER BY ask_at LIMIT %s"""
_ASK_LATER = f"UPDATE service_grant SET ask_at = %s WHERE {_NAME} AND attempt = %s"  # noqa: S608 - own names
_OLD = b"DELETE FROM service_grant WHERE state = 'FREED' AND ask_at < %s"
_LIVE_AFTER = """
SELECT * FROM service_grant WHERE (issuer, code, claim_no) > (%s, %s, %s) AND state <> 'FREED'
  AND issuer = ANY(%s) AND (source = %s OR issuer = ANY(%s))
ORDER BY issuer, code, claim_no LIMIT %s"""


@dataclass(frozen=True, slots=True)
class KeptGrant:
    """A grant as it is kept. `source`: the peer that is the home of the voucher."""

    name: ClaimName
    standing: GrantStanding
    source: str
    service: str
    commitment: str | None


async def held(connection: Connection, name: ClaimName) -> KeptGrant | None:
    """Return the grant of a claim and hold its row."""
    rows = await _rows(connection, _OF, _key(name))
    return rows[0] if rows else None


async def keep(connection: Connection, grant: KeptGrant, now: datetime, term_s: float) -> None:
    """Write a grant down; it is asked about after so many seconds."""
    values = (
        *_key(grant.name),
        *(grant.standing.attempt, grant.standing.state.value, grant.source, grant.service),
        *(grant.commitment, now, now + timedelta(seconds=term_s)),
    )
    await connection.execute(_KEEP, values)


async def change(connection: Connection, name: ClaimName, standing: GrantStanding) -> None:
    """Write down how a grant stands now."""
    values = (standing.attempt, standing.state.value, *_key(name))
    await connection.execute(_CHANGE.encode(), values)


async def due(connection: Connection, now: datetime, most: int) -> list[KeptGrant]:
    """Return grants of which nothing was heard for long."""
    return await _rows(connection, _DUE, (now, most))


async def ask_later(connection: Connection, grant: KeptGrant, now: datetime) -> None:
    """Note that a grant was asked about, in the attempt that it had then."""
    later = now + timedelta(seconds=GRANT_AGAIN_S)
    values = (later, *_key(grant.name), grant.standing.attempt)
    await connection.execute(_ASK_LATER.encode(), values)


async def forget_old(connection: Connection, now: datetime) -> None:
    """Forget grants that were freed long ago."""
    await connection.execute(_OLD, (now - timedelta(days=GRANTS_KEPT_DAYS),))


async def live_after(
    connection: Connection,
    after: ClaimName,
    issuers: Collection[str],
    peer: tuple[str, Collection[str]],
    most: int,
) -> list[KeptGrant]:
    """Return grants for vouchers of some issuers that are granted or consumed, after a name.

    `peer`: the source that asks, and whose home it is: others' grants it is not told.
    """
    source, homes = peer
    values = (*_key(after), list(issuers), source, list(homes), most)
    return await _rows(connection, _LIVE_AFTER, values)


def _key(name: ClaimName) -> tuple[str, str, str]:
    return name.issuer, name.code, name.claim_no


async def _rows(connection: Connection, statement: str, values: Sequence[Any]) -> list[KeptGrant]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement.encode(), values)
        return [_read(row) for row in await cursor.fetchall()]


def _read(row: Mapping[str, Any]) -> KeptGrant:
    return KeptGrant(
        name=ClaimName(row["issuer"], row["code"], row["claim_no"]),
        standing=GrantStanding(row["attempt"], GrantState(row["state"])),
        source=row["source"],
        service=row["service"],
        commitment=row["commitment"],
    )

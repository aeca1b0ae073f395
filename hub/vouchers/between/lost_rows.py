"""`lost_rows`: the table of claims that other hubs granted and this database does not hold.

A row is open until its claim stands here as consumed or further, for the same service, or until its
issuer has lifted it. Whether the claim stands here is read from the claims themselves each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from hub.policy.vouchers.grants import GrantStanding
from hub.policy.vouchers.lost_claims import NOT_CONSUMED
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.side_by_side import SharedStatement
from hub.vouchers.limits import LOST_OF_VOUCHER_MAX
from hub.vouchers.marks import ClaimName
from hub.vouchers.money.ledger import CLAIM, SOURCE_OF, VOUCHER

_STATES = ", ".join(f"'{each.value}'" for each in sorted(NOT_CONSUMED))
_NAME = "issuer = %s AND code = %s AND claim_no = %s"
_FOUND = f"UPDATE lost_claim SET is_found = %s WHERE {_NAME} AND source = %s"  # noqa: S608 - own names
_OVER = f"DELETE FROM lost_claim WHERE {_NAME} AND source = %s"  # noqa: S608 - own names
_LIFT = f"""UPDATE lost_claim SET lifted_at = %s, request = %s, request_body = %s
WHERE {_NAME} AND lifted_at IS NULL"""  # noqa: S608 - own names


@dataclass(frozen=True, kw_only=True, slots=True)
class ToldGrant:
    """A grant as the home of a service tells it."""

    name: ClaimName
    standing: GrantStanding
    service: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LostRow:
    """A row. `source`: the hub that told it; `holder`: None where the voucher is not here."""

    name: ClaimName
    source: str
    service: str
    is_open: bool
    is_lifted: bool
    request: str | None
    """The mark of the request that lifted it, and what that said."""
    request_body: bytes | None
    holder: str | None


async def keep_lost(
    database: Database,
    connection: Connection,
    source: str,
    told: Sequence[ToldGrant],
    now: datetime,
) -> int:
    """Keep what of a peer's grants this database does not hold; return how many are new.

    A claim that is pending here for a grant goes on by itself, and what was freed here is told to
    the home of its service: neither is lost.
    """
    rows = [
        (*_key(each.name), each.standing.attempt, each.standing.state.value, each.service)
        for each in told
    ]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * 6
    cursor = await connection.execute(_keeping(database), (*columns, source, now))
    return cursor.rowcount


def open_of_voucher(database: Database) -> SharedStatement:
    """Return the statement that reads the open rows of one voucher, those of `claim` first."""
    return SharedStatement(
        "SELECT t.claim_no, t.service, t.source FROM lost_claim t "  # noqa: S608 - own names
        "WHERE t.issuer = %(issuer)s AND t.code = %(code)s AND t.lifted_at IS NULL "
        f"AND NOT {_is_here(database)} "
        f"ORDER BY t.claim_no <> %(claim)s, t.claim_no, t.source LIMIT {LOST_OF_VOUCHER_MAX}",
        {"issuer": "text", "code": "text", "claim": "text"},
    )


async def of_claim(database: Database, connection: Connection, name: ClaimName) -> list[LostRow]:
    """Return what was told of one claim."""
    condition = "t.issuer = %s AND t.code = %s AND t.claim_no = %s"
    return await _rows(database, connection, condition, (*_key(name), LOST_OF_VOUCHER_MAX))


async def to_tell(database: Database, connection: Connection, most: int) -> list[LostRow]:
    """Return rows whose finding does not say how they stand."""
    condition = f"t.is_found IS DISTINCT FROM {_is_open(database)}"
    return await _rows(database, connection, condition, (most,))


async def was_found(connection: Connection, row: LostRow) -> None:
    """Note that a row's finding says how it stands; one that has come back is over."""
    key = (*_key(row.name), row.source)
    if row.is_open or row.is_lifted:
        await connection.execute(_FOUND.encode(), (row.is_open, *key))
    else:
        await connection.execute(_OVER.encode(), key)


async def lift(
    connection: Connection, name: ClaimName, request: tuple[str, bytes], now: datetime
) -> None:
    """Let a voucher go on without a claim. `request`: mark and body of the message that says so."""
    await connection.execute(_LIFT.encode(), (now, *request, *_key(name)))


def _is_here(database: Database) -> str:
    """Return whether the claim of a row `t` has paid for its service here, as SQL."""
    claim = database.records.tables[CLAIM].source.name
    return (
        f"EXISTS (SELECT FROM {claim} c WHERE c.key = t.issuer || '/' || t.code || '/' "
        f"|| t.claim_no AND c.source = {SOURCE_OF.format(issuer='t.issuer')} "
        "AND c.authority = '' AND NOT c.withdrawn "
        f"AND c.service_key = t.service AND c.state NOT IN ({_STATES}))"
    )


def _is_open(database: Database) -> str:
    return f"(t.lifted_at IS NULL AND NOT {_is_here(database)})"


def _keeping(database: Database) -> bytes:
    return (
        "INSERT INTO lost_claim (issuer, code, claim_no, source, service, is_found, told_at) "  # noqa: S608 - own names
        "SELECT t.issuer, t.code, t.claim_no, o.source, t.service, false, o.now FROM "
        "unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) "
        "AS t (issuer, code, claim_no, attempt, state, service), "
        "(SELECT %s::text, %s::timestamptz) AS o (source, now) "
        f"WHERE NOT {_is_here(database)} AND NOT EXISTS (SELECT FROM shared_claim s "
        "WHERE s.issuer = t.issuer AND s.code = t.code AND s.claim_no = t.claim_no "
        "AND s.service = t.service AND CASE s.state WHEN 'PENDING' THEN t.state = 'GRANTED' "
        "ELSE s.attempt = t.attempt END) ON CONFLICT DO NOTHING"
    ).encode()


async def _rows(
    database: Database, connection: Connection, condition: str, values: tuple[Any, ...]
) -> list[LostRow]:
    voucher = database.records.tables[VOUCHER].source.name
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"SELECT t.*, {_is_open(database)} AS is_open, (SELECT v.holder_key FROM {voucher} v "  # noqa: S608 - own names
            "WHERE v.issuer_key = t.issuer AND v.code = t.code AND NOT v.withdrawn AND v.speaks "
            f"LIMIT 1) AS holder FROM lost_claim t WHERE {condition} "
            "ORDER BY t.issuer, t.code, t.claim_no, t.source LIMIT %s".encode(),
            values,
        )
        return [
            LostRow(
                name=ClaimName(row["issuer"], row["code"], row["claim_no"]),
                source=row["source"],
                service=row["service"],
                is_open=row["is_open"],
                is_lifted=row["lifted_at"] is not None,
                request=row["request"],
                request_body=row["request_body"],
                holder=row["holder"],
            )
            for row in await cursor.fetchall()
        ]


def _key(name: ClaimName) -> tuple[str, str, str]:
    return name.issuer, name.code, name.claim_no

"""`ledger`: what the store holds of a voucher whose money this hub keeps, read and written.

A message is judged and written in one transaction that holds the lock of its voucher: marks,
movements and the claim as it stands then are there together or not at all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from psycopg.rows import dict_row

from hub.errors import ErrorCode, HubError
from hub.policy.bounds import Missing
from hub.policy.vouchers.buckets import Move
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.locks import alone_with
from hub.store.sources import register_source
from hub.vouchers.limits import LOCK_WAIT_MS, MOVEMENTS_MAX
from hub.vouchers.marks import ClaimName
from hub.vouchers.money.movements import GrantedVoucher, Movement
from schema.codes import VoucherBucket, VoucherClaimState, VoucherEvent, VoucherState

MOVEMENT, CLAIM, VOUCHER = "VoucherMovement", "VoucherClaim", "Voucher"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptVoucher:
    """A voucher with its movements in order, and who gives the service of each claim."""

    granted: GrantedVoucher
    movements: tuple[Movement, ...]
    """All; or none, where what they leave was read instead (`hub.vouchers.money.balances`)."""
    providers: Mapping[str, str]
    last: int = 0
    """Number of the last movement."""


def source_of(issuer: str) -> str:
    """Return the source under which this hub states what it does with an issuer's vouchers."""
    return f"vouchers-{sha256(issuer.encode()).hexdigest()[:16]}"


SOURCE_OF = "'vouchers-' || left(encode(sha256(convert_to({issuer}, 'UTF8')), 'hex'), 16)"
"""The same in SQL, of a column or value."""
OF_LEDGER = "{t}.source = " + SOURCE_OF.format(issuer="{t}.issuer_key")
"""Whether a row `{t}` is of this hub's ledger: what other sources state is no money of it."""


async def open_ledger(database: Database, issuer: str, now: datetime) -> None:
    """Register the source of an issuer's ledger, or renew it."""
    await register_source(
        database,
        source_of(issuer),
        f"创新券台账 {issuer}",
        title_en=f"Voucher ledger of {issuer}",
        mode="PUSH",
        now=now,
        owners=(issuer,),
        feeds=(),
    )


@asynccontextmanager
async def locked(database: Database, issuer: str, code: str) -> AsyncIterator[Connection]:
    """Keep other messages about a voucher waiting for as long as the block runs.

    Raises `HubError` TIMEOUT after `LOCK_WAIT_MS`; nothing was done then.
    """
    async with alone_with(database, name_of_lock(issuer, code), LOCK_WAIT_MS) as connection:
        yield connection


def name_of_lock(issuer: str, code: str) -> str:
    """Return the thing that is locked for a voucher (`hub.store.locks`)."""
    return f"voucher {issuer}/{code}"


async def read_voucher(
    database: Database, connection: Connection, issuer: str, code: str
) -> KeptVoucher | None:
    """Return a voucher as it stands; None where no issuer's statement speaks of it."""
    tables = database.records.tables
    granted = await rows_of_statement(
        connection,
        f"SELECT * FROM {tables[VOUCHER].source.name} WHERE code = %s AND key = %s "  # noqa: S608 - own name
        "AND NOT withdrawn AND speaks LIMIT 1",
        (code, f"{issuer}/{code}"),
    )
    if not granted:
        return None
    rows = await rows_of_statement(
        connection,
        f"SELECT * FROM {tables[MOVEMENT].source.name} WHERE issuer_key = %s AND code = %s "  # noqa: S608 - own name
        f"AND source = %s AND NOT withdrawn LIMIT {MOVEMENTS_MAX + 1}",
        (issuer, code, source_of(issuer)),
    )
    check_length(issuer, code, len(rows))
    movements = sorted((movement_of(row) for row in rows), key=lambda each: each.number)
    providers = {
        row["claim_no"]: row["provider_key"] for row in rows if row["provider_key"] is not None
    }
    return KeptVoucher(
        granted=granted_of(granted[0]),
        movements=tuple(movements),
        providers=providers,
        last=len(movements),
    )


def check_length(issuer: str, code: str, movements: int) -> None:
    """Raise `HubError` OVERLOADED for a voucher with more movements than can be read."""
    if movements > MOVEMENTS_MAX:
        raise HubError(
            ErrorCode.OVERLOADED,
            message_en=f"{issuer}/{code}: more than {MOVEMENTS_MAX} messages",
        )


async def movement_of_request(
    database: Database, connection: Connection, request: str
) -> Mapping[str, Any] | None:
    """Return the first movement of a request that was taken before; None where none was."""
    table = database.records.tables[MOVEMENT].source.name
    rows = await rows_of_statement(
        connection,
        f"SELECT * FROM {table} m WHERE request = %s AND NOT withdrawn "  # noqa: S608 - own name
        f"AND {OF_LEDGER.format(t='m')} ORDER BY entry_id LIMIT 1",
        (request,),
    )
    return rows[0] if rows else None


async def read_claims(
    database: Database, connection: Connection, claims: Iterable[ClaimName]
) -> dict[str, Mapping[str, Any]]:
    """Return claims on one voucher as this hub stated them last, by their numbers."""
    names = list(claims)
    table = database.records.tables[CLAIM].source.name
    rows = await rows_of_statement(
        connection,
        f"SELECT * FROM {table} WHERE source = ANY(%s) AND key = ANY(%s) AND NOT withdrawn",  # noqa: S608 - own name
        (
            [source_of(each.issuer) for each in names],
            [f"{each.issuer}/{each.code}/{each.claim_no}" for each in names],
        ),
    )
    return {row["claim_no"]: row for row in rows}


def granted_of(row: Mapping[str, Any]) -> GrantedVoucher:
    """Return a voucher as a row of the store says it."""
    return GrantedVoucher(
        issuer=row["issuer_key"],
        code=row["code"],
        holder=row["holder_key"],
        state=VoucherState[row["state"]],
        granted_fen=_stated(row["granted_fen"], "granted"),
        use_from=row["use_from"],
        use_until=_stated(row["use_until"], "useUntil"),
        cash_until=_stated(row["cash_until"], "cashUntil"),
        region=_stated(row["payer_division"], "payerDivision"),
    )


def movement_of(row: Mapping[str, Any]) -> Movement:
    """Return a movement as a row of the store says it."""
    return Movement(
        number=int(row["number"]),
        event=VoucherEvent[row["event"]],
        claim_no=row["claim_no"],
        claim_state=None if row["claim_state"] is None else VoucherClaimState[row["claim_state"]],
        moves=tuple(
            Move(VoucherBucket[each["source"]], VoucherBucket[each["target"]], each["fen"])
            for each in row["moves"] or ()
        ),
        holds=tuple(row["holds"] or ()),
    )


def _stated(value: Any, fact: str) -> Any:
    return Missing(fact) if value is None else value


async def rows_of_statement(
    connection: Connection, statement: str, parameters: Sequence[Any] | Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the rows of a statement, columns by name."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement.encode(), parameters)
        return list(await cursor.fetchall())


def part_of(row: Mapping[str, Any], table: str, columns: Sequence[str]) -> dict[str, Any] | None:
    """Return the columns of one joined table, whose first is never null; None where no row was."""
    if row[f"{table}_{columns[0]}"] is None:
        return None
    return {name: row[f"{table}_{name}"] for name in columns}

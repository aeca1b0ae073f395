"""`balances`: a voucher as its last movement left it, read without the movements before it.

- Beside movements and claims the ledger keeps one row a voucher: the number of its last movement,
  how many claims there are, and where the money lies that is not free. What is free is what was
  granted less all that, so that a grant which its issuer corrects counts at once.
- So a message reads the voucher, that row, its own claim and what its request did before, in one
  statement, however long the voucher's history is. A voucher without such a row is as it was
  granted where nothing moved it yet, and otherwise made from all its movements
  (`hub.vouchers.money.movements`); it has one afterwards.
- The row follows from the movements and is written in their transaction; `hub.vouchers.money.audit`
  makes it again and tells where it differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hub.policy.vouchers.buckets import Buckets
from hub.policy.vouchers.claim import VoucherClaimStanding, VoucherStanding
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.side_by_side import SharedStatement, SideBySide
from hub.vouchers.marks import ClaimName
from hub.vouchers.money.ledger import (
    CLAIM,
    MOVEMENT,
    OF_LEDGER,
    VOUCHER,
    KeptVoucher,
    check_length,
    granted_of,
    part_of,
    read_claims,
    read_voucher,
    source_of,
)
from hub.vouchers.money.movements import ENDINGS, MovementError, begun, standing_of
from schema.codes import VoucherClaimState, VoucherState

NOT_FREE: Final = ("reserved", "consumed", "settled", "expired", "clawed_back")
"""Places of money that the row says; what is free follows."""
_EARLIER = ("issuer_key", "code", "claim_no", "event", "claim_state", "request_body")
_GRANTED = (
    *("issuer_key", "code", "holder_key", "state", "granted_fen", "use_from", "use_until"),
    *("cash_until", "payer_division"),
)
_CLAIM = (
    *("claim_no", "provider_key", "state", "voucher_fen", "hold_reasons", "service_key"),
    *("order_no", "charge_fen", "invoice_code", "invoice_no", "planned_until"),
)
BALANCE: Final = ("last", "claims", "ended", *NOT_FREE)
"""Columns of the row that follow from the movements."""
_KEEP = (
    "INSERT INTO voucher_balance AS b (issuer, code, last, claims, ended, "  # noqa: S608 - own names
    f"{', '.join(NOT_FREE)}) SELECT * FROM unnest(%s::text[], %s::text[], %s::int[], %s::int[], "
    f"%s::text[], {', '.join(['%s::bigint[]'] * len(NOT_FREE))}) "
    "ON CONFLICT (issuer, code) DO UPDATE SET last = EXCLUDED.last, claims = EXCLUDED.claims, "
    f"ended = EXCLUDED.ended, {', '.join(f'{name} = EXCLUDED.{name}' for name in NOT_FREE)}"
).encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundVoucher:
    """A voucher as a message finds it."""

    voucher: KeptVoucher
    standing: VoucherStanding
    """Of its claims only those that were asked for; `others` counts the rest."""
    claims: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Those claims as they were stated last, rows of the store by number."""
    earlier: Mapping[str, Any] | None = None
    """What the same request did before: the first movement of it."""


@dataclass(frozen=True, slots=True)
class KeptBalance:
    """What the row of one voucher is to say."""

    issuer: str
    code: str
    last: int
    standing: VoucherStanding

    @property
    def row(self) -> tuple[Any, ...]:
        """Return what the row says, in the order of `BALANCE`."""
        standing = self.standing
        ended = standing.state.value if standing.state in ENDINGS.values() else None
        claims = len(standing.claims) + standing.others
        money = (getattr(standing.buckets, name) for name in NOT_FREE)
        return (self.last, claims, ended, *money)


async def find(
    database: Database, reads: SideBySide, claim: ClaimName, request: str
) -> FoundVoucher | None:
    """Return a voucher for a message about one claim; None where nobody states the voucher.

    The caller holds the lock of the voucher. `request`: the mark of the message's request.
    """
    rows = await reads.rows(
        _statement(database),
        {
            "issuer": claim.issuer,
            "code": claim.code,
            "claim": claim.claim_no,
            "request": request,
            "source": source_of(claim.issuer),
        },
    )
    row = rows[0]
    granted, balance = part_of(row, "v", _GRANTED), part_of(row, "b", BALANCE)
    if granted is None:
        return None
    earlier, stated = part_of(row, "m", _EARLIER), part_of(row, "c", _CLAIM)
    if balance is None and not row["has_moved"] and stated is None:
        voucher = KeptVoucher(granted=granted_of(granted), movements=(), providers={})
        return FoundVoucher(voucher=voucher, standing=begun(voucher.granted), earlier=earlier)
    if balance is None:
        whole = await _made(database, reads.connection, claim)
        return None if whole is None else replace(whole, earlier=earlier)
    check_length(claim.issuer, claim.code, balance["last"])
    voucher = KeptVoucher(
        granted=granted_of(granted),
        movements=(),
        providers={} if stated is None else {claim.claim_no: stated["provider_key"]},
        last=balance["last"],
    )
    return FoundVoucher(
        voucher=voucher,
        standing=standing_with(voucher, balance, stated),
        claims={} if stated is None else {claim.claim_no: stated},
        earlier=earlier,
    )


async def _made(
    database: Database, connection: Connection, claim: ClaimName
) -> FoundVoucher | None:
    """Return a voucher that has no row yet, made from all its movements."""
    found = await read_voucher(database, connection, claim.issuer, claim.code)
    if found is None:
        return None
    standing = standing_of(found.granted, found.movements)
    claims = await read_claims(database, connection, [claim])
    return FoundVoucher(voucher=found, standing=standing, claims=claims)


async def keep_balances(connection: Connection, balances: Sequence[KeptBalance]) -> None:
    """Write the rows of some vouchers, in the transaction of their movements."""
    rows = sorted((each.issuer, each.code, *each.row) for each in balances)
    await connection.execute(_KEEP, [list(column) for column in zip(*rows, strict=True)])


def standing_with(
    voucher: KeptVoucher, balance: Mapping[str, Any], stated: Mapping[str, Any] | None
) -> VoucherStanding:
    """Return a voucher as its row says, with one of its claims; pure.

    Raises `MovementError` where more lies elsewhere than was granted.
    """
    start = begun(voucher.granted)
    taken = {name: int(balance[name]) for name in NOT_FREE}
    free = start.buckets.available - sum(taken.values())
    if free < 0:
        raise MovementError(voucher.last, "MONEY_NOT_THERE", f"{-free} fen more than granted")
    claims = {} if stated is None else {stated["claim_no"]: _claim_standing(stated)}
    ended = balance["ended"]
    return replace(
        start,
        state=start.state if ended is None else VoucherState[ended],
        buckets=Buckets(free, **taken),
        claims=claims,
        others=balance["claims"] - len(claims),
    )


def _claim_standing(stated: Mapping[str, Any]) -> VoucherClaimStanding:
    return VoucherClaimStanding(
        state=VoucherClaimState[stated["state"]],
        fen=stated["voucher_fen"],
        holds=tuple(stated["hold_reasons"] or ()),
    )


def _statement(database: Database) -> SharedStatement:
    """Return the statement that reads everything for one message."""
    tables = database.records.tables
    moved, claimed, granted = (tables[each].source.name for each in (MOVEMENT, CLAIM, VOUCHER))
    named = ", ".join(
        f"{table}.{name} AS {table}_{name}"
        for table, names in (("v", _GRANTED), ("b", BALANCE), ("c", _CLAIM), ("m", _EARLIER))
        for name in names
    )
    has_moved = (
        f"CASE WHEN b.issuer IS NULL THEN (SELECT true FROM {moved} a WHERE a.code = %(code)s "  # noqa: S608 - own name
        "AND a.issuer_key = %(issuer)s AND a.source = %(source)s AND NOT a.withdrawn LIMIT 1) END"
    )
    return SharedStatement(
        f"SELECT {named}, {has_moved} AS has_moved FROM (SELECT) one "  # noqa: S608 - own names
        f"LEFT JOIN LATERAL (SELECT * FROM {granted} WHERE code = %(code)s "
        "AND key = %(issuer)s || '/' || %(code)s "
        "AND NOT withdrawn AND speaks LIMIT 1) v ON true "
        "LEFT JOIN voucher_balance b ON b.issuer = %(issuer)s AND b.code = %(code)s "
        f"LEFT JOIN {claimed} c ON c.source = %(source)s AND c.authority = '' "
        "AND c.key = %(issuer)s || '/' || %(code)s || '/' || %(claim)s AND NOT c.withdrawn "
        f"LEFT JOIN LATERAL (SELECT * FROM {moved} m WHERE m.request = %(request)s "
        f"AND NOT m.withdrawn AND {OF_LEDGER.format(t='m')} ORDER BY m.entry_id LIMIT 1) m ON true",
        dict.fromkeys(("issuer", "code", "claim", "request", "source"), "text"),
    )

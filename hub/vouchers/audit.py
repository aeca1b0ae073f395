"""`audit`: makes every voucher's money and claims again from its movements, and tells what differs.

Of vouchers whose money other systems keep it tells what does not fit in what those say (`mirror`).

What is granted is the sum of the six places after every movement, or the audit says where not. A
claim is what its movements leave, and its marks are there while it stands in others' way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeAlias

from psycopg.rows import dict_row

from hub.policy.vouchers.buckets import Buckets
from hub.store.copying import Connection
from hub.store.database import Database
from hub.vouchers.differences import VoucherFault, differences
from hub.vouchers.ledger import CLAIM, MOVEMENT, OF_LEDGER, VOUCHER, granted_of, movement_of
from hub.vouchers.limits import AUDIT_ROWS, FAULTS_MAX, MIRRORED_AT_ONCE
from hub.vouchers.mirror import look_at
from hub.vouchers.movements import MovementError, standing_of


@dataclass(slots=True)
class VoucherAudit:
    """What an audit found."""

    vouchers: int = 0
    movements: int = 0
    claims: int = 0
    mirrored: int = 0
    """Vouchers whose money other systems keep, of which they state claims."""
    buckets: Buckets = field(default_factory=lambda: Buckets(0))
    """Of all vouchers together whose money this hub keeps."""
    faults: list[VoucherFault] = field(default_factory=list)
    """The first `FAULTS_MAX`."""
    faults_count: int = 0

    def note(self, fault: VoucherFault) -> None:
        """Add a fault."""
        self.faults_count += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(fault)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return self.faults_count == 0


async def audit(database: Database) -> VoucherAudit:
    """Recompute every voucher whose money this hub keeps, on one snapshot; then look at others'."""
    found = VoucherAudit()
    tables = database.records.tables
    moved, claimed, granted = (tables[each].source.name for each in (MOVEMENT, CLAIM, VOUCHER))
    movements = (
        "SELECT m.issuer_key, m.code, m.number, m.event, m.claim_no, m.claim_state, m.moves, "  # noqa: S608 - own names
        "m.holds, v.state AS voucher_state, v.holder_key, v.granted_fen, v.use_from, v.use_until, "
        "v.cash_until, v.payer_division "
        f"FROM {moved} m LEFT JOIN {granted} v ON v.key = m.issuer_key || '/' || m.code "
        f"AND NOT v.withdrawn AND v.speaks WHERE NOT m.withdrawn AND {OF_LEDGER.format(t='m')} "
        f"ORDER BY {_ordered('m.')}"
    )
    claims = (
        f"SELECT issuer_key, code, claim_no, state, voucher_fen FROM {claimed} c "  # noqa: S608 - own names
        f"WHERE NOT withdrawn AND {OF_LEDGER.format(t='c')} "
        f"ORDER BY {_ordered()}"
    )
    async with database.reads.connection() as connection, connection.transaction():
        await connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        async for voucher, rows, stated in _together(
            _groups(connection, "movements", movements), _groups(connection, "claims", claims)
        ):
            _look(found, voucher, rows, {each["claim_no"]: each for each in stated})
    await _look_at_others(database, found)
    return found


async def _look_at_others(database: Database, found: VoucherAudit) -> None:
    """Tell what does not fit in what other systems say of their vouchers, one after another.

    Of an issuer whose ledger this hub keeps nothing else counts.
    """
    stated = " UNION ALL ".join(
        f"SELECT issuer_key, code FROM {database.records.tables[each].source.name} "  # noqa: S608 - own names
        "WHERE NOT withdrawn AND speaks"
        for each in (CLAIM, MOVEMENT)
    )
    of_hub = OF_LEDGER.format(t="l")
    after: tuple[str, str] = ("", "")
    while True:
        rows = await database.reads.fetch_all(
            f'SELECT DISTINCT issuer_key COLLATE "C", code COLLATE "C" FROM ({stated}) c '  # noqa: S608 - own names
            'WHERE (issuer_key COLLATE "C", code COLLATE "C") > (%s, %s) AND NOT EXISTS ('
            "SELECT FROM (SELECT s.source_id AS source, c.issuer_key FROM source s) l "
            f"WHERE {of_hub}) ORDER BY 1, 2 LIMIT {MIRRORED_AT_ONCE}",
            after,
        )
        for issuer, code in rows:
            found.mirrored += 1
            for each in await look_at(database, issuer, code):
                for one in each.found:
                    told = " ".join(filter(None, (each.about.claim_no, one.detail, _fen(one.fen))))
                    found.note(VoucherFault(f"{issuer}/{code}", one.kind.value, told))
        if len(rows) < MIRRORED_AT_ONCE:
            return
        after = tuple(rows[-1])


def _fen(fen: int | None) -> str:
    return "" if fen is None else f"{fen} fen"


def _look(
    found: VoucherAudit,
    voucher: str,
    rows: Sequence[Mapping[str, Any]],
    stated: Mapping[str, Mapping[str, Any]],
) -> None:
    """Recompute one voucher."""
    found.vouchers += 1
    found.movements += len(rows)
    if not rows or rows[0]["voucher_state"] is None:
        found.note(VoucherFault(voucher, "NOT_GRANTED" if rows else "CLAIM_WITHOUT_MOVEMENT"))
        return
    movements = sorted((movement_of(row) for row in rows), key=lambda each: each.number)
    try:
        granted = granted_of({**rows[0], "state": rows[0]["voucher_state"]})
        standing = standing_of(granted, movements)
    except MovementError as error:
        found.note(VoucherFault(voucher, error.code, str(error)))
        return
    found.claims += len(standing.claims)
    found.buckets = _sum(found.buckets, standing.buckets)
    for fault in differences(voucher, standing, stated):
        found.note(fault)


def _sum(one: Buckets, other: Buckets) -> Buckets:
    return Buckets(*(getattr(one, name) + getattr(other, name) for name in Buckets.__slots__))


Group: TypeAlias = tuple[tuple[str, str], list[Mapping[str, Any]]]


async def _groups(connection: Connection, name: str, statement: str) -> AsyncIterator[Group]:
    """Yield the rows of each voucher, a bounded number at a time; `statement` is in their order."""
    waiting: list[Mapping[str, Any]] = []
    async with connection.cursor(name, row_factory=dict_row) as cursor:
        await cursor.execute(statement.encode())
        while rows := await cursor.fetchmany(AUDIT_ROWS):
            groups = [(key, list(rows)) for key, rows in groupby([*waiting, *rows], _key)]
            waiting = groups[-1][1]
            for each in groups[:-1]:
                yield each
    if waiting:
        yield _key(waiting[0]), waiting


async def _together(
    movements: AsyncIterator[Group], claims: AsyncIterator[Group]
) -> AsyncIterator[tuple[str, list[Mapping[str, Any]], list[Mapping[str, Any]]]]:
    """Yield each voucher with its movements and its claims; either may be empty."""
    one, other = await anext(movements, None), await anext(claims, None)
    while one or other:
        key = min(each[0] for each in (one, other) if each)
        moved = one[1] if one and one[0] == key else []
        claimed = other[1] if other and other[0] == key else []
        yield "/".join(key), moved, claimed
        one = await anext(movements, None) if moved else one
        other = await anext(claims, None) if claimed else other


def _ordered(table: str = "") -> str:
    """Return the order of both lists: that of the bytes, as Python compares them."""
    return f'{table}issuer_key COLLATE "C", {table}code COLLATE "C"'


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["issuer_key"], row["code"]

"""`audit`: makes every voucher's money and claims again from its movements, and tells what differs.

Of vouchers whose money other systems keep it tells what does not fit in what those say (`mirror`).

What is granted is the sum of the six places after every movement, or the audit says where not. A
claim is what its movements leave, and so is the balance that is kept beside them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, TypeAlias

from psycopg.rows import dict_row

from hub.policy.vouchers.buckets import Buckets
from hub.store.copying import Connection
from hub.store.database import Database
from hub.vouchers.followed.differences import VoucherFault, differences
from hub.vouchers.followed.mirror import look_at
from hub.vouchers.limits import AUDIT_ROWS, FAULTS_MAX, MIRRORED_AT_ONCE
from hub.vouchers.money.balances import BALANCE, KeptBalance
from hub.vouchers.money.ledger import CLAIM, MOVEMENT, OF_LEDGER, VOUCHER, granted_of, movement_of
from hub.vouchers.money.movements import MovementError, standing_of

ORDERED: Final = 'issuer_key COLLATE "C", code COLLATE "C"'
"""The order of all lists: that of the bytes, as Python compares them."""


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
        "SELECT issuer_key, code, number, event, claim_no, claim_state, moves, holds "  # noqa: S608 - own names
        f"FROM {moved} m WHERE NOT withdrawn AND {OF_LEDGER.format(t='m')} ORDER BY {ORDERED}"
    )
    claims = (
        f"SELECT issuer_key, code, claim_no, state, voucher_fen FROM {claimed} c "  # noqa: S608 - own names
        f"WHERE NOT withdrawn AND {OF_LEDGER.format(t='c')} ORDER BY {ORDERED}"
    )
    vouchers = (
        f"SELECT v.*, {', '.join(f'b.{name} AS b_{name}' for name in BALANCE)} "  # noqa: S608 - own names
        f"FROM {granted} v LEFT JOIN voucher_balance b ON b.issuer = v.issuer_key "
        f"AND b.code = v.code WHERE NOT v.withdrawn AND v.speaks "
        'ORDER BY v.issuer_key COLLATE "C", v.code COLLATE "C"'
    )
    statements = {"movements": movements, "claims": claims, "vouchers": vouchers}
    async with database.reads.connection() as connection, connection.transaction():
        await connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        lists = [_groups(connection, name, each) for name, each in statements.items()]
        async for voucher, (rows, stated, said) in _together(*lists):
            if rows or stated:
                by_number = {each["claim_no"]: each for each in stated}
                _look(found, voucher, rows, by_number, said[0] if said else None)
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
    said: Mapping[str, Any] | None,
) -> None:
    """Recompute one voucher. `said`: as its issuer states it, with the balance that is kept."""
    found.vouchers += 1
    found.movements += len(rows)
    if not rows or said is None:
        found.note(VoucherFault(voucher, "NOT_GRANTED" if rows else "CLAIM_WITHOUT_MOVEMENT"))
        return
    movements = sorted((movement_of(row) for row in rows), key=lambda each: each.number)
    try:
        standing = standing_of(granted_of(said), movements)
    except MovementError as error:
        found.note(VoucherFault(voucher, error.code, str(error)))
        return
    found.claims += len(standing.claims)
    found.buckets = _sum(found.buckets, standing.buckets)
    for fault in differences(voucher, standing, stated):
        found.note(fault)
    kept = tuple(said[f"b_{name}"] for name in BALANCE)
    made = KeptBalance(said["issuer_key"], said["code"], len(movements), standing).row
    if kept[0] is not None and kept != made:
        found.note(VoucherFault(voucher, "BALANCE", f"{kept}, {made}"))


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
    *lists: AsyncIterator[Group],
) -> AsyncIterator[tuple[str, list[list[Mapping[str, Any]]]]]:
    """Yield each voucher with its rows of every list; some may be empty."""
    heads = [await anext(each, None) for each in lists]
    while keys := [each[0] for each in heads if each]:
        key = min(keys)
        found: list[list[Mapping[str, Any]]] = []
        for at, head in enumerate(heads):
            is_next = head is not None and head[0] == key
            found.append(head[1] if head is not None and is_next else [])
            if is_next:
                heads[at] = await anext(lists[at], None)
        yield "/".join(key), found


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["issuer_key"], row["code"]

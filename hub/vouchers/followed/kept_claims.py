"""`kept_claims`: claims as rows of the store, for rules that look at them after the fact.

A claim on a voucher whose money this hub keeps is what this hub stated; any other is what its own
system says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from psycopg.rows import dict_row

from hub.policy.vouchers.claim import FREED, S
from hub.store.database import Database
from hub.vouchers.followed.findings import VoucherAbout
from hub.vouchers.limits import CLAIMS_OF_CHANGE, ROUND_CLAIMS
from hub.vouchers.marks import ClaimName
from hub.vouchers.money.ledger import CLAIM, source_of

Row = Mapping[str, Any]
OPEN: Final = (S.RESERVED.value, S.CONSUMED.value)
"""States in which the fast track may begin."""

_SERVICE = "o.instrument_key || '/' || o.service_id"
"""Key of the service record in which an order `o` ended."""


@dataclass(frozen=True, slots=True)
class KeptClaims:
    """Reads claims. `issuers`: whose vouchers' money this hub keeps."""

    database: Database
    issuers: frozenset[str]

    async def named(self, name: ClaimName) -> Row | None:
        """Return a claim as it stands; None where there is none."""
        key = f"{name.issuer}/{name.code}/{name.claim_no}"
        condition = "c.code = %(code)s AND c.key = %(key)s"
        found = await self._rows(condition, {"code": name.code, "key": key}, 1)
        return found[0] if found else None

    async def claimed(self, services: Sequence[str], orders: Sequence[str]) -> set[str]:
        """Return which of some service records and orders, by identity, a claim may be for."""
        service, order, claim = map(self._table, ("ServiceRecord", "ServiceOrder", CLAIM))
        found = await self.database.reads.fetch_all(
            f"SELECT s.item_id FROM {service} s WHERE s.item_id = ANY(%(services)s) "  # noqa: S608 - own names
            f"AND EXISTS (SELECT FROM {claim} c WHERE c.service_key = s.key) "
            f"UNION SELECT o.item_id FROM {order} o WHERE o.item_id = ANY(%(orders)s) "
            f"AND (EXISTS (SELECT FROM {claim} c WHERE c.order_no = o.local_id) "
            f"OR EXISTS (SELECT FROM {claim} c WHERE c.service_key = {_SERVICE}))",
            {"services": list(services), "orders": list(orders)},
        )
        return {item for (item,) in found}

    async def for_service(self, item_id: str) -> Sequence[Row]:
        """Return the claims for a service record, of whichever voucher."""
        table = self._table("ServiceRecord")
        return await self._rows(
            f"c.service_key IN (SELECT key FROM {table} WHERE item_id = %(item)s)",  # noqa: S608 - own name
            {"item": item_id},
            CLAIMS_OF_CHANGE,
        )

    async def for_order(self, item_id: str) -> Sequence[Row]:
        """Return open claims that name an order, or the service record that it ended in."""
        table = self._table("ServiceOrder")
        return await self._rows(
            f"EXISTS (SELECT FROM {table} o WHERE o.item_id = %(item)s "
            f"AND c.owner = o.owner AND (c.order_no = o.local_id OR c.service_key = {_SERVICE})) "
            "AND c.state = ANY(%(open)s)",
            {"item": item_id, "open": list(OPEN)},
            CLAIMS_OF_CHANGE,
        )

    async def sharing(self, keys: Sequence[str]) -> Sequence[Row]:
        """Return claims for the services that some claims are for, by key, but not these."""
        table = self._table(CLAIM)
        return await self._rows(
            "c.service_key = ANY(ARRAY(SELECT k.service_key FROM "  # noqa: S608 - own name
            f"{table} k WHERE k.code = ANY(%(codes)s) AND k.key = ANY(%(keys)s) "
            "AND k.service_key IS NOT NULL)) AND NOT c.key = ANY(%(keys)s)",
            {"keys": list(keys), "codes": [key.split("/")[1] for key in keys]},
            CLAIMS_OF_CHANGE,
        )

    async def has_rival(self, service_key: str, name: ClaimName) -> bool:
        """Whether another system has a live claim for a service record."""
        found = await self._rows(
            "c.service_key = %(service)s AND c.key <> %(key)s "
            "AND NOT c.issuer_key = ANY(%(issuers)s) AND NOT c.state = ANY(%(freed)s)",
            {
                "service": service_key,
                "key": name.text,
                "freed": [each.value for each in FREED],
            },
            1,
        )
        return bool(found)

    async def open_after(self, key: str) -> Sequence[Row]:
        """Return the next open claims on vouchers of this hub, by key."""
        return await self._rows(
            "c.state = ANY(%(open)s) AND c.key > %(key)s AND c.issuer_key = ANY(%(issuers)s)",
            {"open": list(OPEN), "key": key},
            ROUND_CLAIMS,
        )

    async def reserved_until(self, day: date, after: str, most: int) -> Sequence[Row]:
        """Return the next reservations on vouchers of this hub that were planned to end before."""
        return await self._rows(
            "c.state = 'RESERVED' AND c.planned_until < %(day)s AND c.key > %(key)s "
            "AND c.issuer_key = ANY(%(issuers)s)",
            {"day": day, "key": after},
            most,
        )

    async def _rows(self, condition: str, parameters: Row, limit: int) -> Sequence[Row]:
        ledgers = [source_of(each) for each in sorted(self.issuers)]
        async with (
            self.database.writes.connection() as connection,  # what a message did a moment ago
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(
                f"SELECT c.* FROM {self._table(CLAIM)} c WHERE {condition} AND NOT c.withdrawn "  # noqa: S608 - own name
                "AND CASE WHEN c.issuer_key = ANY(%(issuers)s) THEN c.source = ANY(%(ledgers)s) "
                f"ELSE c.speaks END ORDER BY c.key LIMIT {limit}".encode(),
                {**parameters, "issuers": sorted(self.issuers), "ledgers": ledgers},
            )
            return list(await cursor.fetchall())

    def _table(self, record: str) -> str:
        return self.database.records.tables[record].source.name


def name_of(row: Row) -> ClaimName:
    """Return which claim a row is."""
    return ClaimName(row["issuer_key"], row["code"], row["claim_no"])


def about(row: Row) -> VoucherAbout:
    """Return what a finding about a claim is about."""
    return VoucherAbout(
        issuer=row["issuer_key"],
        code=row["code"],
        claim_no=row["claim_no"],
        holder=row["holder_key"],
        provider=row["provider_key"],
    )

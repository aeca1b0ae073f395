"""`stored`: reads a service record and what belongs to it, and has it checked for a voucher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from psycopg.rows import dict_row

from hub.customs.question import UseQuestion
from hub.customs.service import CustomsDesk
from hub.errors import ErrorCode, RefusedError
from hub.policy.bounds import Missing
from hub.policy.customs.decision import CustomsAnswer
from hub.policy.law import EVERYWHERE, Law
from hub.policy.vouchers.checks import verify
from hub.policy.vouchers.claim import VoucherStanding
from hub.policy.vouchers.facts import VoucherTerms
from hub.policy.vouchers.fingerprints import ClaimedService
from hub.policy.vouchers.invoice import normal_invoice
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.legal_persons import legal_persons
from hub.store.records import StoredRecords
from hub.store.view import names_now
from hub.vouchers.abroad import row_abroad, told_here
from hub.vouchers.facts import Row, StoredService, fen, service_told
from hub.vouchers.ledger import KeptVoucher
from hub.vouchers.limits import RELATED_MAX
from hub.vouchers.question import GivenService, ServiceChecked, VoucherWanted
from schema.codes import PowerState, ServicePurpose, VoucherClaimState
from schema.dates import local_date

PAID: Final = tuple(
    each.value
    for each in (
        VoucherClaimState.RESERVED,
        VoucherClaimState.CONSUMED,
        VoucherClaimState.SUBMITTED,
        VoucherClaimState.COUNTY_OK,
        VoucherClaimState.CITY_OK,
        VoucherClaimState.SETTLED,
    )
)
"""States of claims that count for the cap of a year."""


@dataclass(frozen=True, slots=True)
class StoredServices:
    """Checks services from the store. `origin`: the name of this hub's log."""

    database: Database
    customs: CustomsDesk
    law: Law
    origin: str

    async def of(
        self, service: str, wanted: VoucherWanted, voucher: KeptVoucher, standing: VoucherStanding
    ) -> ServiceChecked:
        """Return what the checks say of a service, and by what it is known again."""
        stored, given = await self._looked_at(service, wanted, voucher.granted.holder)
        return self._judged(given, stored, wanted, voucher, standing)

    async def given(self, service: str, wanted: VoucherWanted, holder: str) -> GivenService:
        """Return what this hub knows of a service of its own, whoever's voucher is to pay."""
        return (await self._looked_at(service, wanted, holder))[1]

    async def checked(
        self,
        given: GivenService,
        wanted: VoucherWanted,
        voucher: KeptVoucher,
        standing: VoucherStanding,
    ) -> ServiceChecked:
        """Check what another hub said of its service, with what this one knows of the voucher.

        Registration, relation, state of the enterprise and the year's other claims are those of
        this hub, and so is who is one legal person.
        """
        async with self.database.reads.connection() as connection, connection.transaction():
            reader = _Reader(connection, self.database.records)
            stored, _ = await reader.around(row_abroad(given), wanted, voucher.granted.holder)
        return self._judged(given, stored, wanted, voucher, standing)

    async def _looked_at(
        self, service: str, wanted: VoucherWanted, holder: str
    ) -> tuple[StoredService, GivenService]:
        async with self.database.reads.connection() as connection, connection.transaction():
            reader = _Reader(connection, self.database.records)
            stored, instrument = await reader.service(service, wanted, holder)
            commitment = await reader.commitment(stored.service["entry_id"])
        row = stored.service
        stored = replace(stored, customs=await self._customs(row))
        charge = fen(row["charge"], "charge")
        given = GivenService(
            told=service_told(stored, wanted.fen, wanted.order_no),
            claimed=self._claimed(stored, instrument, wanted, stored.person(holder)),
            in_log=stored.in_log,
            charge_fen=None if isinstance(charge, Missing) else charge,
            item_id=row["item_id"],
            owner=row["owner"],
            issuer=row["issuer"],
            user=row["user_key"],
            instrument=row["instrument_key"],
            invoice=(None, row["invoice_no"]),
            as_of=row["as_of"],
            commitment=commitment,
        )
        return stored, given

    def _judged(
        self,
        given: GivenService,
        stored: StoredService,
        wanted: VoucherWanted,
        voucher: KeptVoucher,
        standing: VoucherStanding,
    ) -> ServiceChecked:
        granted = voucher.granted
        claim = standing.claims.get(wanted.claim_no)
        reserved = claim.fen if claim is not None else 0
        here = service_told(stored, wanted.fen or reserved, wanted.order_no)
        told = told_here(given.told, here, stored)
        terms = VoucherTerms(
            holder=stored.person(granted.holder),
            use_from=granted.use_from,
            use_until=granted.use_until,
            available_fen=standing.buckets.available + reserved,
            used_in_year_fen=stored.used_in_year_fen,
        )
        region = granted.region
        day = local_date(stored.service["ended_at"] or stored.service["as_of"])
        law = self.law.on(day, EVERYWHERE if isinstance(region, Missing) else region)
        claimed = given.claimed
        if not isinstance(claimed, Missing):
            claimed = replace(
                claimed,
                claim_home=self.origin,
                claim_no=_claim_name(wanted),
                holder=stored.person(granted.holder),
            )
        return ServiceChecked(
            verified=verify(told, terms, law),
            claimed=claimed,
            in_log=given.in_log,
            charge_fen=given.charge_fen,
            item_id=given.item_id,
            owner=given.owner,
            invoice=given.invoice,
        )

    def _claimed(
        self, stored: StoredService, instrument: str, wanted: VoucherWanted, holder: str
    ) -> ClaimedService | Missing:
        row, charge = stored.service, fen(stored.service["charge"], "charge")
        for fact, value in (("startedAt", row["started_at"]), ("endedAt", row["ended_at"])):
            if value is None:
                return Missing(fact)
        if isinstance(charge, Missing):
            return charge
        return ClaimedService(
            home=self.origin,
            service_item=row["item_id"],
            claim_home=self.origin,
            claim_no=_claim_name(wanted),
            instrument_item=instrument,
            start_at=row["started_at"],
            end_at=row["ended_at"],
            holder=holder,
            charge_fen=charge,
            invoice=normal_invoice(None, row["invoice_no"], stored.person(row["owner"])),
        )

    async def _customs(self, row: Row) -> CustomsAnswer | Missing:
        """Return what customs law answers for the service as it was."""
        if row["user_key"] is None or row["started_at"] is None or row["ended_at"] is None:
            return Missing("customs", "SERVICE_NOT_WHOLE")
        answer = await self.customs.decide(
            UseQuestion(
                instrument=row["instrument_key"],
                user=row["user_key"],
                purpose=ServicePurpose[row["purpose"]],
                first=local_date(row["started_at"]),
                last=local_date(row["ended_at"]),
            )
        )
        return answer.answer


class _Reader:
    """Reads the records around a service, each list bounded."""

    def __init__(self, connection: Connection, records: StoredRecords) -> None:
        self._connection = connection
        self._records = records

    def _table(self, record: str) -> str:
        return self._records.tables[record].source.name

    async def service(
        self, key: str, wanted: VoucherWanted, holder: str
    ) -> tuple[StoredService, str]:
        """Return a service, and the identity of its instrument."""
        names = await names_now(self._connection, self._records)
        row = await self._one(
            f"SELECT * FROM {self._table('ServiceRecord')} WHERE (key = %(key)s OR item_id = "  # noqa: S608 - own name
            "%(key)s) AND NOT withdrawn AND speaks LIMIT 1",
            {"key": names.of("ServiceRecord", key)},
        )
        if row is None:
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                hint="service: the key of a service record that the hub has",
                hint_zh="service：枢纽已有的服务记录主键",
            )
        return await self.around(row, wanted, holder)

    async def commitment(self, entry_id: int) -> str:
        """Return the salted hash of a revision, hexadecimal."""
        found = await self._one(
            "SELECT commitment FROM entry WHERE entry_id = %(entry)s", {"entry": entry_id}
        )
        assert found is not None, "a row of a projection has its entry"
        return bytes(found["commitment"]).hex()

    async def around(
        self, row: Row, wanted: VoucherWanted, holder: str
    ) -> tuple[StoredService, str]:
        """Return a service with what the store holds around it, and its instrument's identity."""
        instrument = await self._one(
            f"SELECT item_id FROM {self._records.tables['Instrument'].read.name} "  # noqa: S608 - own name
            "WHERE key = %(key)s",
            {"key": row["instrument_key"]},
        )
        days = await self._power_days(row)
        order = await self._order(row, wanted.order_no)
        stored = StoredService(
            service=row,
            order=order,
            offer=await self._offer(row),
            registrations=await self._registrations(row["owner"], wanted.issuer),
            relation=await self._relation(holder, row["owner"]),
            has_rival=await self._has_rival(row),
            spans=[span for day in days for span in _spans(day)],
            is_sensed=bool(days),
            legal_persons=await legal_persons(
                self._connection, self._records, _parties(row, order, holder)
            ),
            customs=Missing("customs"),
            in_log=await self._is_in_log(row["entry_id"]),
            used_in_year_fen=await self._used(holder, row, wanted),
        )
        return stored, row["instrument_key"] if instrument is None else instrument["item_id"]

    async def _order(self, row: Row, order_no: str | None) -> Row | None:
        return await self._one(
            f"SELECT * FROM {self._table('ServiceOrder')} WHERE instrument_key = %(instrument)s "  # noqa: S608 - own name
            "AND (service_id = %(service)s OR local_id = %(order)s) AND NOT withdrawn AND speaks "
            "ORDER BY service_id = %(service)s DESC NULLS LAST LIMIT 1",
            {"instrument": row["instrument_key"], "service": row["local_id"], "order": order_no},
        )

    async def _offer(self, row: Row) -> Row | None:
        if row["offer_code"] is None:
            return None
        return await self._one(
            f"SELECT * FROM {self._table('ServiceOffer')} WHERE instrument_key = %(instrument)s "  # noqa: S608 - own name
            "AND code = %(code)s AND NOT withdrawn AND speaks LIMIT 1",
            {"instrument": row["instrument_key"], "code": row["offer_code"]},
        )

    async def _registrations(self, provider: str, registrar: str) -> Sequence[Row]:
        return await self._many(
            f"SELECT * FROM {self._table('ProviderRegistration')} WHERE owner = %(provider)s "  # noqa: S608 - own name
            "AND registrar_key = %(registrar)s AND NOT withdrawn AND speaks",
            {"provider": provider, "registrar": registrar},
        )

    async def _relation(self, holder: str, provider: str) -> Row | None:
        return await self._one(
            f"SELECT * FROM {self._table('RelationStatement')} WHERE holder_key = %(holder)s "  # noqa: S608 - own name
            "AND provider_key = %(provider)s AND NOT withdrawn AND speaks "
            "ORDER BY stated_on DESC LIMIT 1",
            {"holder": holder, "provider": provider},
        )

    async def _has_rival(self, row: Row) -> bool:
        if row["started_at"] is None or row["ended_at"] is None:
            return False
        found = await self._one(
            f"SELECT 1 AS one FROM {self._table('ServiceRecord')} "  # noqa: S608 - own name
            "WHERE instrument_key = %(instrument)s AND item_id <> %(item)s AND NOT withdrawn "
            "AND speaks AND started_at < %(end)s AND ended_at > %(start)s LIMIT 1",
            {
                "instrument": row["instrument_key"],
                "item": row["item_id"],
                "start": row["started_at"],
                "end": row["ended_at"],
            },
        )
        return found is not None

    async def _power_days(self, row: Row) -> Sequence[Row]:
        if row["started_at"] is None or row["ended_at"] is None:
            return ()
        return await self._many(
            f"SELECT spans FROM {self._table('PowerDay')} WHERE instrument_key = %(instrument)s "  # noqa: S608 - own name
            "AND day BETWEEN %(first)s AND %(last)s AND NOT withdrawn AND speaks",
            {
                "instrument": row["instrument_key"],
                "first": local_date(row["started_at"]),
                "last": local_date(row["ended_at"]),
            },
        )

    async def _is_in_log(self, entry_id: int) -> bool:
        return (
            await self._one(
                "SELECT 1 AS one FROM leaf WHERE entry_id = %(entry)s", {"entry": entry_id}
            )
            is not None
        )

    async def _used(self, holder: str, row: Row, wanted: VoucherWanted) -> int:
        """Return the fen of the holder's other claims on services that ended in the same year."""
        if row["ended_at"] is None:
            return 0
        found = await self._one(
            "SELECT coalesce(sum(c.voucher_fen), 0)::bigint AS fen "  # noqa: S608 - own names
            f"FROM {self._table('VoucherClaim')} c LEFT JOIN {self._table('ServiceRecord')} s "
            "ON s.key = c.service_key AND NOT s.withdrawn AND s.speaks "
            "LEFT JOIN shared_claim h "  # a service of another hub ended when that hub says
            "ON (h.issuer, h.code, h.claim_no) = (c.issuer_key, c.code, c.claim_no) "
            "WHERE c.holder_key = %(holder)s AND NOT c.withdrawn AND c.state = ANY(%(states)s) "
            "AND extract(year FROM coalesce(s.ended_at, "
            "(h.given -> 'told' ->> 'ended_at')::timestamptz) AT TIME ZONE 'Asia/Shanghai') "
            "= %(year)s "
            "AND (c.issuer_key, c.code, c.claim_no) <> (%(issuer)s, %(code)s, %(claim)s)",
            {
                "holder": holder,
                "states": list(PAID),
                "year": local_date(row["ended_at"]).year,
                "issuer": wanted.issuer,
                "code": wanted.code,
                "claim": wanted.claim_no,
            },
        )
        return int(found["fen"]) if found else 0

    async def _one(self, statement: str, parameters: Mapping[str, Any]) -> Row | None:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement.encode(), parameters)
            return await cursor.fetchone()

    async def _many(self, statement: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(f"{statement} LIMIT {RELATED_MAX}".encode(), parameters)
            return list(await cursor.fetchall())


def _claim_name(wanted: VoucherWanted) -> str:
    return f"{wanted.issuer}/{wanted.code}/{wanted.claim_no}"


def _parties(row: Row, order: Row | None, holder: str) -> set[str]:
    """Return every institution whose legal person matters."""
    named = {row["owner"], holder, row["user_key"]}
    if order is not None:
        named |= {order["user_key"], order["payer_key"]}
        named |= {each.get("statedBy") for each in order["steps"] or ()}
    return {each for each in named if each}


def _spans(day: Row) -> list[tuple[PowerState, datetime, datetime]]:
    return [
        (
            PowerState[each["state"]],
            datetime.fromisoformat(each["startAt"]),
            datetime.fromisoformat(each["endAt"]),
        )
        for each in day["spans"] or ()
    ]

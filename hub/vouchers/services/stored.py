"""`stored`: reads a service record and what belongs to it, and has it checked for a voucher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from hub.customs.question import UseQuestion
from hub.customs.service import CustomsDesk
from hub.errors import ErrorCode, RefusedError
from hub.policy.bounds import Missing
from hub.policy.customs.decision import CustomsAnswer
from hub.policy.law import EVERYWHERE, Law
from hub.policy.vouchers.amount import Spent, given_by, most_of
from hub.policy.vouchers.checks import verify
from hub.policy.vouchers.claim import VoucherStanding
from hub.policy.vouchers.facts import ServiceTold, VoucherTerms
from hub.policy.vouchers.fingerprints import ClaimedService
from hub.policy.vouchers.invoice import normal_invoice
from hub.store.database import Database
from hub.store.legal_persons import legal_persons
from hub.store.records import StoredRecords
from hub.store.side_by_side import SharedStatement, SideBySide, reads_of
from hub.store.view import names_seen
from hub.vouchers.between.abroad import row_abroad, told_here
from hub.vouchers.money.ledger import KeptVoucher, part_of
from hub.vouchers.question import GivenService, ServiceChecked, VoucherWanted
from hub.vouchers.services.facts import Row, StoredService, fen, promised_to, service_told
from hub.vouchers.services.service_statement import (
    OFFER,
    ORDER,
    RELATION,
    around_statement,
    business_statement,
    days_of,
    near_statement,
)
from hub.vouchers.services.splits import days_of_splits, ordered_at, split_holds
from schema.codes import PowerState, ServicePurpose, SystemPurpose, VoucherClaimState
from schema.dates import local_date
from schema.records.order_path import ENDED

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
        self,
        service: str,
        wanted: VoucherWanted,
        voucher: KeptVoucher,
        standing: VoucherStanding,
        beside: SideBySide | None = None,
    ) -> ServiceChecked:
        """Return what the checks say of a service, and by what it is known again."""
        promised = voucher.providers.get(wanted.claim_no)
        holder = voucher.granted.holder
        stored, given = await self._looked_at(service, wanted, holder, beside, promised)
        told = replace(given.told, voucher_fen=wanted.fen or _reserved_fen(wanted, standing))
        return self._judged(given, told, stored, wanted, voucher, standing)

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
        async with reads_of(self.database.reads) as reads:
            reader = _Reader(reads, self.database.records, days_of_splits(self.law))
            promised = voucher.providers.get(wanted.claim_no)
            holder = voucher.granted.holder
            stored, _ = await reader.around(row_abroad(given), wanted, holder, promised)
        fen_asked = wanted.fen or _reserved_fen(wanted, standing)
        here = service_told(stored, fen_asked, wanted.order_no)
        told = told_here(given.told, here, stored)
        return self._judged(given, told, stored, wanted, voucher, standing)

    async def _looked_at(
        self,
        service: str,
        wanted: VoucherWanted,
        holder: str,
        beside: SideBySide | None = None,
        promised: str | None = None,
    ) -> tuple[StoredService, GivenService]:
        async with reads_of(self.database.reads, beside) as reads:
            reader = _Reader(reads, self.database.records, days_of_splits(self.law))
            stored, instrument = await reader.service(service, wanted, holder, promised)
            row = stored.service
            stored = replace(stored, customs=await self._customs(row, reads))
        charge = fen(row["charge"], "charge")
        return stored, GivenService(
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
            commitment=stored.commitment,
        )

    def _judged(
        self,
        given: GivenService,
        told: ServiceTold,
        stored: StoredService,
        wanted: VoucherWanted,
        voucher: KeptVoucher,
        standing: VoucherStanding,
    ) -> ServiceChecked:
        """Return what the checks say of the facts that are `told` of a service."""
        granted, reserved = voucher.granted, _reserved_fen(wanted, standing)
        told = promised_to(told, stored, voucher.providers.get(wanted.claim_no))
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
            most_fen=most_of(
                told.charge_fen,
                Spent(used_in_year=terms.used_in_year_fen, available=terms.available_fen),
                law,
            ),
            gives_fen=given_by(told.charge_fen, law),
            holds=split_holds(stored.order, stored.near, law),
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

    async def _customs(self, row: Row, reads: SideBySide) -> CustomsAnswer | Missing:
        """Return what customs law answers for the service as it was."""
        if row["user_key"] is None or row["started_at"] is None or row["ended_at"] is None:
            return Missing("customs", "SERVICE_NOT_WHOLE")
        return await self.customs.answer_to(
            UseQuestion(
                instrument=row["instrument_key"],
                user=row["user_key"],
                purpose=ServicePurpose[row["purpose"]],
                first=local_date(row["started_at"]),
                last=local_date(row["ended_at"]),
            ),
            reads,
        )


class _Reader:
    """Reads a service and the records around it."""

    def __init__(self, reads: SideBySide, records: StoredRecords, near_days: int) -> None:
        self._reads = reads
        self._records = records
        self._near_days = near_days

    async def service(
        self, key: str, wanted: VoucherWanted, holder: str, promised: str | None
    ) -> tuple[StoredService, str]:
        """Return a service, and the identity of its instrument.

        `promised`: who is to give it, by the claim.
        """
        names = await names_seen(self._reads, self._records)
        statement = SharedStatement(
            f"SELECT * FROM {self._records.tables['ServiceRecord'].source.name} "  # noqa: S608 - own name
            "WHERE (key = %(key)s OR item_id = %(key)s) AND NOT withdrawn AND speaks LIMIT 1",
            {"key": "text"},
        )
        rows = await self._reads.rows(statement, {"key": names.of("ServiceRecord", key)})
        if not rows:
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                hint="service: the key of a service record that the hub has",
                hint_zh="service：枢纽已有的服务记录主键",
            )
        return await self.around(rows[0], wanted, holder, promised)

    async def around(
        self, row: Row, wanted: VoucherWanted, holder: str, promised: str | None
    ) -> tuple[StoredService, str]:
        """Return a service with what the store holds around it, and its instrument's identity."""
        claim = {"issuer": wanted.issuer, "code": wanted.code, "claim": wanted.claim_no}
        asked = {"order": wanted.order_no, "registrar": wanted.issuer, "holder": holder}
        (found,) = await self._reads.rows(
            around_statement(self._records),
            {**row, **asked, **claim, **days_of(row), "paid": PAID},
        )
        order = part_of(found, "o", ORDER)
        stored = StoredService(
            service=row,
            order=order,
            near=await self._near(order),
            offer=part_of(found, "f", OFFER),
            registrations=[
                {"valid_from": since, "valid_until": until}
                for since, until in found["registrations"] or ()
            ],
            relation=part_of(found, "r", RELATION),
            business=await self._business(holder),
            has_rival=found["has_rival"],
            spans=[span for day in found["power_days"] or () for span in _spans(day)],
            is_sensed=bool(found["power_days"]),
            legal_persons=await legal_persons(
                self._reads, self._records, _parties(row, order, holder, promised)
            ),
            customs=Missing("customs"),
            in_log=found["in_log"],
            commitment=found["commitment"] or "",
            used_in_year_fen=found["used_fen"],
        )
        return stored, found["instrument_item"] or row["instrument_key"]

    async def _near(self, order: Row | None) -> Sequence[Row]:
        """Return other orders of the same user on the same instrument at about the same time."""
        at = None if order is None else ordered_at(order)
        if order is None or order["user_key"] is None or at is None:
            return ()
        return await self._reads.rows(
            near_statement(self._records),
            {
                "instrument": order["instrument_key"],
                "user": order["user_key"],
                "item": order["item_id"],
                "ended": [each.value for each in ENDED],
                "at": at,
                "days": self._near_days + 1,  # days of the calendar
            },
        )

    async def _business(self, holder: str) -> Sequence[Row]:
        """Return what registers of businesses say of an enterprise, whoever else says so too."""
        return await self._reads.rows(
            business_statement(self._records),
            {"holder": holder, "register": SystemPurpose.REGISTER.value},
        )


def _reserved_fen(wanted: VoucherWanted, standing: VoucherStanding) -> int:
    """Return what is reserved for a claim already."""
    claim = standing.claims.get(wanted.claim_no)
    return 0 if claim is None else claim.fen


def _claim_name(wanted: VoucherWanted) -> str:
    return f"{wanted.issuer}/{wanted.code}/{wanted.claim_no}"


def _parties(row: Row, order: Row | None, holder: str, promised: str | None) -> set[str]:
    """Return every institution whose legal person matters."""
    named = {row["owner"], holder, row["user_key"], promised}
    if order is not None:
        named |= {order["user_key"], order["payer_key"]}
        named |= {each.get("statedBy") for each in order["steps"] or ()}
    return {each for each in named if each}


def _spans(
    day: Sequence[Mapping[str, str]],
) -> list[tuple[PowerState, datetime, datetime]]:
    return [
        (
            PowerState[each["state"]],
            datetime.fromisoformat(each["startAt"]),
            datetime.fromisoformat(each["endAt"]),
        )
        for each in day
    ]

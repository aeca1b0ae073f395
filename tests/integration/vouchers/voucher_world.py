"""A voucher of one issuer, its holder, a provider; and a desk that keeps its money."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

from hub.errors import ErrorCode, RefusedError
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.policy.bounds import Missing
from hub.policy.vouchers.checks import verify
from hub.policy.vouchers.claim import VoucherStanding
from hub.policy.vouchers.fingerprints import ClaimedService
from hub.policy.vouchers.invoice import normal_invoice
from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from hub.store.sources import register_source
from hub.vouchers.money.ledger import KeptVoucher
from hub.vouchers.question import (
    GivenService,
    ServiceChecked,
    VoucherAsking,
    VoucherTold,
    VoucherWanted,
)
from hub.vouchers.service import VoucherDesk
from tests.standing_clock import StandingClock
from tests.unit.policy.voucher_case import ENDED, FIVE_HOURS_S, law, service, terms

ISSUER, PROVIDER = "moe:10001", "moe:10335"
HOLDER = "uscc:12330000470003281H"
HUB = "hub:hub.delta.example"
CODE = "ZJ-2026-0001"
USE_UNTIL, CASH_UNTIL = date(2026, 6, 30), date(2026, 9, 30)
SPRING = datetime(2026, 5, 4, 4, tzinfo=UTC)


@dataclass
class StatedServices:
    """What is known of services, as the test says; checked by the hub's own rules."""

    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    origin: str = "hub"
    """The log in which they are."""
    owner: str | None = None
    """Whose services this hub has; None: everybody's."""

    async def of(
        self,
        key: str,
        wanted: VoucherWanted,
        voucher: KeptVoucher,
        standing: VoucherStanding,
        beside: object = None,
    ) -> ServiceChecked:
        given = await self.given(key, wanted, voucher.granted.holder)
        return await self.checked(given, wanted, voucher, standing)

    async def given(self, key: str, wanted: VoucherWanted, holder: str) -> GivenService:
        owner = key.partition("/")[0]
        if self.owner not in {None, owner}:
            raise RefusedError(ErrorCode.NOT_FOUND)
        said = dict(self.facts.get(key, {}))
        invoice = said.pop("invoice_told", (None, None))
        start = said.pop("start", ENDED - timedelta(hours=5))
        instrument = said.pop("instrument", f"instr of {key}")
        told = service(**{"user": HOLDER, "reviewed_by": HOLDER, **said})
        if not isinstance(told.invoice, Missing):
            told = replace(told, invoice=replace(told.invoice, payer=HOLDER))
        claimed = ClaimedService(
            home=self.origin,
            service_item=key,
            claim_home=self.origin,
            claim_no=wanted.claim_no,
            instrument_item=instrument,
            start_at=start,
            end_at=start + timedelta(seconds=FIVE_HOURS_S),
            holder=holder,
            charge_fen=800_000,
            invoice=normal_invoice(*invoice, PROVIDER),
        )
        return GivenService(
            told=told,
            claimed=claimed,
            in_log=True,
            charge_fen=2_000_000,
            item_id=key,
            owner=owner,
            issuer=owner,
            user=HOLDER,
            instrument=key.rpartition("/")[0],
            invoice=invoice,
            as_of=ENDED,
            commitment=sha256(repr(said).encode()).hexdigest(),
        )

    async def checked(
        self,
        given: GivenService,
        wanted: VoucherWanted,
        voucher: KeptVoucher,
        standing: VoucherStanding,
    ) -> ServiceChecked:
        claim = standing.claims.get(wanted.claim_no)
        available = standing.buckets.available + (claim.fen if claim else 0)
        here = {"registered": True, "controlled": False, "holder_active": True}
        told = replace(given.told, voucher_fen=wanted.fen, **here)
        claimed = given.claimed
        if not isinstance(claimed, Missing):
            claimed = replace(claimed, holder=voucher.granted.holder)
        return ServiceChecked(
            verified=verify(told, terms(holder=HOLDER, available_fen=available), law()),
            claimed=claimed,
            in_log=given.in_log,
            charge_fen=given.charge_fen,
            item_id=given.item_id,
            owner=given.owner,
            invoice=given.invoice,
        )


async def grant(
    database: Database,
    *codes: str,
    fen: int | None = 2_000_000,
    issuer: str = ISSUER,
    until: date | None = None,
) -> None:
    """State vouchers as their issuer's system does; `fen` None: it does not say how much."""
    await register_source(
        database, "vouchers-office", "创新券办", mode="PUSH", now=SPRING, owners=(issuer,)
    )
    rows = [
        {
            "type": "Voucher",
            "record": {
                "issuerKey": issuer,
                "code": code,
                "holderKey": HOLDER,
                "state": "GRANTED",
                "payerDivision": "331083",
                **({} if fen is None else {"grantedFen": fen}),
                "useUntil": (until or USE_UNTIL).isoformat(),
                "cashUntil": (until or CASH_UNTIL).isoformat(),
            },
        }
        for code in codes
    ]
    batch = Batch(
        source="vouchers-office",
        party=HUB,
        channel=Channel.FILE,
        rows=rows,
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"),
        as_of=SPRING,
    )
    outcomes = (await submit(database, batch, clock=lambda: SPRING)).rows
    assert {each.outcome for each in outcomes} == {Outcome.ACCEPTED}, outcomes


class VoucherWorld:
    """A desk, its clock, and messages that are sent to it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.time = StandingClock(SPRING)
        self.services = StatedServices()
        self.sent = 0
        self.desk = VoucherDesk(
            database, self.services, self.time, party=HUB, issuers=frozenset({ISSUER})
        )

    def on(self, day: date) -> None:
        self.time.now = datetime.combine(day, time(4), UTC)

    async def send(
        self,
        event: Event,
        claim_no: str = "A",
        fen: int = 0,
        *,
        party: str = ISSUER,
        key: str | None = None,
        body: bytes | None = None,
        **more: Any,
    ) -> VoucherTold:
        self.sent += 1
        asked: dict[str, Any] = {"issuer": ISSUER, "code": CODE, "claim_no": claim_no, "fen": fen}
        if event is Event.RESERVE:
            asked |= {"provider": PROVIDER, "planned": (date(2026, 5, 4), date(2026, 5, 4))}
        if event is Event.CONSUME:
            asked |= {"service": f"{PROVIDER}/TEM-1/{claim_no}"}
        if event in {Event.CLEAR, Event.REJECT}:
            asked |= {"reason": "looked at"}
        wanted = VoucherWanted(event=event, **{**asked, **more})
        asking = VoucherAsking(
            client="client",
            party=party,
            key=key or f"key-{self.sent}",
            body_hash=body or sha256(repr(wanted).encode()).digest(),
        )
        return await self.desk.take(asking, wanted)

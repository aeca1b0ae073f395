"""`voucher_world`: vouchers, and services that are paid by them, each with everything that a check asks for.

Amounts are invented, and so are the rates: no region's own could be verified (decision of `hub.policy`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from hub.clock import system_clock
from hub.demo.records import demo_party
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.policy.law import FOLDER, Law, read_law
from hub.store.database import Database
from hub.store.sources import register_source
from hub.vouchers.question import VoucherWanted
from schema.codes import VoucherEvent
from schema.dates import local_date

SOURCE, REGISTER_SOURCE = "bench-vouchers", "bench-register"
ISSUER, PROVIDER, HUB = "moe:10001", demo_party("330000", 1), "hub:bench"
HOLDERS = [demo_party("310000", number) for number in range(100, 300)]
REGISTER = demo_party("310000", 99)
INSTRUMENTS = 200
VOUCHERS = 200
GRANTED_FEN = 10**9
CHARGE_FEN = 80_000
PART_ROWS = 5_000
RATES = {"full_deduction": "10000", "rate": "0.5", "order_cap": "20000", "year_cap": "100000000"}


@dataclass(frozen=True, slots=True)
class Claimable:
    """One service, and the claim on a voucher that it is to be paid by."""

    number: int

    @property
    def code(self) -> str:
        return code_of(self.number)

    @property
    def service(self) -> str:
        return f"{PROVIDER}/{self.number % INSTRUMENTS}/S-{self.number}"

    def wanted(self, event: VoucherEvent) -> VoucherWanted:
        """Return the message of an event."""
        claim = VoucherWanted(
            issuer=ISSUER, code=self.code, event=event, claim_no=f"C-{self.number}", fen=CHARGE_FEN
        )
        if event is VoucherEvent.RESERVE:
            day = local_date(system_clock())
            order = f"O-{self.number}"
            return replace(claim, provider=PROVIDER, order_no=order, planned=(day, day))
        return replace(claim, service=self.service)

    def of_voucher(self, code: str, event: VoucherEvent) -> VoucherWanted:
        """Return the same message about another voucher."""
        return replace(self.wanted(event), code=code)


def code_of(number: int) -> str:
    """Return the voucher that a service is paid by."""
    return f"V-{number % VOUCHERS:04}"


def bench_law() -> Law:
    """Return the law that ships, with invented rates for everywhere."""
    texts = {file.name: file.read_text("utf-8") for file in FOLDER.glob("*.toml")}
    return read_law(texts, {"bench.toml": stated_rates()})


def stated_rates() -> str:
    """Return a file that adds the invented rates to the law (`HUB_LAW_DIR`)."""
    return "".join(
        f'[[voucher.{name}.values]]\nregion = "000000"\nsince = 2020-01-01\nvalue = "{value}"\nstatus = "IN_FORCE"\nbasis = "bench"\n'
        for name, value in RATES.items()
    )


async def filled(database: Database, services: int) -> list[Claimable]:
    """State vouchers and services; what is returned can be claimed, once each."""
    now = system_clock()
    owners = [PROVIDER, ISSUER, *HOLDERS]
    await register_source(
        database, SOURCE, "性能测试", mode="PUSH", owners=owners, now=now, purpose="CUSTOMS",
        authority=f"{PROVIDER}/all",
    )  # fmt: skip
    await register_source(
        database,
        REGISTER_SOURCE,
        "登记机关",
        mode="PUSH",
        owners=[REGISTER],
        now=now,
        purpose="REGISTER",
    )
    await state(database, _register(local_date(now)), now, REGISTER_SOURCE)
    rows = _rows(services, now)
    while part := [row for _, row in zip(range(PART_ROWS), rows, strict=False)]:
        await state(database, part, now)
    return [Claimable(number) for number in range(services)]


async def state(
    database: Database, rows: Sequence[dict[str, Any]], now: datetime, source: str = SOURCE
) -> None:
    """Take rows in; all of them, or this fails."""
    batch = Batch(
        source=source, party=HUB, channel=Channel.FILE, rows=rows, as_of=now,
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"),
    )  # fmt: skip
    outcomes = await submit(database, batch, clock=system_clock)
    bad = [row for row in outcomes.rows if row.outcome is not Outcome.ACCEPTED]
    assert bad == [], bad[:3]


def _row(record: str, /, **members: Any) -> dict[str, Any]:
    return {"type": record, "record": members}


def granted(number: int, today: date) -> dict[str, Any]:
    """Return a voucher as its issuer states it."""
    until = date(today.year + 1, 12, 31).isoformat()
    return _row(
        "Voucher", issuerKey=ISSUER, code=code_of(number), holderKey=HOLDERS[number % len(HOLDERS)],
        state="GRANTED", payerDivision="331083", grantedFen=GRANTED_FEN, useUntil=until, cashUntil=until,
    )  # fmt: skip


def _register(today: date) -> list[dict[str, Any]]:
    return [
        _row(
            "BusinessStatus", registrarKey=REGISTER, enterpriseKey=holder, state="IN_BUSINESS",
            validFrom="2020-01-01", statedOn=today.isoformat(),
        )
        for holder in HOLDERS
    ]  # fmt: skip


def _rows(services: int, now: datetime) -> Iterator[dict[str, Any]]:
    today = local_date(now)
    yield _row(
        "Institution", institutionKey=PROVIDER, name={"zh": "大学"}, kind="UNIVERSITY",
        divisionCode="331083",
    )  # fmt: skip
    yield _row(
        "ProviderRegistration", registrarKey=ISSUER, registrationNo="R-1", providerKey=PROVIDER,
        validFrom="2020-01-01",
    )  # fmt: skip
    for holder in HOLDERS:
        yield _row(
            "RelationStatement", holderKey=holder, providerKey=PROVIDER, statedOn="2026-01-02",
            isControlled=False,
        )  # fmt: skip
    for number in range(VOUCHERS):
        yield granted(number, today)
    for number in range(INSTRUMENTS):
        yield from _instrument(number)
    for number in range(services):
        yield from _service(number, today)


def _instrument(number: int) -> Iterator[dict[str, Any]]:
    key = f"{PROVIDER}/{number}"
    yield _row(
        "Instrument", institutionKey=PROVIDER, localNo=f"{number}", name={"zh": "透射电子显微镜"},
        classes=[{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}], status="IN_SERVICE",
        use="GENERAL", sharing="OUTSIDE", customsStatus="NOT_DUTY_FREE", originCountry="CHN",
    )  # fmt: skip
    yield _row(
        "ServiceOffer", instrumentKey=key, code="hour", audience="OUTSIDE", unit="HOUR",
        price={"amount": "800", "currency": "CNY"},
    )  # fmt: skip


def _service(number: int, today: date) -> Iterator[dict[str, Any]]:
    key, holder = f"{PROVIDER}/{number % INSTRUMENTS}", HOLDERS[number % VOUCHERS % len(HOLDERS)]
    day = (today - timedelta(days=1 + number // INSTRUMENTS)).isoformat()
    start, end = f"{day}T01:00:00Z", f"{day}T02:00:00Z"
    money = {"amount": f"{CHARGE_FEN // 100}", "currency": "CNY"}
    steps = [
        {"state": state, "at": end, "statedBy": by}
        for state, by in (("DONE", PROVIDER), ("PAID", PROVIDER), ("REVIEWED", holder))
    ]
    yield _row(
        "ServiceOrder", instrumentKey=key, localId=f"O-{number}", state="REVIEWED", userKey=holder, payerKey=holder,
        charge=money, steps=steps, startAt=start, endAt=end, serviceId=f"S-{number}",
    )  # fmt: skip
    yield _row(
        "ServiceRecord", instrumentKey=key, localId=f"S-{number}", offerCode="hour", userKey=holder, userSide="OUTSIDE",
        startedAt=start, endedAt=end, hours="1", purpose="RESEARCH", charge=money, collectionMethod="SENSOR",
    )  # fmt: skip
    yield _row(
        "PowerDay", instrumentKey=key, sensor="em", day=day,
        spans=[{"startAt": start, "endAt": end, "state": "IN_USE"}],
    )  # fmt: skip

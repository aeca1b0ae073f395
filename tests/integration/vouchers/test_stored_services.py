"""The checks of a voucher on what the store holds: without its record a fact is UNKNOWN."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from hub.access.agreements import Agreements
from hub.customs.service import CustomsDesk
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.policy.bounds import Missing, known
from hub.policy.vouchers.checks import CheckCode, CheckResult, VoucherVerdict
from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from hub.store.sources import register_source
from hub.vouchers.between.abroad import given_from_wire, given_to_wire
from hub.vouchers.between.advance_checks import unknown_service
from hub.vouchers.money.ledger import KeptVoucher, granted_of
from hub.vouchers.money.movements import standing_of
from hub.vouchers.question import ServiceChecked, VoucherWanted
from hub.vouchers.services.service_statement import days_of
from hub.vouchers.services.stored import StoredServices
from tests.integration.vouchers.voucher_world import CODE, HOLDER, HUB, ISSUER, SPRING
from tests.unit.policy.voucher_case import law

pytestmark = pytest.mark.integration
PROVIDER = "uscc:12100000470095016Q"
INSTRUMENT = f"{PROVIDER}/TEM-1"
SERVICE = f"{INSTRUMENT}/S-1"
START, END = datetime.fromisoformat("2026-05-04T01:00:00Z"), "2026-05-04T06:00:00Z"
REGISTRAR = "moe:10005"
STEPS = [
    {"state": state, "at": f"2026-05-{day:02}T01:00:00Z", "statedBy": by}
    for state, day, by in (
        ("REQUESTED", 1, HOLDER),
        ("CONFIRMED", 2, PROVIDER),
        ("DONE", 4, PROVIDER),
        ("PAID", 5, PROVIDER),
        ("REVIEWED", 6, HOLDER),
    )
]


def record(of: str, /, **members: Any) -> dict[str, Any]:
    return {"type": of, "record": members}


ROWS = {
    "institution": record(
        "Institution",
        institutionKey=PROVIDER,
        name={"zh": "大学"},
        kind="UNIVERSITY",
        divisionCode="331083",
    ),
    "instrument": record(
        "Instrument",
        institutionKey=PROVIDER,
        localNo="TEM-1",
        name={"zh": "透射电子显微镜"},
        classes=[{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}],
        status="IN_SERVICE",
        use="GENERAL",
        sharing="OUTSIDE",
        customsStatus="NOT_DUTY_FREE",
        originCountry="CHN",
    ),
    "offer": record(
        "ServiceOffer",
        instrumentKey=INSTRUMENT,
        code="hour",
        audience="OUTSIDE",
        unit="HOUR",
        price={"amount": "1600", "currency": "CNY"},
    ),
    "order": record(
        "ServiceOrder",
        instrumentKey=INSTRUMENT,
        localId="O-1",
        state="REVIEWED",
        userKey=HOLDER,
        payerKey=HOLDER,
        charge={"amount": "8000", "currency": "CNY"},
        steps=STEPS,
        startAt="2026-05-04T01:00:00Z",
        endAt="2026-05-04T07:00:00Z",
        serviceId="S-1",
    ),
    "service": record(
        "ServiceRecord",
        instrumentKey=INSTRUMENT,
        localId="S-1",
        offerCode="hour",
        userKey=HOLDER,
        userSide="OUTSIDE",
        startedAt="2026-05-04T01:00:00Z",
        endedAt=END,
        hours="5",
        purpose="RESEARCH",
        charge={"amount": "8000", "currency": "CNY"},
        collectionMethod="SENSOR",
    ),
    "power": record(
        "PowerDay",
        instrumentKey=INSTRUMENT,
        sensor="em-1",
        day="2026-05-04",
        spans=[
            {"startAt": "2026-05-04T01:00:00Z", "endAt": "2026-05-04T05:36:00Z", "state": "IN_USE"},
            {"startAt": "2026-05-04T05:36:00Z", "endAt": END, "state": "OFF"},
        ],
    ),
    "registration": record(
        "ProviderRegistration",
        registrarKey=ISSUER,
        registrationNo="R-1",
        providerKey=PROVIDER,
        validFrom="2026-01-01",
    ),
    "relation": record(
        "RelationStatement",
        holderKey=HOLDER,
        providerKey=PROVIDER,
        statedOn="2026-01-02",
        isControlled=False,
    ),
}
STATUS = record(
    "BusinessStatus",
    registrarKey=REGISTRAR,
    enterpriseKey=HOLDER,
    validFrom="2019-03-01",
    state="IN_BUSINESS",
    statedOn="2026-05-20",
)
VOUCHER = record(
    "Voucher",
    issuerKey=ISSUER,
    code=CODE,
    holderKey=HOLDER,
    state="GRANTED",
    payerDivision="331083",
    grantedFen=2_000_000,
    useUntil="2026-06-30",
    cashUntil="2026-09-30",
)


async def stated(database: Database, rows: Iterable[dict[str, Any]], **source: Any) -> None:
    """State records by one source."""
    facts: dict[str, Any] = {"purpose": "CUSTOMS", "authority": f"{PROVIDER}/all", **source}
    facts.setdefault("owners", (PROVIDER, HOLDER, ISSUER))
    name = facts["purpose"].lower()
    await register_source(database, name, "各系统", mode="PUSH", now=SPRING, **facts)
    now = SPRING + timedelta(days=30)
    batch = Batch(
        source=name,
        party=HUB,
        channel=Channel.FILE,
        rows=list(rows),
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"),
        as_of=now,
    )
    outcomes = (await submit(database, batch, clock=lambda: now)).rows
    assert {each.outcome for each in outcomes} == {Outcome.ACCEPTED}, outcomes


KNOWN_HERE = {CheckCode.PROVIDER, CheckCode.CONTROLLED, CheckCode.STATUS}
"""What the home of the voucher knows without the home of the service."""


async def checked(
    database: Database,
    rows: dict[str, Any],
    fen: int = 800_000,
    status: dict[str, Any] | None = STATUS,
    purpose: str = "REGISTER",
    promised: str | None = PROVIDER,
) -> ServiceChecked:
    """State some records, and check the service for the voucher.

    `promised`: the provider that the claim was reserved for.
    """
    await stated(database, [*rows.values(), VOUCHER])
    if status is not None:
        await stated(database, [status], purpose=purpose, authority=None, owners=(REGISTRAR,))
    now = SPRING + timedelta(days=30)
    desk = CustomsDesk(database, Agreements(database, lambda: now), lambda: now)
    services = StoredServices(database, desk, law().law, "hub.delta.example")
    granted = granted_of(
        {
            "issuer_key": ISSUER,
            "code": CODE,
            "holder_key": HOLDER,
            "state": "GRANTED",
            "granted_fen": 2_000_000,
            "use_from": None,
            "use_until": date(2026, 6, 30),
            "cash_until": date(2026, 9, 30),
            "payer_division": "331083",
        }
    )
    wanted = VoucherWanted(
        issuer=ISSUER, code=CODE, event=Event.CONSUME, claim_no="A", fen=fen, order_no="O-1"
    )
    providers = {} if promised is None else {"A": promised}
    voucher = KeptVoucher(granted=granted, movements=(), providers=providers)
    standing = standing_of(granted, ())
    found = await services.of(SERVICE, wanted, voucher, standing)
    wire = json.loads(json.dumps(given_to_wire(await services.given(SERVICE, wanted, HOLDER))))
    abroad = await services.checked(given_from_wire(wire), wanted, voucher, standing)
    assert abroad == found, "what another hub says of the service is checked as one's own"
    silent = unknown_service(SERVICE, "jiangsu", now)
    unknown = await services.checked(silent, wanted, voucher, standing)
    assert unknown.verified.verdict is not VoucherVerdict.VALID, "a silent home says nothing"
    assert told(unknown, CheckResult.PASS) <= KNOWN_HERE
    return found


def told(found: ServiceChecked, result: CheckResult) -> set[CheckCode]:
    return set(found.verified.told(result))


async def test_everything_that_records_can_state_is_found(database: Database) -> None:
    found = await checked(database, ROWS)
    assert told(found, CheckResult.UNKNOWN) == set()
    assert told(found, CheckResult.FAIL) == set()
    assert found.verified.verdict is VoucherVerdict.VALID
    assert (found.charge_fen, found.in_log) == (800_000, False)
    assert not isinstance(found.claimed, Missing)
    assert isinstance(found.claimed.invoice, Missing)


WITHOUT = {
    "offer": CheckCode.PRICE,
    "order": CheckCode.CHAIN,
    "power": CheckCode.POWER,
    "registration": CheckCode.PROVIDER,
    "relation": CheckCode.CONTROLLED,
}


@pytest.mark.parametrize("name", WITHOUT)
async def test_without_its_record_a_fact_is_not_known(database: Database, name: str) -> None:
    found = await checked(database, {key: row for key, row in ROWS.items() if key != name})
    of_order = {CheckCode.HOURS, CheckCode.INVOICE, CheckCode.REVIEW}
    also = of_order if name == "order" else set()
    assert told(found, CheckResult.UNKNOWN) == {WITHOUT[name]} | also
    assert told(found, CheckResult.FAIL) == set()


def changed(name: str, **members: Any) -> dict[str, Any]:
    return {**ROWS, name: record(ROWS[name]["type"], **{**ROWS[name]["record"], **members})}


async def test_only_a_register_of_businesses_says_who_was_in_business(database: Database) -> None:
    """What another system says of an enterprise's status decides nothing."""
    found = await checked(database, ROWS, purpose="OTHER")
    assert told(found, CheckResult.UNKNOWN) == {CheckCode.STATUS}


async def test_who_was_deregistered_has_no_voucher_to_use(database: Database) -> None:
    ended = {**STATUS["record"], "state": "DEREGISTERED", "validFrom": "2026-05-04"}
    found = await checked(database, ROWS, status=record("BusinessStatus", **ended))
    assert told(found, CheckResult.FAIL) == {CheckCode.STATUS}


OFF = {"startAt": "2026-05-04T01:00:00Z", "endAt": END, "state": "OFF"}
RIVAL = record(
    "ServiceRecord", **{**ROWS["service"]["record"], "localId": "S-2", "userKey": "moe:10246"}
)
FAILING: dict[CheckCode, dict[str, Any]] = {
    CheckCode.PRICE: changed("offer", price={"amount": "1599.99", "currency": "CNY"}),
    CheckCode.CHAIN: changed("order", userKey="moe:10246"),
    CheckCode.POWER: changed("power", spans=[OFF]),
    CheckCode.PROVIDER: changed("registration", validUntil="2026-05-03"),
    CheckCode.CONTROLLED: changed("relation", isControlled=True),
    CheckCode.INVOICE: changed("order", payerKey=PROVIDER),
    CheckCode.REVIEW: changed("order", steps=[*STEPS[:-1], {**STEPS[-1], "statedBy": PROVIDER}]),
    CheckCode.HOURS: changed("order", endAt="2026-05-04T05:00:00Z"),
    CheckCode.OVERLAP: {**ROWS, "rival": RIVAL},
    CheckCode.EXCLUDED: changed("service", exclusions=["OFFICIAL_DUTY"]),
}


@pytest.mark.parametrize("code", FAILING)
async def test_a_record_that_says_otherwise_fails_its_check(
    database: Database, code: CheckCode
) -> None:
    found = await checked(database, FAILING[code])
    assert told(found, CheckResult.FAIL) == {code}
    assert found.verified.verdict is VoucherVerdict.INVALID


TWIN = "moe:10335"
"""Another key of the provider's legal person, where a record says so."""


@pytest.mark.parametrize(
    ("code", "failing"),
    [
        (PROVIDER.removeprefix("uscc:"), set()),
        ("12330000470003281H", {CheckCode.CHAIN}),
    ],
)
async def test_only_whom_the_claim_was_reserved_for_gives_the_service(
    database: Database, code: str, failing: set[CheckCode]
) -> None:
    """One legal person has many keys; another one does not give what was promised."""
    twin = record(
        "Institution",
        institutionKey=TWIN,
        name={"zh": "大学"},
        kind="UNIVERSITY",
        divisionCode="331083",
        identifiers=[{"scheme": "USCC", "value": code}],
    )
    await stated(database, [twin], purpose="OTHER", authority=None, owners=(TWIN,))
    found = await checked(database, ROWS, promised=TWIN)
    assert told(found, CheckResult.FAIL) == failing
    assert told(found, CheckResult.UNKNOWN) == set()


async def test_a_claim_that_names_no_provider_is_judged_by_its_order(database: Database) -> None:
    found = await checked(database, ROWS, promised=None)
    assert found.verified.verdict is VoucherVerdict.VALID


async def test_a_provider_that_no_record_knows_is_another_one(database: Database) -> None:
    """Also where the order lacks: what contradicts the claim is told before what is missing."""
    without = {key: row for key, row in ROWS.items() if key != "order"}
    found = await checked(database, without, promised=TWIN)
    assert told(found, CheckResult.FAIL) == {CheckCode.CHAIN}


@pytest.mark.parametrize(
    ("ended", "counts"), [("2025-12-31T15:59:59Z", False), ("2025-12-31T16:00:00Z", True)]
)
async def test_a_year_begins_at_midnight_in_shanghai(
    database: Database, ended: str, *, counts: bool
) -> None:
    """What the holder's other claims took counts by the year in which their services ended."""
    cap_fen = int(known(law().number("voucher.year_cap")) * 100)
    before = record("ServiceRecord", **ROWS["service"]["record"])
    before["record"] |= {"localId": "S-0", "startedAt": "2025-12-31T11:00:00Z", "endedAt": ended}
    taken = record(
        "VoucherClaim",
        issuerKey=ISSUER,
        code="V-0",
        claimNo="Z",
        providerKey=PROVIDER,
        holderKey=HOLDER,
        state="SETTLED",
        serviceKey=f"{INSTRUMENT}/S-0",
        voucherFen=cap_fen - 100,
        changedAt="2026-01-05T01:00:00Z",
    )
    found = await checked(database, {**ROWS, "before": before, "taken": taken}, fen=100)
    most = found.most_fen
    assert isinstance(most, int)
    assert (most == 100) is counts


def test_a_service_over_midnight_of_the_year_lies_on_two_days_and_in_the_later_year() -> None:
    times = ("2025-12-31T15:00:00+00:00", "2025-12-31T16:00:00+00:00", "2026-12-31T16:00:00+00:00")
    start, midnight, next_year = map(datetime.fromisoformat, times)
    assert days_of({"started_at": start, "ended_at": midnight}) == {
        "first_day": date(2025, 12, 31),
        "last_day": date(2026, 1, 1),
        "year_from": midnight,
        "year_until": next_year,
    }
    assert set(days_of({"started_at": None, "ended_at": None}).values()) == {None}

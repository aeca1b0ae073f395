"""`vouchers`: a voucher case of the demo: what its three parties state, and its way at the desk.

University, voucher office, enterprise and register of businesses each push what is theirs; then
the enterprise reserves, the university uses and submits. The rate and the caps are examples
(`law/example.toml`) and no region's rule. Who in the demo is whom is invented, but for the
university.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hub.client.profile import Profile
from hub.demo.records import SOURCE, UNIVERSITY, VOUCHER, Row, demo_party
from hub.printer import Printer
from hub.query.plan.documents import document_id, document_named
from schema.dates import format_instant, local_date

ENTERPRISE = demo_party("330106", 4, kind="91")
REGISTER = demo_party("330106", 5)
OFFICE_SOURCE, ENTERPRISE_SOURCE = "demo-office", "demo-enterprise"
REGISTER_SOURCE = "demo-register"
INSTRUMENT = f"{UNIVERSITY}/DEMO-NMR-01"
CODE, CLAIM, SERVICE, ORDER = "DEMO-2026-0001", "DEMO-CLAIM-1", "DEMO-SVC-0003", "DEMO-ORD-0003"
INVOICE = "26330000000000000003"
HOURS, PRICE, FEN = 4, 600, 120_000
"""What was used, what an hour costs, and what the voucher is to pay: half, by the example rate."""
LAW_FOLDER = Path(__file__).with_name("law")
"""Added to the law that ships, by the demo and by the commands that it names."""


def stated(now: datetime) -> Mapping[str, list[Row]]:
    """Return what each party states, by source; dated a few days before now."""
    start = now.replace(hour=1, minute=0, second=0, microsecond=0) - timedelta(days=5)
    end = start + timedelta(hours=HOURS)
    return {
        SOURCE: [*_instrument(), *_service(start, end)],
        OFFICE_SOURCE: _voucher(now),
        ENTERPRISE_SOURCE: _enterprise(),
        REGISTER_SOURCE: _register(now),
    }


def _record(of: str, /, **members: Any) -> Row:
    return {"type": of, "record": members}


def _instrument() -> list[Row]:
    return [
        _record(
            "Instrument",
            institutionKey=UNIVERSITY,
            localNo="DEMO-NMR-01",
            name={"zh": "超导核磁共振波谱仪"},
            classes=[{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}],
            originCountry="CHN",
            customsStatus="NOT_DUTY_FREE",
            use="GENERAL",
            status="IN_SERVICE",
            sharing="OUTSIDE",
        ),
        _record(
            "ServiceOffer",
            instrumentKey=INSTRUMENT,
            code="H-OUTSIDE",
            way="TECHNICAL",
            audience="OUTSIDE",
            unit="HOUR",
            price={"amount": f"{PRICE}.00", "currency": "CNY"},
            validFrom="2026-01-01",
        ),
    ]


def _service(start: datetime, end: datetime) -> list[Row]:
    charge = {"amount": f"{PRICE * HOURS}.00", "currency": "CNY"}
    times = {"startedAt": format_instant(start), "endedAt": format_instant(end)}
    of = {"instrumentKey": INSTRUMENT, "userKey": ENTERPRISE}
    steps = [
        {"state": state, "at": format_instant(start + timedelta(hours=hours)), "statedBy": by}
        for state, hours, by in (
            ("REQUESTED", -48, ENTERPRISE),
            ("CONFIRMED", -24, UNIVERSITY),
            ("DONE", HOURS, UNIVERSITY),
            ("PAID", 24, UNIVERSITY),
            ("REVIEWED", 30, ENTERPRISE),
        )
    ]
    return [
        _record(
            "ServiceOrder", **of, localId=ORDER, state="REVIEWED", payerKey=ENTERPRISE,
            charge=charge, startAt=times["startedAt"], endAt=times["endedAt"], steps=steps,
            serviceId=SERVICE, usageId="DEMO-USE-0003", invoiceNo=INVOICE,
        ),
        _record(
            "UsageRecord", **of, **times, localId="DEMO-USE-0003", hours=f"{HOURS}.0",
            collectionMethod="SENSOR", orderId=ORDER,
        ),
        _record(
            "PowerDay", instrumentKey=INSTRUMENT, sensor="em-3", day=f"{start:%Y-%m-%d}",
            spans=[{"startAt": times["startedAt"], "endAt": times["endedAt"], "state": "IN_USE"}],
        ),
        _record(
            "ServiceRecord", **of, **times, localId=SERVICE, offerCode="H-OUTSIDE",
            userName="示范企业（虚构）", userKind="ENTERPRISE", userSide="OUTSIDE",
            hours=f"{HOURS}.0", purpose="DEVELOPMENT", ways=["TECHNICAL"], charge=charge,
            invoiceNo=INVOICE, collectionMethod="SENSOR",
        ),
    ]  # fmt: skip


def _institution(key: str, kind: str, zh: str, en: str) -> Row:
    name = {"zh": zh, "en": en}
    return _record("Institution", institutionKey=key, kind=kind, name=name)


def _voucher(now: datetime) -> list[Row]:
    return [
        _institution(VOUCHER, "DEPARTMENT", "示范创新券办公室（虚构）", "Example voucher office"),
        _record(
            "Voucher", issuerKey=VOUCHER, code=CODE, holderKey=ENTERPRISE, state="GRANTED",
            payerDivision="330106", grantedFen=2_000_000, useFrom="2026-01-01",
            useUntil=f"{now + timedelta(days=90):%Y-%m-%d}",
            cashUntil=f"{now + timedelta(days=180):%Y-%m-%d}",
        ),
        _record(
            "ProviderRegistration", registrarKey=VOUCHER, registrationNo="DEMO-R-1",
            providerKey=UNIVERSITY, validFrom="2026-01-01",
        ),
    ]  # fmt: skip


def _enterprise() -> list[Row]:
    agreed = {"providerKey": ENTERPRISE, "consumerKey": VOUCHER, "dataset": "VOUCHER"}
    return [
        _institution(ENTERPRISE, "ENTERPRISE", "示范企业（虚构）", "Example enterprise"),
        _record(
            "RelationStatement", holderKey=ENTERPRISE, providerKey=UNIVERSITY,
            statedOn="2026-01-02", isControlled=False,
        ),
        _record("Agreement", **agreed),
    ]  # fmt: skip


def _register(now: datetime) -> list[Row]:
    return [
        _record(
            "BusinessStatus", registrarKey=REGISTER, enterpriseKey=ENTERPRISE, state="IN_BUSINESS",
            validFrom="2024-05-06", statedOn=f"{local_date(now)}",
        )
    ]  # fmt: skip


async def voucher_case(
    printer: Printer, profiles: Mapping[str, Profile], now: datetime, senders: Mapping[str, str]
) -> None:
    """State the case, and bring its claim as far as the checks let it. `senders`: by source."""
    with printer.step(
        "创新券案卷", "A voucher case: four parties state it, its claim goes its way"
    ):
        for source, rows in stated(now).items():
            async with profiles[senders[source]].client() as hub:
                counts = (await hub.push(rows, source=source)).body["counts"]
                printer.say(
                    f"{source}: " + ", ".join(f"{n} {name}" for name, n in counts.items() if n)
                )
        today = f"{now:%Y-%m-%d}"
        reserve = {"fen": FEN, "provider": UNIVERSITY, "plannedFrom": today, "plannedUntil": today}
        use = {"fen": FEN, "service": f"{INSTRUMENT}/{SERVICE}"}
        for step, who, more in (
            ("reserve", senders[ENTERPRISE_SOURCE], {**reserve, "orderNo": ORDER}),
            ("consume", "lab", use),
            ("submit", "lab", {}),
        ):
            told = await _said(profiles[who], step, more)
            state, missing = told["state"], told["missing"]
            why = told["refused"] or f"not known: {missing}"
            printer.say(f"{step}: {state}" if state else f"{step}: nothing moved ({why})")
            if not state:
                break


async def _said(profile: Profile, step: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """Send a message about the claim; on a later run of the demo it is the same one again."""
    body = {
        "documentId": document_id(document_named(f"voucher_{step}")),
        "variables": {"input": {"issuer": VOUCHER, "code": CODE, "claimNo": CLAIM, **more}},
    }
    headers = {
        "content-type": "application/json",
        "accept": "application/graphql-response+json",
        "idempotency-key": f"demo-{step}-{more.get('plannedFrom', '')}",
    }
    async with profile.client() as hub:
        answer = await hub.relay("POST", "/graphql", headers, json.dumps(body).encode())
    told: dict[str, Any] = next(iter(answer.json()["data"].values()))
    errors = " ".join(each["message"] for each in told["userErrors"])
    return {**told, "refused": told["refused"] or errors or None}

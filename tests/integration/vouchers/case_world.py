"""A voucher office with cases: a claim that is submitted, one that is held, an order without any.

Records are stated as their systems do; claims go through the desk, whose checks are told by the
test where no record of the standard could make them VALID.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from hub.store.sources import register_source
from tests.integration.vouchers.test_stored_services import INSTRUMENT, PROVIDER, ROWS, SERVICE
from tests.integration.vouchers.voucher_world import (
    CODE,
    HOLDER,
    HUB,
    ISSUER,
    SPRING,
    VoucherWorld,
    grant,
)

INVOICE = "ＮＯ. 0123 4567"
CUSTOMS = "moe:10007"
"""The customs office; which one is no matter here."""
OTHER_HOLDER = "uscc:12330000470053318C"
STATED = SPRING + timedelta(days=10)
LATER = f"{INSTRUMENT}/S-2"
"""A service that overlaps the first one."""


def rows() -> list[dict[str, Any]]:
    """Return what the systems of both sides state."""
    service, order = ROWS["service"]["record"], ROWS["order"]["record"]
    usage = {
        "instrumentKey": INSTRUMENT,
        "localId": "U-1",
        "startedAt": service["startedAt"],
        "endedAt": service["endedAt"],
        "hours": "5",
        "collectionMethod": "SENSOR",
        "orderId": "O-1",
        "userKey": HOLDER,
    }
    second = {**service, "localId": "S-2", "invoiceNo": "00000000000000000002"}
    lone = {**order, "localId": "O-9", "state": "REQUESTED", "steps": [], "invoiceNo": "7654321"}
    lone.pop("serviceId")
    stated = {
        **ROWS,
        "service": {"type": "ServiceRecord", "record": {**service, "invoiceNo": INVOICE}},
        "second": {"type": "ServiceRecord", "record": second},
        "usage": {"type": "UsageRecord", "record": usage},
        "lone": {"type": "ServiceOrder", "record": lone},
    }
    return list(stated.values())


def supervised() -> dict[str, Any]:
    """Return the instrument as one that was imported free of duty."""
    instrument = ROWS["instrument"]["record"]
    abroad = {"customsStatus": "SUPERVISED", "originCountry": "JPN"}
    return {"type": "Instrument", "record": {**instrument, **abroad}}


def supervision() -> list[dict[str, Any]]:
    """Return what customs has of it: its declaration, and a notice that others may use it."""
    item = {
        "declarationNo": "223320211000000001",
        "itemNo": "1",
        "instrumentKey": INSTRUMENT,
        "releasedOn": "2021-03-01",
        "customsKey": CUSTOMS,
    }
    notice = {
        "customsKey": CUSTOMS,
        "noticeNo": "N-1",
        "instrumentKey": INSTRUMENT,
        "kind": "USE_BY_OTHERS",
        "validFrom": "2026-01-01",
        "validUntil": "2026-12-31",
    }
    return [
        {"type": "CustomsSupervision", "record": item},
        {"type": "CustomsApproval", "record": notice},
    ]


async def state_more(database: Database, stated: Sequence[dict[str, Any]]) -> None:
    """State further records as the systems of the world of cases do."""
    batch = Batch(
        source="all",
        party=HUB,
        channel=Channel.FILE,
        rows=list(stated),
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"),
        as_of=STATED,
    )
    outcomes = (await submit(database, batch, clock=lambda: STATED)).rows
    assert {each.outcome for each in outcomes} == {Outcome.ACCEPTED}, outcomes


async def build_cases(database: Database, until: date | None = None) -> VoucherWorld:
    """State everything, and bring the claims where they stand; `until`: last day of use."""
    owners = (PROVIDER, HOLDER, ISSUER, CUSTOMS)
    await register_source(
        database, "all", "各系统", mode="PUSH", now=SPRING, owners=owners,
        authority=f"{PROVIDER}/all", purpose="CUSTOMS",
    )  # fmt: skip
    await state_more(database, rows())
    await grant(database, CODE, "ZJ-2026-0002", until=until)
    world = VoucherWorld(database)
    told = {"instrument": INSTRUMENT, "invoice_told": (None, INVOICE)}
    world.services.facts = {SERVICE: told, LATER: {"instrument": INSTRUMENT}}
    world.on(date(2026, 5, 10))
    for claim, service, order in (("A", SERVICE, "O-1"), ("B", LATER, None)):
        planned = {"provider": PROVIDER, "order_no": order}
        await world.send(Event.RESERVE, claim, 400_000, party=HOLDER, **planned)
        told_of = await world.send(
            Event.CONSUME, claim, 400_000, party=PROVIDER, service=service, provider=PROVIDER
        )
        assert told_of.state is not None, told_of
    await world.send(Event.SUBMIT, "A", party=PROVIDER)
    return world

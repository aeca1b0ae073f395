"""A voucher office with cases: a claim that is submitted, one that is held, an order without any.

Records are stated as their systems do; claims go through the desk, whose checks are told by the
test where no record of the standard could make them VALID.
"""

from __future__ import annotations

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


async def build_cases(database: Database, until: date | None = None) -> VoucherWorld:
    """State everything, and bring the claims where they stand; `until`: last day of use."""
    owners = (PROVIDER, HOLDER, ISSUER)
    await register_source(
        database, "all", "各系统", mode="PUSH", now=SPRING, owners=owners,
        authority=f"{PROVIDER}/all", purpose="CUSTOMS",
    )  # fmt: skip
    batch = Batch(
        source="all",
        party=HUB,
        channel=Channel.FILE,
        rows=rows(),
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"),
        as_of=STATED,
    )
    outcomes = (await submit(database, batch, clock=lambda: STATED)).rows
    assert {each.outcome for each in outcomes} == {Outcome.ACCEPTED}, outcomes
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

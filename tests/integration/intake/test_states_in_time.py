"""A state that is older than the one that stands never replaces it, whenever it arrives."""

from __future__ import annotations

from typing import Any

import pytest

from hub.clock import system_clock
from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.sources import register_source

pytestmark = pytest.mark.integration
OFFICE, HOLDER, PROVIDER = (
    "uscc:11331083MB0T108389",
    "uscc:91331083MA0E33338Q",
    "uscc:12100000470095016Q",
)


def claim(state: str, at: str | None, **more: Any) -> dict[str, Any]:
    record = {
        "issuerKey": OFFICE,
        "code": "V1",
        "claimNo": "1",
        "providerKey": PROVIDER,
        "holderKey": HOLDER,
        "state": state,
        **({"changedAt": at} if at else {}),
        **more,
    }
    return {"type": "VoucherClaim", "record": record}


@pytest.fixture
async def office(database: Database):
    for name in ("vouchers", "callbacks"):
        await register_source(
            database, name, name, mode="PUSH", owners=[OFFICE], now=system_clock(),
            authority=f"{OFFICE}/vouchers",
        )  # fmt: skip

    async def send(*rows: dict[str, Any], source: str = "vouchers") -> list[str]:
        batch = Batch(
            source=source,
            party="hub:delta.example",
            channel=Channel.HARVEST,
            rows=list(rows),
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"
            ),
            as_of=system_clock(),
        )
        outcomes = await submit(database, batch, clock=system_clock)
        return [
            outcome.problems[0].code if outcome.problems else outcome.outcome.value
            for outcome in outcomes.rows
        ]

    return send


async def state(database: Database) -> tuple[str, int]:
    ((found, revision),) = await database.reads.fetch_all(
        "SELECT state, revision FROM voucher_claim_source WHERE source = 'vouchers'"
    )
    return found, revision


async def test_messages_that_overtake_each_other_or_come_twice_end_in_the_newest_state(
    office, database
):
    city = claim("CITY_OK", "2026-05-20T01:00:00Z")
    paid = claim("SETTLED", "2026-06-18T01:00:00Z", settledFen=1)
    assert await office(paid) == ["ACCEPTED"]
    assert await office(city) == ["STATE_OLDER"]
    assert await office(paid) == ["DUPLICATE"]
    assert await state(database) == ("SETTLED", 1)


async def test_in_one_batch_each_row_is_judged_against_the_one_before_it(office, database):
    rows = [
        claim("CONSUMED", "2026-04-10T09:30:00Z"),
        claim("SETTLED", "2026-06-18T01:00:00Z"),
        claim("SUBMITTED", "2026-05-02T01:00:00Z"),
    ]
    assert await office(*rows) == ["ACCEPTED", "ACCEPTED", "STATE_OLDER"]
    assert await state(database) == ("SETTLED", 2)


async def test_a_state_without_a_time_follows_none_that_has_one(office, database):
    assert await office(claim("RESERVED", None)) == ["ACCEPTED"]
    assert await office(claim("CONSUMED", "2026-04-10T09:30:00Z")) == ["ACCEPTED"]
    assert await office(claim("SETTLED", None)) == ["STATE_OLDER"]
    assert await state(database) == ("CONSUMED", 2)


async def test_of_one_moment_the_later_arrival_corrects_the_earlier(office, database):
    at = "2026-04-10T09:30:00Z"
    assert await office(claim("CONSUMED", at, chargeFen=2)) == ["ACCEPTED"]
    assert await office(claim("CONSUMED", at, chargeFen=3)) == ["ACCEPTED"]
    assert await state(database) == ("CONSUMED", 2)


async def test_what_was_withdrawn_may_be_stated_anew_from_any_state(office, database):
    assert await office(claim("SETTLED", "2026-06-18T01:00:00Z")) == ["ACCEPTED"]
    gone = {"type": "VoucherClaim", "withdraw": {"key": f"{OFFICE}/V1/1", "reason": "mistake"}}
    assert await office(gone) == ["WITHDRAWN"]
    assert await office(claim("RESERVED", "2026-04-01T01:00:00Z")) == ["ACCEPTED"]


async def test_each_source_tells_its_own_history(office, database):
    assert await office(claim("SETTLED", "2026-06-18T01:00:00Z")) == ["ACCEPTED"]
    older = claim("CITY_OK", "2026-05-20T01:00:00Z")
    assert await office(older, source="callbacks") == ["ACCEPTED"]
    assert await state(database) == ("SETTLED", 1)

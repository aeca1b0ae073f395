"""The stand-ins of the two voucher systems through their adapters, well and with every fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from adapters import discover
from connectors.http.credentials import StaticToken
from connectors.limits import Limits
from hub.harvest.connections import HttpConnection
from hub.harvest.report import RunStatus
from hub.harvest.source import HarvestSource
from hub.sandbox.serve import serving
from hub.sandbox.voucher import (
    COUNTY,
    DEPARTMENT,
    DISTRICT_DEPARTMENT,
    ENTERPRISES,
    VoucherSystem,
    delta_system,
    province_system,
)
from schema.dates import local_date

pytestmark = pytest.mark.integration
ISSUERS = {
    "voucher_zhejiang": f"uscc:{DEPARTMENT}",
    "voucher_delta": f"uscc:{DISTRICT_DEPARTMENT}",
}


@dataclass
class Deployed:
    system: VoucherSystem
    source: HarvestSource


@pytest.fixture(params=ISSUERS)
async def vouchers(time, request) -> AsyncIterator[Deployed]:
    make = province_system if request.param == "voucher_zhejiang" else delta_system
    system = make(lambda: local_date(time()))
    prefix = "Bearer " if system.header == "Authorization" else ""
    async with serving(system.app) as url:
        source = HarvestSource(
            id=request.param,
            adapter=discover()[request.param],
            connection=HttpConnection(
                base_url=url, auth=StaticToken(prefix + system.token, header=system.header)
            ),
            owners=(ISSUERS[request.param], f"uscc:{ENTERPRISES[0]}"),
            authority=f"{ISSUERS[request.param]}/vouchers",
            facts={"issuers": {COUNTY: ISSUERS[request.param]}},
            limits=Limits(attempts_max=1, read_s=1),
        )
        yield Deployed(system, source)


async def states(database) -> dict[str, tuple[str, int]]:
    rows = await database.reads.fetch_all(
        "SELECT key, state, revision FROM voucher_claim_source WHERE NOT withdrawn"
    )
    return {key: (state, revision) for key, state, revision in rows}


async def test_a_voucher_system_is_harvested_whole_and_money_is_whole_fen(
    harvester, vouchers, database
):
    report = await harvester.harvest(vouchers.source)
    found = await states(database)
    assert {state for state, _ in found.values()} >= {"SETTLED", "REJECTED", "CONSUMED"}
    rows = await database.reads.fetch_all(
        "SELECT charge_fen, voucher_fen + own_fen, settled_fen, voucher_fen, state "
        "FROM voucher_claim_source"
    )
    assert len(rows) > 40
    for charge, parts, settled, voucher, state in rows:
        assert charge == parts
        assert settled == (voucher if state == "SETTLED" else None)
    held = await database.reads.fetch_all("SELECT DISTINCT granted_fen FROM voucher_source")
    assert held == [(2_000_000,)]
    # Of three enterprises only one lets the source repeat what it stated on control.
    refused = await database.writes.fetch_all("SELECT problems::text FROM quarantine")
    if vouchers.source.id == "voucher_delta":
        assert report.status is RunStatus.PARTIAL
        assert len(refused) == 2
        assert all("OWNER_MISMATCH" in text for (text,) in refused)
    else:
        assert report.status is RunStatus.OK, report.message
        assert refused == []


async def test_a_system_that_goes_back_in_time_takes_no_state_back(
    harvester, vouchers, database, time
):
    await harvester.harvest(vouchers.source)
    before = await states(database)
    vouchers.system.switchboard.set({"stale": True})
    time.pass_by(hours=1)
    report = await harvester.harvest(vouchers.source)
    assert report.status is RunStatus.PARTIAL
    assert await states(database) == before
    refused = await database.writes.fetch_all("SELECT problems::text FROM quarantine")
    assert any("STATE_OLDER" in text for (text,) in refused)
    vouchers.system.switchboard.set({})
    time.pass_by(hours=1)
    await harvester.harvest(vouchers.source)
    assert await states(database) == before


async def test_what_happens_later_is_told_later_and_each_state_is_a_revision(
    harvester, vouchers, database, time
):
    await harvester.harvest(vouchers.source)
    before = await states(database)
    time.pass_by(days=10)
    await harvester.harvest(vouchers.source)
    after = await states(database)
    moved = {key for key in before if after[key] != before[key]}
    assert moved
    assert all(after[key][1] == before[key][1] + 1 for key in moved)
    assert before.keys() <= after.keys()


FAILURES = (
    ({"dead": True}, "SOURCE_UNAVAILABLE"),
    ({"denied": True}, "SOURCE_DENIED"),
    ({"html": True}, "SOURCE_BAD_DATA"),
    ({"slow": 1.5}, "SOURCE_TIMEOUT"),
    ({"limited": True}, "SOURCE_UNAVAILABLE"),
    ({"cut": True}, "SOURCE_UNAVAILABLE"),
)


async def test_a_system_that_fails_or_pages_badly_changes_no_state_and_says_how(
    harvester, vouchers, database, time
):
    await harvester.harvest(vouchers.source)
    before = await states(database)
    for fault, code in FAILURES:
        time.pass_by(minutes=1)
        vouchers.system.switchboard.set(fault)
        report = await harvester.harvest(vouchers.source)
        assert report.status is RunStatus.FAILED, fault
        assert code in {report.error_code, *(part.error_code for part in report.collections)}
    for fault in ("repeated", "dropped", "moved", "lying", "shrunk", "empty"):
        time.pass_by(minutes=1)
        vouchers.system.switchboard.set({fault: True})
        await harvester.harvest(vouchers.source)
        assert await states(database) == before, fault
    vouchers.system.switchboard.set({"spoiled": True})
    report = await harvester.harvest(vouchers.source)
    assert report.status is RunStatus.PARTIAL
    assert await states(database) == before
    refused = await database.writes.fetch_all("SELECT problems::text FROM quarantine")
    assert any("AMOUNT_PRECISION" in text for (text,) in refused)
    assert any("CODE_UNKNOWN" in text for (text,) in refused)

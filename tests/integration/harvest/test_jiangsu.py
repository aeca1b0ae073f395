"""A province platform that is asked by GraphQL: read by its adapter, with its faults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters import discover
from connectors.limits import Limits
from hub.harvest.connections import HttpConnection, StaticToken
from hub.harvest.report import HarvestReport, ListStatus, RunStatus
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.sandbox.jiangsu import JiangsuPlatform, jiangsu
from hub.sandbox.serve import serving
from hub.store.database import Database
from schema.dates import local_date

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)


@dataclass
class Province:
    """The platform, and a hub that reads it."""

    platform: JiangsuPlatform
    source: HarvestSource
    database: Database

    async def harvest(self, **changed: Any) -> HarvestReport:
        harvester = Harvester(self.database, "hub:test/records", lambda: NOW)
        return await harvester.harvest(replace(self.source, **changed))

    async def count(self, table: str) -> int:
        ((count,),) = await self.database.reads.fetch_all(f"SELECT count(*) FROM {table}")
        return int(count)


@pytest.fixture
async def province(database: Database) -> AsyncIterator[Province]:
    platform = jiangsu(lambda: local_date(NOW), scale=0.03)
    async with serving(platform.app) as url:
        source = HarvestSource(
            id="jiangsu",
            adapter=discover()["jiangsu"],
            connection=HttpConnection(base_url=url, auth=StaticToken(f"Bearer {platform.token}")),
            owners=None,
            authority="moe:10284/share-js",
            limits=Limits(attempts_max=1, read_s=30),
        )
        yield Province(platform, source, database)


def statuses(report: HarvestReport) -> dict[str, ListStatus]:
    return {each.name: each.status for each in report.collections}


async def test_a_platform_is_read_by_graphql_and_again_without_a_new_entry(
    province: Province,
) -> None:
    report = await province.harvest()
    assert report.status is RunStatus.OK, report
    assert await province.count("instrument") > 10
    assert await province.count("occupancy_coverage_source") > 5
    assert await province.count("occupancy_source") > 10
    entries = await province.count("entry")
    again = await province.harvest()
    assert again.status is RunStatus.OK
    assert await province.count("entry") == entries


async def test_data_with_errors_goes_in_and_withdraws_nothing(province: Province) -> None:
    await province.harvest()
    before = await province.count("instrument")
    province.platform.troubles.add("partial")
    province.platform.switchboard.set({"shrunk": True})
    report = await province.harvest()
    assert statuses(report)["equipment"] is ListStatus.PARTIAL
    messages = [each.message or "" for each in report.collections if each.name == "equipment"]
    assert "UPSTREAM_TIMEOUT" in messages[0]
    assert await province.count("instrument") == before


async def test_faults_of_the_platform_have_their_names(province: Province) -> None:
    for faults, code in (
        ({"html": True}, "SOURCE_BAD_DATA"),
        ({"dead": True}, "SOURCE_UNAVAILABLE"),
        ({"denied": True}, "SOURCE_DENIED"),
    ):
        province.platform.switchboard.set(faults)
        report = await province.harvest()
        assert report.status is RunStatus.FAILED
        assert code in {each.error_code for each in report.collections}, faults
    province.platform.switchboard.set({})
    wrong = HttpConnection(
        base_url=province.source.connection.place, auth=StaticToken("Bearer wrong")
    )
    report = await province.harvest(connection=wrong)
    assert "SOURCE_DENIED" in {each.error_code for each in report.collections}
    assert await province.count("entry") == 0


async def test_bad_rows_are_quarantined_and_the_others_go_in(province: Province) -> None:
    province.platform.switchboard.set({"spoiled": True})
    report = await province.harvest()
    assert report.status in (RunStatus.OK, RunStatus.PARTIAL)
    ((rows,),) = await province.database.writes.fetch_all("SELECT count(*) FROM quarantine")
    assert rows >= 3
    assert await province.count("instrument") > 10

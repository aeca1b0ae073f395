"""Reporting to the national platform: order, once only, and what is never invented."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters import discover
from connectors.errors import PayloadError, SourceUnavailableError
from connectors.http.session import HttpSession
from connectors.http.transport import open_client
from connectors.limits import Limits
from hub.errors import RefusedError
from hub.exchange.nrii import NriiReport, NriiReporter
from hub.exchange.nrii_ledger import NriiLedger
from hub.harvest.connections import HttpConnection
from hub.harvest.report import RunStatus
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.sandbox.nrii import NationalPlatform
from hub.sandbox.serve import serving
from hub.store.database import Database
from hub.store.sources import register_source

NOW = datetime(2026, 11, 25, 2, tzinfo=UTC)
UNIT, SOURCE = "moe:10335", "zju"
INS = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
OFFICE = {
    "contact": "仪器共享服务台",
    "phone": "0571-88880000",
    "email": "share@example.edu.cn",
    "address": "余杭塘路866号",
    "postalcode": "310058",
    "insideDepart": "分析测试中心",
    "image": "https://fx.example.edu.cn/i.jpg",
}
FACTS = {"insCode": INS, "contact": OFFICE}


def instrument(number: str, **more: Any) -> dict[str, Any]:
    record = {
        "institutionKey": UNIT,
        "localNo": number,
        "name": {"zh": "透射电镜", "en": "TEM"},
        "classes": [{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}],
        "subjects": [{"scheme": "GB/T 13745", "version": "2009", "code": "140"}],
        "model": "JEM-2100F",
        "manufacturer": "JEOL",
        "originCountry": "JPN",
        "specification": "0.19 nm",
        "functions": "形貌",
        "originalValue": {"amount": "6255549.99", "currency": "CNY"},
        "acquisition": "TRANSFERRED_IN",
        "funding": [{"source": "CENTRAL_FISCAL"}, {"source": "OWN_FUNDS"}],
        "bookedOn": "2019-05-12",
        "use": "GENERAL",
        "status": "IN_SERVICE",
        "carrier": "NONE",
        "place": {"divisionCode": "330106", "address": "余杭塘路866号"},
        "customsStatus": "SUPERVISED",
        "serviceContent": "成像",
        "rules": "预约",
        "bookingUrl": "https://fx.example.edu.cn/tem",
        "annualHours": 1650,
        "annualSharedHours": 420,
        **more,
    }
    return {
        "type": "Instrument",
        "record": {name: each for name, each in record.items() if each is not None},
    }


def service(number: str, of: str = "TEM", **more: Any) -> dict[str, Any]:
    record = {
        "instrumentKey": f"{UNIT}/{of}",
        "localId": number,
        "userName": "某公司",
        "userSide": "OUTSIDE",
        "userReference": "u-17",
        "endedAt": "2026-11-03T06:40:00Z",
        "hours": "2.55",
        "purpose": "RESEARCH",
        "ways": ["OCCUPANCY", "REMOTE"],
        "content": "观察",
        "charge": {"amount": "1250.5", "currency": "CNY"},
        "collectionMethod": "MANUAL",
        "agreementSigned": True,
        "outsidePremises": False,
        "review": {"rating": "FAIR"},
        **more,
    }
    return {"type": "ServiceRecord", "record": record}


CUSTOMS = {
    "type": "CustomsSupervision",
    "record": {
        "declarationNo": "290020191000000123",
        "itemNo": "1",
        "instrumentKey": f"{UNIT}/TEM",
        "declaredName": "电镜",
        "releasedOn": "2019-04-20",
    },
}
ALL = (service("S-1"), CUSTOMS, instrument("TEM"))
"""In an order in which nothing may be sent."""


class Reporting:
    """A hub with one source, and the platform that it reports to."""

    def __init__(self, database: Database, platform: NationalPlatform, url: str) -> None:
        self.database = database
        self.platform = platform
        self.url = url
        self.pauses: list[float] = []
        self.facts: dict[str, Any] = FACTS
        self.now = NOW

    async def put(self, *rows: Any) -> None:
        batch = Batch(
            source=SOURCE,
            party="hub:test/records",
            channel=Channel.FILE,
            rows=list(rows),
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED, document_hash=bytes(32), run_id="run"
            ),
            as_of=NOW,
        )
        outcomes = await submit(self.database, batch, clock=lambda: NOW)
        assert not outcomes.counts[Outcome.QUARANTINED], outcomes.to_text()

    async def report(self, **more: bool) -> NriiReport:
        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        async with open_client(f"{self.url}/", limits=Limits()) as client:
            session = HttpSession("nrii", client)
            reporter = NriiReporter(self.database, self.clock, session, self.facts, pause=pause)
            return await reporter.report(SOURCE, **more)

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    @property
    def types(self) -> list[str]:
        return [kind for kind, _ in self.platform.received]


@pytest.fixture
async def reporting(database: Database) -> AsyncIterator[Reporting]:
    await register_source(database, SOURCE, "浙大", mode="PUSH", owners=[UNIT], now=NOW)
    platform = NationalPlatform(INS)
    async with serving(platform.app) as url:
        yield Reporting(database, platform, url)


async def test_equipment_goes_before_customs_data_and_services_and_each_once(
    reporting: Reporting,
) -> None:
    await reporting.put(*ALL)
    report = await reporting.report()
    assert reporting.types == ["4", "5", "6"]
    assert report.counts == {"4 ACCEPTED": 1, "5 ACCEPTED": 1, "6 ACCEPTED": 1}
    again = await reporting.report()
    assert reporting.types == ["4", "5", "6"]
    assert again.counts == {"4 SENT_BEFORE": 1, "5 SENT_BEFORE": 1, "6 SENT_BEFORE": 1}

    equipment, customs, record = (row for _, row in reporting.platform.received)
    assert equipment["worth"] == 625.55, "万元"
    assert equipment["instrSource"] == "其他", "the form knows no 调入"
    assert (equipment["province"], equipment["city"]) == ("浙江省", "杭州市")
    assert (equipment["nation"], equipment["fee"]) == ("日本", "无")
    assert equipment["instrSupervise"] == "是"
    assert equipment["contact"] == OFFICE["contact"]
    assert (customs["itemNumber"], customs["importDate"]) == ("01", "2019-04-20")
    assert (record["amounts"], record["serviceTime"]) == (1250.5, 2.6)
    assert (record["endTime"], record["signAgreement"]) == ("2026-11-03 14", 0)
    assert (record["adressType"], record["comment"]) == (0, "一般")
    assert (record["serviceWay"], record["serviceDirection"]) == ("占用共享,远程共享", "科学研究")
    assert "applicant" not in record
    assert "u-17" not in str(record)
    assert "applicantPhone" in report.left_out


async def test_a_changed_revision_is_sent_again_and_one_that_goes_back_too(
    reporting: Reporting,
) -> None:
    for model in ("JEM-1", "JEM-2", "JEM-1"):
        await reporting.put(instrument("TEM", model=model))
        await reporting.report()
    sent = [row["instrVersion"] for _, row in reporting.platform.received]
    assert sent == ["JEM-1", "JEM-2", "JEM-1"]
    await reporting.put(instrument("TEM", model="JEM-1", status="AWAITING_REPAIR"))
    await reporting.report()
    assert len(reporting.types) == 3, "the form has no status: nothing that is sent has changed"


async def test_what_is_missing_is_named_and_nothing_is_invented(reporting: Reporting) -> None:
    poor = instrument(
        "POOR",
        name={"zh": "电镜"},
        bookedOn="2019-05",
        customsStatus="UNKNOWN",
        originalValue={"amount": "100", "currency": "USD"},
    )
    await reporting.put(poor, service("S-1", of="POOR", outsidePremises=None) | {})
    reporting.facts = {"insCode": INS}
    report = await reporting.report()
    assert reporting.types == []
    assert report.counts == {"4 INCOMPLETE": 1, "6 INCOMPLETE": 1}
    told = " ".join(report.told)
    for name in ("ename", "beginDate", "instrSupervise", "worth", "contact", "phone", "email"):
        assert name in told
    assert "adressType" in told


async def test_a_service_waits_for_its_instrument(reporting: Reporting) -> None:
    await reporting.put(instrument("TEM"), service("S-1"))
    reporting.platform.trouble = "code:202"
    refused = await reporting.report()
    assert refused.counts == {"4 BAD_DATA": 1, "6 WAITS": 1}
    assert "数据验证错误" in refused.told[0]
    reporting.platform.trouble = ""
    same = await reporting.report()
    assert same.counts == {"4 REFUSED_BEFORE": 1, "6 WAITS": 1}
    assert reporting.types == []
    await reporting.put(instrument("TEM", model="corrected"))
    assert (await reporting.report()).counts == {"4 ACCEPTED": 1, "6 ACCEPTED": 1}


async def test_a_failure_of_the_platform_is_tried_again_in_the_next_run(
    reporting: Reporting,
) -> None:
    await reporting.put(instrument("TEM"))
    for code in ("301", "203", "999"):
        reporting.platform.trouble = f"code:{code}"
        report = await reporting.report()
        assert set(report.counts) <= {"4 FAILED", "4 UNKNOWN"}
    reporting.platform.trouble = ""
    assert (await reporting.report()).counts == {"4 ACCEPTED": 1}


async def test_what_may_have_arrived_is_not_sent_again_unless_somebody_says_so(
    reporting: Reporting,
) -> None:
    await reporting.put(instrument("TEM"))
    reporting.platform.trouble = "lost"
    with pytest.raises(SourceUnavailableError):
        await reporting.report()
    assert reporting.types == ["4"], "it was taken, and no answer came"
    reporting.platform.trouble = ""
    unsure = await reporting.report()
    assert unsure.counts == {"4 UNSURE": 1}
    assert reporting.types == ["4"]
    assert (await reporting.report(resend_unsure=True)).counts == {"4 ACCEPTED": 1}
    assert reporting.types == ["4", "4"]


async def test_what_cannot_have_left_is_simply_sent_by_the_next_run(reporting: Reporting) -> None:
    await reporting.put(instrument("TEM"))
    url, reporting.url = reporting.url, "http://127.0.0.1:9"
    with pytest.raises(SourceUnavailableError):
        await reporting.report()
    reporting.url = url
    reporting.platform.switchboard.set({"denied": True})
    with pytest.raises(Exception, match="401"):
        await reporting.report()
    reporting.platform.switchboard.set({})
    assert (await reporting.report()).counts == {"4 ACCEPTED": 1}


async def test_a_login_page_with_status_200_ends_the_run_and_leaves_it_unsure(
    reporting: Reporting,
) -> None:
    await reporting.put(instrument("TEM"))
    reporting.platform.switchboard.set({"html": True})
    with pytest.raises(PayloadError, match="HTML"):
        await reporting.report()
    reporting.platform.switchboard.set({})
    assert (await reporting.report()).counts == {"4 UNSURE": 1}


async def test_a_wrong_code_of_the_unit_ends_the_run_at_once(reporting: Reporting) -> None:
    await reporting.put(instrument("A"), instrument("B"))
    reporting.facts = {**FACTS, "insCode": "f" * 32}
    with pytest.raises(PayloadError, match="unit"):
        await reporting.report()
    reporting.facts = FACTS
    assert (await reporting.report()).counts == {"4 ACCEPTED": 2}


async def test_a_dry_run_sends_nothing_and_says_what_would_be_sent(reporting: Reporting) -> None:
    await reporting.put(*ALL)
    report = await reporting.report(dry_run=True)
    assert report.counts == {f"{kind} WOULD_BE_SENT": 1 for kind in "456"}
    assert reporting.types == []


async def test_a_withdrawn_record_is_not_reported(reporting: Reporting) -> None:
    await reporting.put(instrument("TEM"))
    withdrawn = {"key": f"{UNIT}/TEM", "reason": "scrapped"}
    await reporting.put({"type": "Instrument", "withdraw": withdrawn})
    assert (await reporting.report()).counts == {}


async def test_the_platform_is_left_alone_for_a_second_after_each_500(
    reporting: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.exchange.nrii.NRII_PAUSE_EACH", 2)
    await reporting.put(*(instrument(f"I{number}") for number in range(5)))
    await reporting.report()
    assert reporting.pauses == [1.0, 1.0]


async def test_two_reports_to_one_account_do_not_run_at_once(reporting: Reporting) -> None:
    await reporting.put(instrument("TEM"))
    async with NriiLedger(reporting.database, "nrii").held():
        with pytest.raises(RefusedError):
            await reporting.report()
    assert (await reporting.report()).counts == {"4 ACCEPTED": 1}


async def test_what_was_reported_can_be_harvested_back_and_says_the_same(
    reporting: Reporting,
) -> None:
    await reporting.put(*ALL)
    await reporting.report()
    deployed = HarvestSource(
        id="nrii",
        adapter=discover()["nrii"],
        connection=HttpConnection(base_url=reporting.url),
        institution={"institutionKey": UNIT},
        facts={"insCode": INS},
        owners=(UNIT,),
    )
    harvester = Harvester(reporting.database, "hub:test/records", lambda: NOW)
    report = await harvester.harvest(deployed)
    assert report.status is RunStatus.OK, report
    rows = await reporting.database.reads.fetch_all(
        "SELECT source, original_value->>'amount', customs_status FROM instrument_source "
        "ORDER BY source"
    )
    assert rows == [("nrii", "6255500", "SUPERVISED"), (SOURCE, "6255549.99", "SUPERVISED")]
    ((signed, outside),) = await reporting.database.reads.fetch_all(
        "SELECT agreement_signed, outside_premises FROM service_record_source WHERE source = 'nrii'"
    )
    assert (signed, outside) == (None, None), "0 and 0 is what defective senders write as well"

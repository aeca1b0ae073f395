"""A university with four duty-free instruments, and the customs office that supervises them.

Everything is dated from the day on which it is built, so that it means the same in every year:
instrument 1 is in order, 2 has a report overdue, 3 has no day of release, 4 is out of its term.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.policy.working_days import months_after
from hub.store.database import Database
from hub.store.sources import register_source
from schema.dates import local_date

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
OWNER, USER = "uscc:12330000470003281H", "uscc:12100000470095016Q"
HOSPITAL, CLINIC = "uscc:12330000470053318C", "uscc:123100004250061179"
CUSTOMS = "moe:10345"
INSTRUMENT = f"{OWNER}/TEM-1"
HUB = "hub:delta.example"
MONTHS = {1: 29, 2: 19, 3: 15, 4: 77}
"""Months before, at whose first day each instrument was released, or arrived."""
PLATFORM, OFFICE = "customs", "customs-office"
"""The sources: the relief system that speaks for everybody, and the office's own."""
_CLASSES = [{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}]
_VALUE = {"amount": "3600000.00", "currency": "CNY"}


@dataclass(frozen=True, slots=True)
class CustomsDays:
    """The days of the world that is built at an instant."""

    today: date

    def began(self, number: int) -> date:
        """Return the day of release, or of arrival, of an instrument."""
        return months_after(self.today.replace(day=1), -MONTHS[number])

    def yuan_left(self, value: int) -> str:
        """Return the value that is left of instrument 1 for duty, by hand.

        It came at the first of a month; more than 15 days of the present one count as a month.
        """
        months = MONTHS[1] + (self.today.day - 1 > 15)
        return f"{value * (36 - months) / 36:.2f}"

    def reports(self, number: int) -> list[int]:
        """Return the years whose report was due before today."""
        years = range(self.began(number).year + 1, self.today.year + 1)
        return [year for year in years if date(year, 6, 30) < self.today]


def _institution(key: str, zh: str, kind: str) -> dict[str, Any]:
    record = {"institutionKey": key, "name": {"zh": zh}, "kind": kind, "divisionCode": "330106"}
    return {"type": "Institution", "record": record}


def _instrument(number: int) -> dict[str, Any]:
    return {
        "type": "Instrument",
        "record": {
            "institutionKey": OWNER,
            "localNo": f"TEM-{number}",
            "name": {"zh": f"透射电子显微镜 {number}"},
            "classes": _CLASSES,
            "status": "IN_SERVICE",
            "use": "GENERAL",
            "sharing": "OUTSIDE",
            "originCountry": "DEU",
            "customsStatus": "SUPERVISED",
            "originalValue": _VALUE,
        },
    }


def _of_item(number: int) -> dict[str, Any]:
    return {
        "declarationNo": f"29002024000000000{number}",
        "itemNo": "01",
        "instrumentKey": f"{OWNER}/TEM-{number}",
        "customsKey": CUSTOMS,
    }


def _supervision(days: CustomsDays, number: int) -> dict[str, Any]:
    began = days.began(number).isoformat()
    record = {
        **_of_item(number),
        "district": "HANGZHOU",
        "goodsKind": "OTHER",
        "approvedPlace": "紫金港校区",
        "approvedUses": ["RESEARCH", "DEVELOPMENT", "TEACHING"],
        "nriiSince": months_after(days.began(number), 3).isoformat(),
        ("arrivedOn" if number == 3 else "releasedOn"): began,
    }
    return {"type": "CustomsSupervision", "record": record}


def _report(number: int, year: int) -> dict[str, Any]:
    record = {**_of_item(number), "year": year, "filedAt": f"{year}-05-01T04:00:00Z"}
    return {"type": "CustomsReport", "record": record}


def _service(number: int, local_id: str, day: date, **more: Any) -> dict[str, Any]:
    record = {
        "instrumentKey": f"{OWNER}/TEM-{number}",
        "localId": local_id,
        "purpose": "RESEARCH",
        "collectionMethod": "SENSOR",
        "startedAt": f"{day.isoformat()}T02:00:00Z",
        "endedAt": f"{day.isoformat()}T04:00:00Z",
        "hours": "2.0",
        "userKey": USER,
        "userName": "另一大学",
        "userSide": "OUTSIDE",
        "charge": {"amount": "600.00", "currency": "CNY"},
        "agreementSigned": True,
        **more,
    }
    return {"type": "ServiceRecord", "record": record}


def _approval(number: int, notice: str, kind: str, days: CustomsDays, **more: Any) -> Any:
    record = {
        "customsKey": CUSTOMS,
        "noticeNo": notice,
        "instrumentKey": f"{OWNER}/TEM-{number}",
        "kind": kind,
        "validFrom": (days.today - timedelta(days=30)).isoformat(),
        "validUntil": (days.today + timedelta(days=60)).isoformat(),
        **more,
    }
    return {"type": "CustomsApproval", "record": record}


def _stated_by_platform(days: CustomsDays) -> Iterator[dict[str, Any]]:
    yield _institution(OWNER, "浙江大学", "UNIVERSITY")
    yield _institution(USER, "另一大学", "UNIVERSITY")
    yield _institution(CUSTOMS, "杭州海关", "DEPARTMENT")
    yield from map(_instrument, MONTHS)
    yield from (_supervision(days, number) for number in MONTHS)
    yield from (_report(1, year) for year in days.reports(1))
    yesterday = days.today - timedelta(days=1)
    yield _service(1, "s-1", yesterday)
    yield _service(1, "s-inside", yesterday, userSide="INSIDE", userKey=OWNER)
    yield _service(1, "s-before", days.began(1) - timedelta(days=1))
    yield _service(4, "s-ended", yesterday)
    yield _service(2, "s-2", days.began(2), outsidePremises=True, outsideAddress="苏州校区")


def _stated_by_office(days: CustomsDays) -> Iterator[dict[str, Any]]:
    yield _approval(2, "N-PLEDGE", "PLEDGE", days)
    yield _approval(2, "N-CLINIC", "CLINICAL", days, users=[CLINIC])
    yield _approval(2, "N-HOSPITAL", "CLINICAL", days, users=[HOSPITAL])
    yield _approval(3, "N-OTHER", "CLINICAL", days, users=[HOSPITAL])


async def build(url: str, now: datetime = NOW) -> CustomsDays:
    """State everything; the sources were heard an hour before."""
    days = CustomsDays(local_date(now))
    async with Database(url) as database:
        for source, owners, rows in (
            (PLATFORM, None, _stated_by_platform(days)),
            (OFFICE, [CUSTOMS], _stated_by_office(days)),
        ):
            await register_source(
                database,
                source,
                "海关减免税管理系统",
                title_en="Customs duty relief system",
                mode="PUSH",
                now=now,
                owners=owners,
                authority=f"platform:{source}/relief",
                purpose="CUSTOMS",
            )
            await state(database, list(rows), now, source)
    return days


async def state(database: Database, rows: list[Any], now: datetime, source: str = PLATFORM) -> None:
    """State some rows, which must be taken."""
    batch = Batch(
        source=source,
        party=HUB,
        channel=Channel.FILE,
        rows=rows,
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"),
        as_of=now - timedelta(hours=1),
    )
    outcomes = await submit(database, batch, clock=lambda: now)
    refused = [row for row in outcomes.rows if row.outcome is Outcome.QUARANTINED]
    assert not refused, refused

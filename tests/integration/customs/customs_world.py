"""A university with four duty-free instruments, and the customs office that supervises them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.sources import register_source

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
OWNER, USER = "uscc:12330000470003281H", "uscc:12100000470095016Q"
CUSTOMS = "moe:10345"
INSTRUMENT = f"{OWNER}/TEM-1"
HUB = "hub:delta.example"


def _institution(key: str, zh: str, kind: str) -> dict[str, Any]:
    return {
        "type": "Institution",
        "record": {
            "institutionKey": key,
            "name": {"zh": zh},
            "kind": kind,
            "divisionCode": "330106",
        },
    }


def _instrument(number: int) -> dict[str, Any]:
    return {
        "type": "Instrument",
        "record": {
            "institutionKey": OWNER,
            "localNo": f"TEM-{number}",
            "name": {"zh": f"透射电子显微镜 {number}"},
            "classes": [{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}],
            "status": "IN_SERVICE",
            "use": "GENERAL",
            "sharing": "OUTSIDE",
            "originCountry": "DEU",
            "customsStatus": "SUPERVISED",
        },
    }


def _supervision(number: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "CustomsSupervision",
        "record": {
            "declarationNo": f"29002024000000000{number}",
            "itemNo": "01",
            "instrumentKey": f"{OWNER}/TEM-{number}",
            "customsKey": CUSTOMS,
            "district": "HANGZHOU",
            "goodsKind": "OTHER",
            "approvedPlace": "紫金港校区",
            "approvedUses": ["RESEARCH", "DEVELOPMENT", "TEACHING"],
            "nriiSince": "2024-09-01",
            **more,
        },
    }


def _report(number: int, year: int) -> dict[str, Any]:
    return {
        "type": "CustomsReport",
        "record": {
            "declarationNo": f"29002024000000000{number}",
            "itemNo": "01",
            "year": year,
            "instrumentKey": f"{OWNER}/TEM-{number}",
            "customsKey": CUSTOMS,
            "filedAt": f"{year}-05-01T04:00:00Z",
        },
    }


ROWS = (
    _institution(OWNER, "浙江大学", "UNIVERSITY"),
    _institution(USER, "另一大学", "UNIVERSITY"),
    _institution(CUSTOMS, "杭州海关", "DEPARTMENT"),
    *map(_instrument, (1, 2, 3, 4)),
    _supervision(1, releasedOn="2024-06-01"),
    _supervision(2, releasedOn="2025-08-01"),
    _supervision(3, arrivedOn="2025-08-01"),
    _supervision(4, releasedOn="2020-06-01"),
    _report(1, 2025),
    _report(1, 2026),
)


async def build(url: str, now: datetime = NOW) -> None:
    """State everything; the source was heard an hour before."""
    async with Database(url) as database:
        await register_source(
            database,
            "customs",
            "海关减免税管理系统",
            title_en="Customs duty relief system",
            mode="PUSH",
            now=now,
            owners=None,
            authority="platform:customs/relief",
            purpose="CUSTOMS",
        )
        outcomes = await submit(
            database,
            Batch(
                source="customs",
                party=HUB,
                channel=Channel.FILE,
                rows=list(ROWS),
                evidence=Evidence(
                    assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"
                ),
                as_of=now - timedelta(hours=1),
            ),
            clock=lambda: now,
        )
    refused = [row for row in outcomes.rows if row.outcome is not Outcome.ACCEPTED]
    assert not refused, refused

"""Stored records of one supervised instrument, as the customs desk reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hub.customs.question import StoredCustoms, UseQuestion
from hub.customs.service import decision_of
from hub.policy.customs.decision import UseDecision
from hub.policy.law import current_law
from schema.codes import ServicePurpose

NOW = datetime(2026, 11, 1, 1, 0, tzinfo=UTC)
OWNER, USER = "uscc:12330000470003281P", "uscc:12100000470095016Q"
INSTRUMENT = f"{OWNER}/TEM-1"
RECORD = {
    "key": "290020240000000001/01",
    "source": "customs",
    "declaration_no": "290020240000000001",
    "item_no": "01",
    "district": "HANGZHOU",
    "goods_kind": "OTHER",
    "released_on": date(2024, 6, 1),
    "arrived_on": None,
    "approved_place": "紫金港校区",
    "approved_uses": ["RESEARCH", "DEVELOPMENT", "TEACHING"],
    "nrii_since": date(2024, 9, 1),
    "settled_on": None,
}
APPROVAL = {
    "key": "uscc:X/N-1",
    "source": "customs",
    "notice_no": "N-1",
    "kind": "USE_BY_OTHERS",
    "purposes": ["RESEARCH"],
    "users": [USER],
    "district": None,
    "allowed_place": None,
    "valid_from": date(2026, 10, 1),
    "valid_until": date(2026, 12, 31),
}
CLAIM = {"source": "zju", "customs_status": "SUPERVISED", "as_of": NOW}
USE = UseQuestion(
    instrument=INSTRUMENT,
    user=USER,
    purpose=ServicePurpose.RESEARCH,
    first=date(2026, 11, 1),
    last=date(2026, 11, 1),
    agreement_signed=True,
)


def report(year: int, **more: Any) -> dict[str, Any]:
    number = {name: RECORD[name] for name in ("declaration_no", "item_no")}
    filed_at = datetime(year, 5, 1, 4, tzinfo=UTC)
    return {
        **number,
        "key": f"r/{year}",
        "source": "customs",
        "year": year,
        "filed_at": filed_at,
        **more,
    }


TEM = {"scheme": "GB/T 32847", "version": "2016", "code": "010101"}
STORED = StoredCustoms(
    instrument={"key": INSTRUMENT, "owner": OWNER, "origin_country": "DEU", "classes": [TEM]},
    claims=(CLAIM,),
    supervisions=(RECORD,),
    approvals=(),
    reports=(report(2025), report(2026)),
    duties=(),
    legal_persons={OWNER: OWNER, USER: USER},
    heard={"customs": NOW - timedelta(hours=1)},
    region="330100",
)


def decide(
    stored: Mapping[str, Any] | None = None, use: Mapping[str, Any] | None = None
) -> UseDecision:
    """Decide the base case with some of it changed."""
    asked = replace(USE, **(use or {}))
    law = current_law().on(asked.first, STORED.region)
    return decision_of(replace(STORED, **(stored or {})), asked, law, lambda: NOW)

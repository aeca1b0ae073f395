"""Cases of the customs decision out of the vector file."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from hub.policy.bounds import Missing
from hub.policy.customs.decision import UseDecision, may_serve
from hub.policy.customs.facts import (
    Approval,
    CustomsFacts,
    CustomsPlace,
    Period,
    UseRequest,
)
from hub.policy.law import current_law
from schema.codes import CustomsApprovalKind, CustomsGoodsKind, CustomsStatus, ServicePurpose

FOLDER = Path(__file__).parents[2] / "vectors" / "customs"
HANGZHOU = "330100"
VECTORS = tomllib.loads((FOLDER / "decision.toml").read_text("utf-8"))
ASKED_AT = datetime(2026, 11, 1, 1, 0, tzinfo=UTC)


def name_of(case: dict[str, Any]) -> str:
    number = VECTORS["case"].index(case) + 1
    return case.get("name") or f"{number} row {case['row']}: {' '.join(map(str, case['expect']))}"


def decide(case: dict[str, Any], **changed: Any) -> UseDecision:
    """Decide a case; `changed` replaces facts of it."""
    stated = {**VECTORS["base"], **case.get("facts", {}), **changed}
    use = use_of({**VECTORS["use"], **case.get("use", {})})
    facts = facts_of(stated)
    return may_serve(facts, use, current_law().on(use.period.first, HANGZHOU), ASKED_AT)


def facts_of(stated: dict[str, Any]) -> CustomsFacts:
    def fact(name: str, read: Any = lambda value: value) -> Any:
        value = stated.get(name, "MISSING")
        return Missing(name) if isinstance(value, str) and value == "MISSING" else read(value)

    return CustomsFacts(
        owner=stated["owner"],
        status=fact("status", lambda name: CustomsStatus[name]),
        origin=fact("origin"),
        has_record=stated.get("record", True),
        as_of=fact("ageHours", lambda hours: ASKED_AT - timedelta(hours=hours)),
        kind=fact("kind", CustomsGoodsKind),
        released_on=fact("releasedOn"),
        arrived_on=fact("arrivedOn"),
        settled_on=stated.get("settledOn"),
        approved_place=fact("place", lambda place: CustomsPlace(*place)),
        approved_uses=fact("uses", lambda uses: frozenset(ServicePurpose[each] for each in uses)),
        nrii_since=fact("nriiSince"),
        agreement_signed=fact("agreement"),
        approvals=fact("approvals", lambda each: tuple(map(_approval, each))),
        reports=fact("reports", lambda years: tuple((year, _filed(year)) for year in years)),
        duties=fact("duties", lambda periods: tuple(Period(*each) for each in periods)),
        clinical_others=fact("clinicalOthers", tuple),
    )


def use_of(stated: dict[str, Any]) -> UseRequest:
    user = stated["user"]
    return UseRequest(
        user=Missing("user") if user == "MISSING" else user,
        purpose=ServicePurpose[stated["purpose"]],
        place=CustomsPlace(*stated["place"]),
        period=Period(stated["first"], stated["last"]),
        clinical=stated.get("clinical", False),
    )


def _approval(stated: dict[str, Any]) -> Approval:
    return Approval(
        notice_no="N-1",
        kind=CustomsApprovalKind[stated["kind"]],
        period=Period(stated["first"], stated["last"]),
        purposes=frozenset(ServicePurpose[each] for each in stated["purposes"]),
        users=frozenset(stated["users"]),
        place=CustomsPlace(*stated["place"]) if "place" in stated else None,
    )


def _filed(year: int) -> datetime:
    return datetime.combine(date(year, 5, 1), time(4), UTC)

"""Customs answers as GraphQL fields: who may ask, what is told, what is audited."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.access.agreements import Agreements
from hub.access.clients import ClientKind
from hub.access.resource import ANONYMOUS, Caller
from hub.audit.service import Audit
from hub.customs.service import CustomsDesk
from hub.graphql.hooks import ServiceFacts
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine, Parts
from hub.policy.law import Law, current_law
from tests.databases import lent_to_hub, opened
from tests.integration.customs.customs_world import (
    CUSTOMS,
    HOSPITAL,
    INSTRUMENT,
    NOW,
    OWNER,
    USER,
    build,
)

pytestmark = pytest.mark.integration
FACTS = ServiceFacts(version="1", standard_version="1", sandbox=True)
SCOPES = frozenset({"catalogue:read", "graphql:adhoc", "customs:read"})
DECIDE = (
    "query D($i: String!, $u: String!, $p: ServicePurpose!, $a: Boolean, $w: PlaceOfUse) {"
    ' useDecision(instrument: $i, user: $u, purpose: $p, from: "2026-11-25", until: "2026-11-25",'
    " place: $w, agreementSigned: $a) { answer rule procedure remedy missing noticeNo asOf"
    " validUntil undecided jws"
    " reasons { code zh en } evidence { recordType key entryId source asOf } } }"
)
DUE = (
    "query R($i: String) { customsReportsDue(instrument: $i) { on isWhole items { instrument"
    " declarationNo district lastDay daysLeft overdue nextDueOn missing { code } } } }"
)
DISPOSE = (
    "query D($i: String!, $k: CustomsDisposal!, $v: Decimal) {"
    ' disposalDecision(instrument: $i, kind: $k, on: "2026-11-24", value: $v) { answer rule'
    " procedure remedy missing noticeNo validUntil undecided reasons { code zh en }"
    " evidence { key } estimate { value base releasedOn on } noEstimate { code } } }"
)
USE = {"i": INSTRUMENT, "u": USER, "p": "RESEARCH"}


@pytest.fixture(scope="module")
def url(cluster: str, template: str) -> Iterator[str]:
    with lent_to_hub(cluster, template) as lent:
        asyncio.run(build(lent))
        yield lent


def of(party: str | None, scopes: frozenset[str] = SCOPES) -> Caller:
    return Caller(f"of-{party}", party, ClientKind.PARTNER, scopes)


async def ask(
    url: str, caller: Caller, query: str, variables: dict[str, Any], law: Law | None = None
) -> tuple[dict[str, Any], list[str], list[tuple[Any, ...]]]:
    """Return the data, the codes of the errors, and what the audit says."""
    async with opened(url) as database:

        def clock() -> Any:
            return NOW

        agreements = Agreements(database, clock)
        desk = CustomsDesk(database, agreements, clock, law=law)
        parts = Parts(facts=FACTS, customs=desk, audit=Audit(database, clock))
        engine = Engine(database, clock, parts, agreements=agreements)
        answer = await engine.answer(
            GraphRequest(query=query, variables=variables), Asking(caller=caller)
        )
        read = await database.writes.fetch_all("SELECT owners, party FROM audit ORDER BY audit_id")
    document = json.loads(answer.body)
    codes = [each["extensions"]["code"] for each in document.get("errors", [])]
    return document.get("data") or {}, codes, read


async def test_the_owner_is_told_the_way_and_the_evidence(url: str) -> None:
    data, codes, _ = await ask(url, of(OWNER), DECIDE, {**USE, "a": True})
    told = data["useDecision"]
    assert codes == []
    assert (told["answer"], told["rule"], told["procedure"]) == ("ALLOW", 8, "SIMPLE_RECORD")
    assert [each["code"] for each in told["reasons"]] == ["RULE_8", "NRII_SINCE", "SIMPLE_RECORD"]
    assert told["reasons"][1]["en"] == "in the national platform since 2024-09-01"
    assert told["validUntil"] == "2026-11-25T01:00:00Z"
    assert {each["recordType"] for each in told["evidence"]} == {
        "CustomsSupervision",
        "CustomsReport",
    }


async def test_another_party_is_told_no_number(url: str) -> None:
    data, codes, _ = await ask(url, of(USER), DECIDE, {**USE, "p": "OTHER"})
    told = data["useDecision"]
    assert codes == []
    assert (told["answer"], told["rule"], told["remedy"]) == ("DENY", 5, "DUTY")
    assert told["evidence"] == []
    assert "customs.last_day" in told["undecided"]
    assert "29002024" not in json.dumps(data)


async def test_another_place_needs_the_other_district(url: str) -> None:
    place = {"district": "NANJING", "name": "苏州校区"}
    data, _, _ = await ask(url, of(USER), DECIDE, {**USE, "w": place})
    assert (data["useDecision"]["answer"], data["useDecision"]["remedy"]) == (
        "DENY",
        "OTHER_DISTRICT",
    )


@pytest.mark.parametrize(
    ("caller", "query", "variables", "code"),
    [
        (ANONYMOUS, DECIDE, USE, "UNAUTHENTICATED"),
        (ANONYMOUS, DUE, {}, "UNAUTHENTICATED"),
        (ANONYMOUS, DISPOSE, {"i": INSTRUMENT, "k": "LEASE"}, "UNAUTHENTICATED"),
        (of(USER), DISPOSE, {"i": f"{OWNER}/none", "k": "LEASE"}, "NOT_FOUND"),
        (ANONYMOUS, '{ policyParameters(region: "330106") { name } }', {}, "UNAUTHENTICATED"),
        (of(None), DECIDE, USE, "UNAUTHENTICATED"),
        (of(USER, SCOPES - {"customs:read"}), DUE, {}, "SCOPE_MISSING"),
        (of(USER), DECIDE, {**USE, "a": True}, "FORBIDDEN"),
        (of(USER), DECIDE, {**USE, "i": f"{OWNER}/none"}, "NOT_FOUND"),
        (of(USER), DECIDE, {**USE, "w": {"district": "NANJING", "name": " "}}, "BAD_USER_INPUT"),
        (of(USER), '{ policyParameters(region: "33") { name } }', {}, "BAD_USER_INPUT"),
    ],
)
async def test_who_may_not_and_what_means_nothing_is_refused(
    url: str, caller: Caller, query: str, variables: dict[str, Any], code: str
) -> None:
    allowed = replace(caller, scopes=caller.scopes | {"graphql:adhoc", "catalogue:read"})
    data, codes, _ = await ask(url, allowed, query, variables)
    assert codes == [code]
    assert not any(data.values())


async def test_customs_is_told_what_is_in_term_and_a_stranger_nothing(url: str) -> None:
    data, _, read = await ask(url, of(CUSTOMS), DUE, {})
    found = data["customsReportsDue"]
    assert (found["on"], found["isWhole"]) == ("2026-11-24", True)
    assert [
        (each["instrument"][-5:], each["daysLeft"], each["overdue"]) for each in found["items"]
    ] == [
        ("TEM-3", None, []),
        ("TEM-1", 189, []),
        ("TEM-2", 494, [2026]),
    ]
    assert found["items"][0]["missing"]["code"] == "releasedOn:NOT_STATED"
    assert read[-1] == ([OWNER], CUSTOMS)
    data, _, _ = await ask(url, of(USER), DUE, {})
    assert data["customsReportsDue"]["items"] == []


SERVICES = (
    "query S { serviceRecords(first: 50, orderBy: STARTED_AT_ASC) { totalCount nodes { key userKey"
    " outsideAddress charge { amount } content } } }"
)


async def services(url: str, caller: Caller) -> list[tuple[str, bool, bool]]:
    """Return which services somebody sees, and whether he sees the user and the charge."""
    data, codes, _ = await ask(url, caller, SERVICES, {})
    assert codes == []
    page = data["serviceRecords"]
    assert page["totalCount"] == len(page["nodes"])
    return sorted(
        (each["key"].rpartition("/")[2], bool(each["userKey"]), bool(each["charge"]))
        for each in page["nodes"]
    )


async def test_customs_sees_services_to_others_in_term_and_nothing_else(url: str) -> None:
    office = of(CUSTOMS, SCOPES | {"service:read"})
    assert await services(url, office) == [("s-1", True, False), ("s-2", True, False)]
    everything = ["s-1", "s-2", "s-before", "s-ended", "s-inside"]
    owner = of(OWNER, SCOPES | {"service:read"})
    assert await services(url, owner) == [(name, True, True) for name in everything]
    assert await services(url, of(HOSPITAL, SCOPES | {"service:read"})) == []


async def test_customs_sees_the_records_of_what_is_in_term_and_nothing_after(url: str) -> None:
    query = (
        "{ customsSupervisions(first: 50) { nodes { instrumentKey } }"
        " customsReports(first: 50) { nodes { year } }"
        " customsApprovals(first: 50) { nodes { noticeNo } } }"
    )
    data, codes, _ = await ask(url, of(CUSTOMS), query, {})
    assert codes == []
    seen = [each["instrumentKey"][-5:] for each in data["customsSupervisions"]["nodes"]]
    assert sorted(seen) == ["TEM-1", "TEM-2", "TEM-3"]
    assert sorted(each["year"] for each in data["customsReports"]["nodes"]) == [2025, 2026]
    assert len(data["customsApprovals"]["nodes"]) == 4
    data, _, _ = await ask(url, of(HOSPITAL), query, {})
    assert not any(each["nodes"] for each in data.values())


async def test_a_disposal_is_answered_with_an_estimate_for_the_owner(url: str) -> None:
    variables = {"i": INSTRUMENT, "k": "TRANSFER", "v": "3600000"}
    data, codes, read = await ask(url, of(OWNER), DISPOSE, variables)
    told = data["disposalDecision"]
    assert codes == []
    assert (told["answer"], told["rule"], told["remedy"]) == ("DENY", 22, "APPROVAL")
    assert told["estimate"] == {
        "value": "3600000.00",
        "base": "600000.00",
        "releasedOn": "2024-06-01",
        "on": "2026-11-24",
    }
    assert [each["code"] for each in told["reasons"]] == ["ARTICLE_22", "APPROVAL"]
    assert read[-1] == ([OWNER], OWNER)
    data, _, _ = await ask(url, of(USER), DISPOSE, variables)
    told = data["disposalDecision"]
    assert (told["answer"], told["estimate"], told["evidence"]) == ("DENY", None, [])
    for value in ("0", "0.001", "-5"):
        _, codes, _ = await ask(url, of(OWNER), DISPOSE, {**variables, "v": value})
        assert codes == ["BAD_USER_INPUT"], value


async def test_the_law_of_a_day_is_told_with_its_basis(url: str) -> None:
    query = (
        'query P($d: Date) { policyParameters(on: $d, region: "330106")'
        " { name value unit region since status basis } }"
    )
    data, _, _ = await ask(url, of(USER), query, {})
    named = {each["name"]: each for each in data["policyParameters"]}
    assert named["customs.term_other"]["value"] == "3"
    assert named["customs.last_day"]["status"] == "UNDECIDED"
    data, _, _ = await ask(url, of(USER), query, {"d": "2016-01-01"})
    assert "customs.term_other" not in {each["name"] for each in data["policyParameters"]}


async def test_the_law_that_is_told_is_the_one_that_the_desk_decides_by(
    url: str, tmp_path: Path
) -> None:
    (tmp_path / "here.toml").write_text(
        '[[voucher.rate.values]]\nregion = "330106"\nsince = 2026-01-01\nvalue = "0.5"\n'
        'status = "IN_FORCE"\nbasis = "x"\n',
        "utf-8",
    )
    query = '{ policyParameters(region: "330106") { name value } }'
    data, _, _ = await ask(url, of(USER), query, {}, current_law(tmp_path))
    assert {"name": "voucher.rate", "value": "0.5"} in data["policyParameters"]


async def test_hostile_texts_are_refused_or_find_nothing(url: str) -> None:
    for text in (
        "'; DROP TABLE instrument; --",
        "%(key)s",
        "\x00",
        "a\x00b",
        "\ud800",
        "x" * 501,
        "",
    ):
        place = {"district": "HANGZHOU", "name": text}
        for changed in ({"i": text}, {"u": text}, {"w": place}):
            data, codes, _ = await ask(url, of(USER), DECIDE, {**USE, **changed})
            told = data.get("useDecision")
            assert set(codes) <= {"NOT_FOUND", "BAD_USER_INPUT"}, (text, changed)
            assert told is None or told["answer"] in ("DENY", "UNKNOWN")
        data, codes, _ = await ask(url, of(USER), DISPOSE, {"i": text, "k": "LEASE"})
        assert set(codes) <= {"NOT_FOUND", "BAD_USER_INPUT"}, text
        assert not data.get("disposalDecision")
        data, codes, _ = await ask(url, of(OWNER), DUE, {"i": text})
        assert set(codes) <= {"BAD_USER_INPUT"}, text
        assert text == "" or not (data.get("customsReportsDue") or {}).get("items")
        query = "query P($r: String!) { policyParameters(region: $r) { name } }"
        _, codes, _ = await ask(url, of(USER), query, {"r": text})
        assert codes == ["BAD_USER_INPUT"]

"""The customs decision against its oracles, and what must hold whatever the facts are."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import pytest

from hub.policy.bounds import LackingError
from hub.policy.customs.decision import CustomsAnswer, Procedure, Remedy, UseDecision, strictest
from hub.policy.customs.disposal import DisposalKind, duty_base_fen, may_dispose
from hub.policy.customs.term import last_day, overdue_reports, reports_due
from hub.policy.law import Law, LawOnDay, current_law, read_law
from schema.codes import CustomsGoodsKind
from tests.shared import SHARED
from tests.unit.policy.customs_case import (
    ASKED_AT,
    FOLDER,
    HANGZHOU,
    VECTORS,
    decide,
    facts_of,
    name_of,
)

TERM = tomllib.loads((FOLDER / "term.toml").read_text("utf-8"))
CASES = VECTORS["case"]


def law(day: date = date(2026, 11, 1)) -> LawOnDay:
    return current_law().on(day, HANGZHOU)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_use_is_decided_as_the_specification_says(case: dict[str, Any]) -> None:
    decided = decide(case)
    answer, rule, more = case["expect"]
    told = {
        CustomsAnswer.ALLOW: decided.procedure,
        CustomsAnswer.DENY: decided.remedy,
        CustomsAnswer.UNKNOWN: decided.missing and decided.missing.fact,
    }
    assert (decided.answer, decided.rule, told[decided.answer]) == (answer, rule, more)


@pytest.mark.parametrize("case", TERM["last_day"], ids=lambda case: str(case["expect"]))
def test_supervision_ends_on_the_anniversary(case: dict[str, Any]) -> None:
    known: Law = current_law()
    if "reading" in case:
        text = (FOLDER.parents[2] / "hub/policy/parameters/customs.toml").read_text("utf-8")
        known = read_law({"x.toml": text.replace('"ANNIVERSARY"\nstatus', '"DAY_BEFORE"\nstatus')})
    found = last_day(
        CustomsGoodsKind[case["kind"]], case["released"], known.on(case["released"], HANGZHOU)
    )
    assert found == case["expect"]


@pytest.mark.parametrize("case", TERM["reports_due"], ids=lambda case: str(case["released"]))
def test_a_report_is_due_in_each_year_in_which_supervision_runs(case: dict[str, Any]) -> None:
    last = last_day(CustomsGoodsKind.OTHER, case["released"], law())
    assert [year for year, _ in reports_due(case["released"], last, law())] == case["expect"]


@pytest.mark.parametrize("case", TERM["report"], ids=lambda case: case["name"])
def test_a_late_report_closes_the_simple_procedure_until_it_is_filed(case: dict[str, Any]) -> None:
    facts = facts_of({**VECTORS["base"], "releasedOn": case["released"], "reports": "MISSING"})
    filed = ((2026, case["filed"].astimezone(UTC)),)
    facts = replace(facts, reports=filed)
    assert list(overdue_reports(facts, case["on"], law())) == case["overdue"]


@pytest.mark.parametrize("case", TERM["duty"], ids=lambda case: str(case["on"]))
def test_more_than_fifteen_days_of_a_month_count_as_a_month(case: dict[str, Any]) -> None:
    found = duty_base_fen(
        case["value_fen"], CustomsGoodsKind.OTHER, case["released"], case["on"], law(case["on"])
    )
    assert found == case["expect_fen"]


HOLES = {
    "status": "NOT_SUPERVISED",
    "releasedOn": date(2020, 1, 1),
    "place": ["2300", "Suzhou"],
    "uses": [],
    "nriiSince": date(2026, 12, 1),
    "agreement": False,
    "reports": [2025],
    "approvals": CASES[8]["facts"]["approvals"],
    "duties": [[date(2026, 1, 1), date(2027, 12, 31)]],
}
"""Nine facts, each with another value than the base has."""
USES = [
    {},
    {"purpose": "OTHER"},
    {"place": ["2300", "Suzhou"]},
]


def test_taking_a_fact_away_never_makes_an_allow(record_property: Any) -> None:
    counts: Counter[str] = Counter()
    names = list(HOLES)
    for use in USES:
        answers: dict[tuple[int, ...], CustomsAnswer] = {}
        for states in product(range(3), repeat=len(names)):
            changed = {
                name: HOLES[name] if state == 1 else "MISSING"
                for name, state in zip(names, states, strict=True)
                if state
            }
            answers[states] = decide({"use": use}, **changed).answer
            counts[answers[states]] += 1
        for states, answer in answers.items():
            for place, state in enumerate(states):
                if state != 2 or answer is not CustomsAnswer.ALLOW:
                    continue
                for known in (0, 1):  # what the missing fact may really be
                    full = (*states[:place], known, *states[place + 1 :])
                    assert answers[full] is CustomsAnswer.ALLOW, (use, states, full)
    record_property("truth_table", {answer.value: number for answer, number in counts.items()})
    assert set(counts) == set(CustomsAnswer)
    assert sum(counts.values()) == 3 ** len(names) * len(USES)


def test_an_answer_holds_until_the_first_of_what_it_rests_on_ends() -> None:
    fresh = decide({"use": {}})
    assert fresh.valid_until == datetime(2026, 11, 2, 0, 0, tzinfo=UTC), "24 hours after the data"
    assert decide({"use": {}}, ageHours=0).valid_until > fresh.valid_until
    covered = decide(CASES[8], ageHours=-24 * 365)
    assert covered.valid_until == datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "the approval's end"


@pytest.mark.parametrize("kind", list(DisposalKind))
def test_nothing_is_disposed_of_under_supervision_without_customs(kind: DisposalKind) -> None:
    base = VECTORS["base"]
    day = date(2026, 11, 1)
    under = may_dispose(facts_of(base), kind, day, law(), ASKED_AT)
    assert under.answer is CustomsAnswer.DENY
    assert under.remedy is (Remedy.DUTY if kind is DisposalKind.LEASE else Remedy.APPROVAL)
    unknown = facts_of({**base, "status": "MISSING"})
    assert may_dispose(unknown, kind, day, law(), ASKED_AT).answer is CustomsAnswer.UNKNOWN
    free = date(2027, 6, 2)
    assert (
        may_dispose(facts_of(base), kind, free, law(free), ASKED_AT).answer is CustomsAnswer.ALLOW
    )


def test_an_approval_allows_what_it_names_and_nothing_else() -> None:
    day = date(2026, 11, 1)
    granted = {"kind": "PLEDGE", "purposes": [], "users": [], "first": day, "last": day}
    facts = facts_of({**VECTORS["base"], "approvals": [granted]})
    pledge = may_dispose(facts, DisposalKind.PLEDGE, day, law(), ASKED_AT)
    assert (pledge.answer, pledge.notice_no) == (CustomsAnswer.ALLOW, "N-1")
    transfer = may_dispose(facts, DisposalKind.TRANSFER, day, law(), ASKED_AT)
    assert transfer.answer is CustomsAnswer.DENY


def test_a_law_without_a_term_answers_nothing_rather_than_zero() -> None:
    before = date(2016, 1, 1)
    with pytest.raises(LackingError):
        last_day(CustomsGoodsKind.OTHER, before, law(before))


def test_of_several_items_the_strictest_answer_counts() -> None:
    free = UseDecision(answer=CustomsAnswer.ALLOW, rule=3)
    recorded = UseDecision(
        answer=CustomsAnswer.ALLOW,
        rule=8,
        procedure=Procedure.SIMPLE_RECORD,
        valid_until=datetime(2026, 12, 1, tzinfo=UTC),
    )
    unknown = UseDecision(answer=CustomsAnswer.UNKNOWN, rule=3)
    denied = UseDecision(answer=CustomsAnswer.DENY, rule=4, remedy=Remedy.OTHER_DISTRICT)
    assert strictest([free, recorded]) == recorded
    assert strictest([free, unknown, recorded]).answer is CustomsAnswer.UNKNOWN
    assert strictest([unknown, denied, free]) == denied


def specification(section: str) -> str:
    """Return a section of the specification, or skip where it is not beside this checkout."""
    page = SHARED / "reference" / "vouchers-customs.md"
    if not page.is_file():
        pytest.skip("the specification is not beside this checkout")
    return page.read_text("utf-8").partition(f"## {section} ")[2].partition("\n## ")[0]


def test_the_oracles_of_the_term_are_those_of_the_specification() -> None:
    oracle = re.compile(r"(\d{4}-\d\d-\d\d) ?([A-Z_]*) → (\d{4})(-\d\d-\d\d)(?: \((\d\d-\d\d)\))?")
    told = []
    for released, kind, year, day, before in oracle.findall(specification("B3")):
        told.append((released, kind or "OTHER", "ANNIVERSARY", f"{year}{day}"))
        if before:
            told.append((released, kind or "OTHER", "DAY_BEFORE", f"{year}-{before}"))
    ours = [
        (
            each["released"].isoformat(),
            each["kind"],
            each.get("reading", "ANNIVERSARY"),
            each["expect"].isoformat(),
        )
        for each in TERM["last_day"]
    ]
    assert len(told) == 5
    assert ours == told


def test_the_oracles_of_reports_and_duty_are_those_of_the_specification() -> None:
    text = specification("B5")
    released, years = re.findall(r"Released (\S+): ([\d, ]+);", text)[0]
    (due,) = TERM["reports_due"]
    assert due["released"].isoformat() == released
    assert due["expect"] == [int(year) for year in years.split(",")]
    filed, late, closing = re.findall(
        r"filed (\S+)Z OK; (\S+)Z late; filed (\S+): rule 8 closed (\S+)…(\S+)\.", text
    )[0][:3]
    instants = [f"{each['filed']:%Y-%m-%dT%H:%M}" for each in TERM["report"]]
    assert instants[0] == filed
    assert instants[1] == f"{filed[:11]}{late}"
    assert {each[5:10] for each in instants[2:]} == {closing}
    value, begun = re.findall(r"([\d,]+) released (\d{4}-\d\d-\d\d):", text)[0]
    bases = re.findall(r"on (?:2026-)?(\d\d-\d\d) → ([\d,]+\d)", text)
    assert [(f"{e['on']:%m-%d}", e["expect_fen"]) for e in TERM["duty"]] == [
        (day, int(base.replace(",", "")) * 100) for day, base in bases
    ]
    assert {(e["value_fen"], e["released"].isoformat()) for e in TERM["duty"]} == {
        (int(value.replace(",", "")) * 100, begun)
    }


def test_the_vectors_are_those_of_the_specification() -> None:
    text = specification("B4")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|") and not line.startswith(("|request", "|---"))
    ]
    told = [(number, *each) for number, row in enumerate(rows, 1) for each in _answers(*row)]
    ours = [(case["row"], case) for case in CASES if case["row"]]
    assert len(rows) == 13
    assert [row for row, _ in ours] == [row for row, *_ in told]
    for (_, case), (row, answer, word, rule) in zip(ours, told, strict=True):
        found, by, more = case["expect"]
        if answer == "supervised":
            assert by > LAST_RULE_OF_STATUS, f"row {row}: supervision has ended for us"
            continue
        assert found == answer, f"row {row}"
        assert word in ("", more), f"row {row}"
        assert rule in ("", str(by)), f"row {row}"


LAST_RULE_OF_STATUS = 3
ANSWER = re.compile(r"(ALLOW|DENY|UNKNOWN|supervised)(?: ([A-Z_]+))?(?: \((\d)\))?")


def _answers(request: str, told: str) -> list[tuple[str, str, str]]:
    """Return answer, word and rule of each case of a row; `owner or other` are two cases."""
    found = ANSWER.findall(told)
    return found * (1 + request.count(" or "))

"""What a voucher pays, whether a service counts, and whether it was claimed before: the oracles."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from hub.policy.bounds import LackingError, Missing
from hub.policy.customs.decision import CustomsAnswer
from hub.policy.law import current_law
from hub.policy.vouchers.amount import (
    FenError,
    OrderShape,
    Spent,
    fen_of,
    is_split_suspected,
    voucher_part,
    voucher_year,
)
from hub.policy.vouchers.checks import CheckCode, CheckResult, VoucherVerdict, verify
from hub.policy.vouchers.facts import PowerTold, ServiceTold
from hub.policy.vouchers.fingerprints import (
    ClaimedService,
    Hit,
    keyed,
    meets,
    same_invoice,
    same_service,
)
from hub.policy.vouchers.invoice import Invoice, normal_invoice
from hub.policy.vouchers.messages import Event, VoucherMoved, VoucherRefused, answer
from schema.codes import ExclusionReason
from tests.shared import SHARED
from tests.unit.policy.voucher_case import (
    HOLDER,
    PROVIDER,
    YUHUAN,
    after,
    law,
    law_with,
    message,
    service,
    terms,
    vectors,
    voucher,
)

AMOUNT, CHECKS, CLAIMS, MONEY = map(vectors, ("amount", "checks", "claims", "money"))
CORRECTIONS, SPLITS = map(vectors, ("corrections", "splits"))


@pytest.mark.parametrize("case", AMOUNT["case"], ids=lambda case: case["charge"])
def test_a_voucher_pays_what_the_specification_says(case: dict[str, Any]) -> None:
    spent = Spent(used_in_year=case.get("used", 0), available=10**9)
    assert voucher_part(fen_of(Decimal(case["charge"])), spent, law()) == case["fen"]


def test_it_never_pays_more_than_it_holds() -> None:
    assert voucher_part(800_000, Spent(used_in_year=0, available=7), law()) == 7
    assert voucher_part(800_000, Spent(used_in_year=10**8, available=7), law()) == 0


def test_without_a_rate_nothing_is_known_above_the_threshold() -> None:
    rates = {name: value for name, value in AMOUNT["law"].items() if name != "voucher.rate"}
    spent = Spent(used_in_year=0, available=10**9)
    assert voucher_part(1_000_000, spent, law_with(rates)) == 1_000_000
    with pytest.raises(LackingError) as caught:
        voucher_part(1_000_001, spent, law_with(rates))
    assert caught.value.missing == Missing("voucher.rate", "NO_VALUE_IN_FORCE")


def test_no_region_states_a_rate_that_nobody_could_verify() -> None:
    day = date(2026, 11, 26)
    for region in ("310000", "320000", "330000", "340000", YUHUAN):
        assert isinstance(current_law().on(day, region).number("voucher.rate"), Missing)


@pytest.mark.parametrize("yuan", ["0.001", "10000.005", "NaN", "Infinity"])
def test_parts_of_a_fen_are_refused_and_not_rounded(yuan: str) -> None:
    with pytest.raises(FenError):
        fen_of(Decimal(yuan))


def test_the_year_of_a_service_is_that_of_shanghai() -> None:
    assert voucher_year(datetime(2025, 12, 31, 15, 59, 59, tzinfo=UTC)) == 2025
    assert voucher_year(datetime(2025, 12, 31, 16, 0, tzinfo=UTC)) == 2026


@pytest.mark.parametrize("case", SPLITS["case"], ids=lambda case: case["name"])
def test_orders_that_look_split_are_held_for_a_person(case: dict[str, Any]) -> None:
    day = date(2026, 5, 4)
    one = OrderShape(day, fen_of(Decimal(case["charge"])))
    other = OrderShape(day + timedelta(days=case["days"]), fen_of(Decimal(case["other"])))
    assert is_split_suspected(one, [other], law()) is case["held"]
    assert not is_split_suspected(one, [], law())


def told_of(case: dict[str, Any]) -> list[str]:
    changed: dict[str, Any] = {}
    if "ended" in case:
        missing = case["ended"] == "MISSING"
        changed["ended_at"] = Missing("endedOn") if missing else case["ended"]
        changed["started_at"] = datetime(2026, 6, 30, 10, 59, tzinfo=UTC)
    if "power" in case:
        changed["power"] = PowerTold(*case["power"])
    if "user" in case:
        changed["user"] = PROVIDER
    if "reviewer" in case:
        changed["reviewed_by"] = PROVIDER
    if "customs" in case:
        changed["customs"] = CustomsAnswer[case["customs"]]
    verified = verify(service(**changed), terms(), law())
    failed, unknown = verified.told(CheckResult.FAIL), verified.told(CheckResult.UNKNOWN)
    named = {VoucherVerdict.INVALID: failed, VoucherVerdict.UNKNOWN: unknown}
    return [verified.verdict.value, *(each.value for each in named.get(verified.verdict, ()))]


@pytest.mark.parametrize(
    "case", CHECKS["case"], ids=lambda case: f"row {case['row']} {case['expect'][0]}"
)
def test_a_service_is_judged_as_the_specification_says(case: dict[str, Any]) -> None:
    verdict, *codes = case["expect"]
    found, *told = told_of(case)
    assert found == verdict
    assert set(codes) <= set(told)


@pytest.mark.parametrize("case", CHECKS["submit"], ids=lambda case: str(case["at"]))
def test_a_claim_is_submitted_by_the_clock_of_shanghai(case: dict[str, Any]) -> None:
    consumed = after(
        voucher(),
        message(Event.RESERVE, claim_no="A", fen=100),
        message(Event.CONSUME, claim_no="A", fen=100),
    )
    told = answer(consumed, message(Event.SUBMIT, claim_no="A", at=case["at"]))
    assert (
        told.code.value == case["refused"]
        if isinstance(told, VoucherRefused)
        else not case["refused"]
    )
    assert isinstance(told, VoucherRefused | VoucherMoved)


BAD: dict[CheckCode, dict[str, Any]] = {
    CheckCode.CHAIN: {"is_chained": False},
    CheckCode.HOLDER: {"user": "uscc:other"},
    CheckCode.PROVIDER: {"registered": False},
    CheckCode.SAME_PERSON: {"user": PROVIDER},
    CheckCode.CONTROLLED: {"controlled": True},
    CheckCode.USE_DATE: {"ended_at": datetime(2026, 6, 30, 16, tzinfo=UTC)},
    CheckCode.STATUS: {"holder_active": False},
    CheckCode.POWER: {"power": PowerTold(0, 0)},
    CheckCode.OVERLAP: {"overlaps": True},
    CheckCode.HOURS: {"booked_s": 1},
    CheckCode.PRICE: {"list_price_fen": 799_999},
    CheckCode.AMOUNT: {"voucher_fen": 800_001},
    CheckCode.INVOICE: {"invoice": replace(service().invoice, payer=PROVIDER)},
    CheckCode.EXCLUDED: {"exclusions": frozenset({ExclusionReason.MANDATORY_TESTING})},
    CheckCode.REVIEW: {"reviewed_by": PROVIDER},
    CheckCode.CUSTOMS: {"customs": CustomsAnswer.DENY},
}


@pytest.mark.parametrize("code", CheckCode)
def test_each_check_fails_alone_and_makes_the_whole_invalid(code: CheckCode) -> None:
    verified = verify(service(**BAD[code]), terms(), law())
    assert verified.verdict is VoucherVerdict.INVALID
    assert code in verified.told(CheckResult.FAIL)


def test_a_fact_that_is_missing_never_makes_a_service_valid() -> None:
    names = [each.name for each in fields(ServiceTold) if each.name != "provider"]
    asked = 0
    for name in names:
        holed = service(**{name: Missing(name)})
        verified = verify(holed, terms(), law())
        assert verified.verdict is VoucherVerdict.UNKNOWN, name
        assert all(each.missing for each in verified.checks if each.result is CheckResult.UNKNOWN)
        for code, bad in BAD.items():  # what is wrong for certain stays wrong
            if name in bad:
                continue
            both = verify(replace(holed, **bad), terms(), law())
            asked += 1
            if code in both.told(CheckResult.FAIL):
                assert both.verdict is VoucherVerdict.INVALID
            else:
                assert both.verdict is VoucherVerdict.UNKNOWN
    assert asked > 200
    assert verify(service(), terms(), law()).verdict is VoucherVerdict.VALID


def first_claim(**changed: Any) -> ClaimedService:
    start = datetime(2026, 6, 1, 3, 0, 20, tzinfo=UTC)
    base = ClaimedService(
        home="hub.zhejiang.example/log",
        service_item="svc-1",
        claim_home="hub.zhejiang.example/log",
        claim_no="C-1",
        instrument_item="inst-1",
        start_at=start,
        end_at=start + timedelta(hours=5),
        holder=HOLDER,
        charge_fen=800_000,
        invoice=Invoice("3300221130", "01234567", PROVIDER),
    )
    return replace(base, **changed)


def second_claim(case: dict[str, Any]) -> ClaimedService:
    first = first_claim()
    shift = timedelta(minutes=case.get("minutes", 0), seconds=case.get("seconds", 0))
    number = case.get("number")
    invoice = (
        first.invoice if number is None else normal_invoice("3300221130", number or None, PROVIDER)
    )
    return replace(
        first,
        claim_home=case.get("claim_home", first.claim_home),
        claim_no="C-2",
        service_item=case.get("service", "svc-1"),
        start_at=first.start_at + shift,
        end_at=first.end_at + shift,
        invoice=invoice,
    )


@pytest.mark.parametrize(
    "case", CLAIMS["case"], ids=lambda case: f"row {case['row']} {case['expect']}"
)
def test_a_second_claim_meets_what_the_specification_says(case: dict[str, Any]) -> None:
    live = [] if case.get("first_released") else [first_claim()]
    hit = meets(second_claim(case), live)
    assert (hit.value if hit else "") == case["expect"]


def test_what_refuses_and_what_waits_for_a_person() -> None:
    assert {hit for hit in Hit if hit.refuses} == {Hit.ALREADY_CLAIMED, Hit.INVOICE_CLAIMED}


def test_of_two_pending_claims_the_smaller_wins_everywhere() -> None:
    one = first_claim(pending=True)
    other = first_claim(pending=True, claim_home="hub.anhui.example/log", claim_no="C-9")
    assert meets(other, [one]) is None, "anhui sorts before zhejiang"
    assert meets(one, [other]) is Hit.ALREADY_CLAIMED
    assert meets(replace(other, pending=False), [one]) is Hit.ALREADY_CLAIMED
    assert meets(one, [one]) is None, "a claim is not in its own way"


def test_samples_that_run_side_by_side_are_no_overlap() -> None:
    parallel = first_claim(in_parallel=True)
    other = first_claim(
        claim_no="C-2",
        service_item="svc-2",
        holder="uscc:x",
        invoice=Missing("x"),
        in_parallel=True,
    )
    assert meets(other, [parallel]) is None
    assert meets(replace(other, in_parallel=False), [parallel]) is Hit.SAME_TIME
    touching = replace(other, in_parallel=False, start_at=parallel.end_at, end_at=parallel.end_at)
    assert meets(touching, [parallel]) is None


@pytest.mark.parametrize(
    ("code", "number", "expect"),
    [
        ("3300221130", "ＮＯ. 0123 4567", ("3300221130", "01234567")),
        ("033002100111", "01234567", ("033002100111", "01234567")),
        (None, "24332000000012345678", ("", "24332000000012345678")),
        ("", "2433 2000 0000 1234 5678", ("", "24332000000012345678")),
        (None, "01234567", None),
        ("330022113", "01234567", None),
        ("3300221130", "1234567", None),
        ("3300221130", "24332000000012345678", None),
        ("3300221130", "١٢٣٤٥٦٧٨", None),
        (None, None, None),
        (None, "", None),
    ],
)
def test_an_invoice_has_one_spelling_or_cannot_be_told(
    code: str | None, number: str | None, expect: tuple[str, str] | None
) -> None:
    found = normal_invoice(code, number, PROVIDER)
    if expect is None:
        assert isinstance(found, Missing)
        assert same_invoice(first_claim(invoice=found)) is None
    else:
        assert found == Invoice(*expect, PROVIDER)


def test_peers_compare_under_a_key() -> None:
    members = same_service(first_claim())
    one = keyed("F1", members, b"k" * 32)
    assert re.fullmatch("[0-9a-f]{64}", one)
    assert one == keyed("F1", members, b"k" * 32)
    assert one != keyed("F1", members, b"l" * 32)
    assert one != keyed("F2", members, b"k" * 32)
    assert keyed("F1", ("ab", "c"), b"k") != keyed("F1", ("a", "bc"), b"k")


def test_the_vectors_are_those_of_the_specification() -> None:
    page = SHARED / "reference" / "vouchers-customs.md"
    if not page.is_file():
        pytest.skip("the specification is not beside this checkout")
    text = page.read_text("utf-8")
    money = _rows(text, "|message (granted", "Hypothesis")
    stepped = [step for step in MONEY["step"] if "row" in step]
    assert len(money) == len(stepped) == 7
    for cells, step in zip(money, stepped, strict=True):
        if "refused" in step:
            assert step["refused"] in cells[1]
            continue
        told = [int(cell.replace(",", "") or 0) for cell in cells[1:]]
        assert told + [0] * (6 - len(told)) == step["expect"], cells
    checks = _rows(text, "|facts (useUntil", "## A4")
    assert {case["row"] for case in [*CHECKS["case"], *CHECKS["submit"]]} == set(range(1, 9))
    for number, (_, told) in enumerate(checks, start=1):
        ours = [case["expect"] for case in CHECKS["case"] if case["row"] == number]
        said = re.findall(r"INVALID|VALID|UNKNOWN", told)
        assert said == [verdict for verdict, *_ in ours], told
    claims = _rows(text, "|second claim|", "Also against")
    covered = {case["row"] for case in CLAIMS["case"]}
    assert len(claims) == 8
    corrected = {case["row"]: case for case in CORRECTIONS["case"] if "row" in case}
    assert covered == {1, 2, 3, 4, 5}
    assert set(corrected) == {6, 7}  # the eighth is a test of hubs that are killed
    for row, fen in ((6, corrected[6]["cap"]), (7, corrected[7]["found"]["CLAW_BACK_DUE"])):
        assert f"{fen:,}" in claims[row - 1][1]
    for case in CLAIMS["case"]:
        told = claims[case["row"] - 1][1]
        assert (case["expect"] or "taken").replace("SAME_TIME", "F3") in told
    split = SPLITS["case"][0]
    assert f"Orders of {int(split['charge']):,} and {int(split['other']):,}" in text
    assert split["held"]
    amounts = text.partition("Oracles with threshold")[2].partition("Orders of 9,000")[0]
    stated = re.findall(r"([0-9,]+(?:\.[0-9]{2})?) → ([0-9,]+)", amounts)
    told = [(Decimal(a.replace(",", "")), int(b.replace(",", ""))) for a, b in stated]
    assert told == [(Decimal(case["charge"]), case["fen"]) for case in AMOUNT["case"]]


def _rows(text: str, head: str, end: str) -> list[list[str]]:
    table = text[text.index(head) :].partition(end)[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]

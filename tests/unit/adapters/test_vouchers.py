"""Money, days, states and histories of the two voucher systems."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from adapters import voucher_delta, voucher_zhejiang
from adapters._adapter import Context, ConvertedRow, Mapped
from schema.conform import conform
from schema.registry import standard
from tests.recorded import recorded

ADAPTERS = {"voucher_zhejiang": voucher_zhejiang.ADAPTER, "voucher_delta": voucher_delta.ADAPTER}
every_system = pytest.mark.parametrize("system", ADAPTERS)


def row_of(system: str, collection: str, at: int = 0) -> dict[str, Any]:
    for exchange in recorded(system)["exchanges"]:
        if exchange["path"].endswith(f"/{collection}"):
            answer = exchange["json"]
            return (answer.get("list") or answer["data"]["records"])[at]
    raise AssertionError(collection)


def convert(
    system: str, collection: str, at: int = 0, facts: dict[str, Any] | None = None, **changes: Any
) -> ConvertedRow:
    given = recorded(system)["context"]
    context = Context(
        source=system,
        now=datetime(2026, 11, 23, 6, tzinfo=UTC),
        facts={**given["facts"], **(facts or {})},
    )
    adapter = ADAPTERS[system]
    (found,) = (each for each in adapter.collections if each.name == collection)
    return adapter.convert(found, {**row_of(system, collection, at), **changes}, context)


def record(converted: ConvertedRow) -> dict[str, Any]:
    assert converted.problems == ()
    (one,) = converted.yielded
    assert isinstance(one, Mapped)
    return one.record


def codes(converted: ConvertedRow) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in converted.problems]


@every_system
@pytest.mark.parametrize(
    ("yuan", "fen"),
    [
        ("10000", 1_000_000),
        ("10000.0", 1_000_000),
        ("9999.99", 999_999),
        ("0.01", 1),
        (0, 0),
        (Decimal("0.29"), 29),
        (Decimal("1.1"), 110),
        ("99999999999.99", 9_999_999_999_999),
        ("  8000.50 ", 800_050),
    ],
)
def test_yuan_become_fen_exactly(system, yuan, fen):
    made = record(convert(system, "claims", payMoney=yuan))
    assert made["settledFen"] == fen


@every_system
@pytest.mark.parametrize(
    ("yuan", "code"),
    [
        ("100.005", "AMOUNT_PRECISION"),
        ("100.000", "AMOUNT_PRECISION"),
        (Decimal("0.001"), "AMOUNT_PRECISION"),
        ("1e-3", "AMOUNT_PRECISION"),
        ("-1", "NOT_AMOUNT"),
        ("-0.00", "NOT_AMOUNT"),
        ("1,000", "NOT_AMOUNT"),
        ("NaN", "NOT_AMOUNT"),
        ("Infinity", "NOT_AMOUNT"),
        ("1e999999", "NOT_AMOUNT"),
        ("100000000000", "NOT_AMOUNT"),
        ("2万", "NOT_AMOUNT"),
        ("￥200", "NOT_AMOUNT"),
        (True, "NOT_AMOUNT"),
    ],
)
def test_what_is_no_exact_amount_in_yuan_is_refused_and_never_rounded(system, yuan, code):
    assert codes(convert(system, "claims", payMoney=yuan)) == [("payMoney", code)]


@every_system
def test_ten_thousands_of_yuan_in_one_member_do_not_fit_the_others(system):
    made = record(convert(system, "claims", contractValue="1.00"))
    _, problems = conform(standard()["VoucherClaim"], made)
    assert [(each.path, each.code) for each in problems] == [
        ("voucherFen", "PARTS_DIFFER_FROM_CHARGE")
    ]


@every_system
@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2026-06-30", "2026-06-30"),
        ("2026-06-30 00:00:00", "2026-06-30"),
        ("2026-06-30 23:59:59", "2026-06-30"),
        ("2026-06-29T16:00:00Z", "2026-06-30"),
        ("2026-06-30T15:59:59Z", "2026-06-30"),
        ("2026-06-30T23:59:59+08:00", "2026-06-30"),
    ],
)
def test_the_two_cut_off_dates_are_days_of_shanghai(system, written, day):
    made = record(convert(system, "vouchers", usecutoffDate=written, cashcutoffDate="2027-09-30"))
    assert (made["useUntil"], made["cashUntil"]) == (day, "2027-09-30")


@every_system
def test_a_cash_date_before_the_use_date_is_told(system):
    made = record(
        convert(system, "vouchers", usestartDate=None, usecutoffDate="2026-06-30",
                cashcutoffDate="2026-06-29")
        if system == "voucher_delta"
        else convert(system, "vouchers", usecutoffDate="2026-06-30", cashcutoffDate="2026-06-29")
    )  # fmt: skip
    _, problems = conform(standard()["Voucher"], made)
    assert [each.path for each in problems] == ["cashUntil"]


def step(status: str, review: str | None, at: str) -> dict[str, Any]:
    return {"innovateStatusCode": status, "reviewedStatusCode": review, "createTime": at}


HISTORY = (
    step("1", "0", "2026-04-01 09:00:00"),
    step("2", "0", "2026-04-10 17:30:00"),
    step("3", "1", "2026-05-02 09:00:00"),
    step("3", "3", "2026-05-02 09:00:01"),
)


def test_whatever_order_the_steps_come_in_the_newest_decides():
    for order in permutations(HISTORY):
        made = record(
            convert("voucher_zhejiang", "claims", flowResp=[*order, order[0]],
                    innovateStatusCode="3", reviewedStatusCode="3")
        )  # fmt: skip
        assert (made["state"], made["changedAt"]) == ("COUNTY_OK", "2026-05-02T01:00:01Z")


def test_an_answer_that_is_older_than_its_own_history_does_not_go_back():
    made = record(
        convert("voucher_zhejiang", "claims", flowResp=list(HISTORY),
                innovateStatusCode="2", reviewedStatusCode="0")
    )  # fmt: skip
    assert made["state"] == "COUNTY_OK"


def test_a_part_of_a_second_is_later_than_the_second():
    steps = [
        step("RESERVED", None, "2026-10-01T01:00:00Z"),
        step("USED", None, "2026-10-01T01:00:00.500Z"),
    ]
    for order in (steps, steps[::-1]):
        assert record(convert("voucher_delta", "claims", flowResp=order))["state"] == "CONSUMED"


@pytest.mark.parametrize(
    ("history", "problem"),
    [
        ([], ("flowResp", "MISSING")),
        (None, ("flowResp", "MISSING")),
        ("2,5", ("flowResp", "NOT_LIST")),
        ([1], ("flowResp", "NOT_LIST")),
        ([*HISTORY, step("2", "0", "2026-05-02 09:00:01")], ("flowResp", "HISTORY_AMBIGUOUS")),
        ([HISTORY[0], HISTORY[1]], ("flowResp", "HISTORY_CONTRADICTED")),
        ([*HISTORY, step("7", "5", "2026-11-25 09:00:00")],
         ("flowResp.4.createTime", "TIME_AHEAD")),
        ([*HISTORY, step("5", "5", "2026-06-01 09:00:00")],
         ("flowResp.4.innovateStatusCode", "CODE_UNKNOWN")),
        ([*HISTORY, step("3", "4", "2026-06-01 09:00:00")],
         ("flowResp.4.reviewedStatusCode", "CODE_UNKNOWN")),
        ([*HISTORY, step("3", "3", "yesterday")], ("flowResp.4.createTime", "INSTANT_INVALID")),
        ([*HISTORY, {**HISTORY[3], "operator": "x"}], None),
    ],
)  # fmt: skip
def test_a_history_that_says_nothing_certain_is_refused(history, problem):
    made = convert(
        "voucher_zhejiang", "claims", flowResp=history, innovateStatusCode="3",
        reviewedStatusCode="3",
    )  # fmt: skip
    if problem is None:
        assert made.additions == ("flowResp.4.operator",)
    else:
        assert problem in codes(made)
        assert made.yielded == ()


def test_a_claim_that_was_paid_still_says_that_the_city_let_it_pass_and_is_settled():
    assert record(convert("voucher_zhejiang", "claims"))["state"] == "SETTLED"


def test_a_claim_that_was_rejected_and_paid_is_refused():
    steps = [*HISTORY, step("7", "6", "2026-06-01 09:00:00")]
    found = codes(
        convert("voucher_zhejiang", "claims", flowResp=steps, innovateStatusCode="7",
                reviewedStatusCode="6")
    )  # fmt: skip
    assert ("reviewedStatusCode", "STATUS_CONTRADICTED") in found


@pytest.mark.parametrize("review", ["2", "6"])
def test_both_codes_of_a_rejection_reject(review):
    steps = [*HISTORY, step("3", review, "2026-06-01 09:00:00")]
    made = convert(
        "voucher_zhejiang", "claims", flowResp=steps, innovateStatusCode="3",
        reviewedStatusCode=review,
    )  # fmt: skip
    assert record(made)["state"] == "REJECTED"


def test_a_code_means_what_its_source_and_version_say_and_nothing_elsewhere():
    old = [step("12", "00", "2026-10-12T08:00:00Z")]
    codes_2021 = {"innovateStatusCode": "12", "reviewedStatusCode": "00", "flowResp": old}
    made = convert("voucher_delta", "claims", facts={"version": "2021"}, **codes_2021)
    assert record(made)["state"] == "CONSUMED"
    for system, facts in (("voucher_delta", {}), ("voucher_zhejiang", {})):
        refused = convert(system, "claims", facts=facts, **codes_2021)
        assert ("innovateStatusCode", "CODE_UNKNOWN") in codes(refused)


@every_system
def test_a_version_that_nobody_has_a_table_for_is_refused(system):
    assert ("innovateStatusCode", "VERSION_UNKNOWN") in codes(
        convert(system, "claims", facts={"version": "2031"})
    )


@every_system
def test_what_was_applied_for_was_not_granted(system):
    applied = {"voucher_zhejiang": ("1", "1"), "voucher_delta": ("APPLIED", "PENDING")}[system]
    steps = [step(*applied, "2026-03-01 08:00:00")]
    made = record(
        convert(system, "vouchers", innovateStatusCode=applied[0], reviewedStatusCode=applied[1],
                flowResp=steps)
    )  # fmt: skip
    assert made["state"] == "APPLIED"
    assert "grantedFen" not in made


def test_a_county_that_the_operator_did_not_name_decides_nothing():
    assert ("fkCountydistrict", "ISSUER_UNKNOWN") in codes(
        convert("voucher_zhejiang", "vouchers", fkCountydistrict="330681")
    )


@every_system
def test_an_enterprise_with_a_wrong_check_digit_is_told(system):
    made = record(convert(system, "vouchers", appliEntercode="91331083MA0E33338X"))
    _, problems = conform(standard()["Voucher"], made)
    assert [each.path for each in problems] == ["holderKey"]


def test_an_enterprise_that_did_not_state_has_not_stated_no():
    made = record(convert("voucher_delta", "statements", controlled=""))
    assert made["isControlled"] is None
    assert codes(convert("voucher_delta", "statements", controlled="未声明")) == [
        ("controlled", "CODE_UNKNOWN")
    ]

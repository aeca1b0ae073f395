"""What customs messages get wrong, and what they say that is easily misread."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from adapters._adapter import Context, ConvertedRow, Mapped, Removed
from adapters._customs_message import read_message
from adapters.customs_relief import ADAPTER
from connectors.xml_tree import XmlError
from hub.policy.customs.term import last_day, reports_due
from hub.policy.law import current_law
from schema.codes import CustomsGoodsKind
from schema.conform import conform
from schema.registry import standard
from tests.recorded import WIRES

MESSAGE = WIRES / "customs_relief" / "message.xml"
CONTEXT = Context(
    source="customs_relief",
    now=datetime(2026, 11, 23, 6, tzinfo=UTC),
    facts={"customs_offices": {"2901": "uscc:11330000MB0K29004F"}},
)
HANGZHOU = "330100"


def rows(*changes: tuple[str, str]) -> tuple[Any, ...]:
    text = MESSAGE.read_text("utf-8")
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return read_message(text.encode())


def of_kind(kind: str, at: int = 0, **changes: Any) -> ConvertedRow:
    row = [row for row in rows() if row["document"] == kind][at]
    changed = {name.replace("__", "."): value for name, value in changes.items()}
    assert changed.keys() <= row.keys() | {"extra"}
    merged = {name: value for name, value in {**row, **changed}.items() if value is not None}
    return ADAPTER.convert(ADAPTER.collections[0], merged, CONTEXT)


def record(converted: ConvertedRow) -> dict[str, Any]:
    assert converted.problems == ()
    (one,) = converted.yielded
    assert isinstance(one, Mapped)
    return one.record


def codes(converted: ConvertedRow) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in converted.problems]


def test_the_import_date_is_the_release_and_the_arrival_is_kept_beside_it():
    made = record(of_kind("Declaration"))
    assert (made["releasedOn"], made["arrivedOn"]) == ("2024-06-01", "2024-06-10")
    only_arrived = record(of_kind("Declaration", importDate=None, declareDate=None))
    assert "releasedOn" not in only_arrived
    assert only_arrived["arrivedOn"] == "2024-06-10"
    only_released = record(of_kind("Declaration", arrivalDate=None))
    assert "arrivedOn" not in only_released


def test_an_arrival_before_the_release_is_told():
    made = record(of_kind("Declaration", arrivalDate="2024-05-30"))
    _, problems = conform(standard()["CustomsSupervision"], made)
    assert [problem.path for problem in problems] == ["arrivedOn"]


@pytest.mark.parametrize(
    "number",
    [
        "23320241000012345",
        "2233202410000123456",
        "2233 20241000012345",
        "2.23320241E+17",
        "223320241000012345.0",
        "２２３３２０２４１０００012345",
        "22332024100001234O",
        "-22332024100001234",
    ],
)
def test_a_declaration_number_that_is_not_18_digits_as_printed_is_refused(number):
    assert codes(of_kind("Declaration", declarationNumber=number)) == [
        ("declarationNumber", "MISSHAPEN")
    ]
    assert codes(of_kind("Report", declarationNumber=number)) == [
        ("declarationNumber", "MISSHAPEN")
    ]


@pytest.mark.parametrize("number", ["1", "001", "1.0", "0 1", "01E0", "一"])
def test_an_item_number_without_its_zero_is_refused(number):
    assert codes(of_kind("Declaration", itemNumber=number)) == [("itemNumber", "MISSHAPEN")]


def test_numbers_keep_their_leading_zeros():
    made = record(of_kind("Declaration", declarationNumber="020820241000000001"))
    assert (made["declarationNo"], made["itemNo"]) == ("020820241000000001", "01")


def test_goods_of_several_kinds_on_one_certificate_have_each_their_term():
    law = current_law()
    ends = {}
    for at in (0, 1):
        made = record(of_kind("Declaration", at))
        kind, released = CustomsGoodsKind[made["goodsKind"]], date.fromisoformat(made["releasedOn"])
        ends[made["goodsKind"]] = last_day(kind, released, law.on(date(2026, 11, 1), HANGZHOU))
    assert ends == {"OTHER": date(2027, 6, 1), "MOTOR_VEHICLE": date(2030, 6, 1)}


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("8802400010", "VESSEL_AIRCRAFT"),
        ("8906909090", "VESSEL_AIRCRAFT"),
        ("8703236110", "MOTOR_VEHICLE"),
        ("8806290000", None),
        ("8907100000", None),
        ("8716390000", None),
        ("8602100000", None),
        ("9027500000", "OTHER"),
        ("90275000", "OTHER"),
    ],
)
def test_what_may_be_one_kind_of_goods_or_another_has_none(heading, kind):
    assert record(of_kind("Declaration", certItem__hsCode=heading)).get("goodsKind") == kind


def test_a_term_that_ran_out_is_no_early_end_so_that_its_anniversary_stays_supervised():
    ran_out = record(of_kind("Declaration", state="3", endDate="2027-06-01"))
    assert "settledOn" not in ran_out
    planned = record(of_kind("Declaration", state="1", endDate="2027-05-31"))
    assert "settledOn" not in planned
    early = record(of_kind("Declaration", state="2", endDate="2026-03-15"))
    assert early["settledOn"] == "2026-03-15"
    assert codes(of_kind("Declaration", state="2", endDate=None)) == [("endDate", "MISSING")]
    assert codes(of_kind("Declaration", state="9")) == [("state", "CODE_UNKNOWN")]


def test_a_leap_day_of_release_ends_at_the_end_of_february_and_a_report_on_30_june_is_in_time():
    made = record(of_kind("Declaration", importDate="2024-02-29", declareDate="2024-02-20"))
    law = current_law().on(date(2026, 11, 1), HANGZHOU)
    released = date.fromisoformat(made["releasedOn"])
    assert last_day(CustomsGoodsKind.OTHER, released, law) == date(2027, 2, 28)
    filed = record(of_kind("Report", filedAt="2026-06-30 23:59:59"))
    assert filed["filedAt"] == "2026-06-30T15:59:59Z"
    assert (2026, date(2026, 6, 30)) in reports_due(released, date(2027, 2, 28), law)


def test_an_approval_that_was_withdrawn_ends_under_the_key_it_was_stated_with():
    stated = record(of_kind("Approval", 0))
    (gone,) = of_kind("Approval", 0, state="2").yielded
    assert gone == Removed(
        "CustomsApproval", standard()["CustomsApproval"].key_of(stated), "REVOKED", stated
    )
    for state, reason in (("3", "LAPSED"), ("4", "REFUSED")):
        (gone,) = of_kind("Approval", 0, state=state).yielded
        assert gone.reason == reason
    assert codes(of_kind("Approval", 0, state="0")) == [("state", "CODE_UNKNOWN")]


def test_a_certificate_is_extended_once_and_no_more():
    assert of_kind("Certificate").problems == ()
    assert codes(of_kind("Certificate", extended="2")) == [("extended", "CODE_UNKNOWN")]
    assert codes(of_kind("Certificate", validUntil="2024-12-06")) == [
        ("validUntil", "INTERVAL_TOO_LONG")
    ]
    assert codes(of_kind("Certificate", extended="0")) == [("validUntil", "INTERVAL_TOO_LONG")]
    month_end = {"validFrom": "2023-08-31", "extended": "0"}
    assert of_kind("Certificate", validUntil="2024-02-29", **month_end).problems == ()
    assert of_kind("Certificate", validUntil="2024-03-01", **month_end).problems != ()


def test_goods_that_were_declared_after_their_certificate_ran_out_are_refused():
    late = of_kind("Declaration", declareDate="2024-12-06", importDate="2024-12-08")
    assert codes(late) == [("cert.validUntil", "CERTIFICATE_EXPIRED")]
    in_time = of_kind("Declaration", declareDate="2024-12-05", importDate="2024-12-08")
    assert in_time.problems == ()


def test_two_declarations_for_one_instrument_are_two_records():
    first, second = record(of_kind("Declaration", 0)), record(of_kind("Declaration", 2))
    assert first["instrumentKey"] == second["instrumentKey"]
    key_of = standard()["CustomsSupervision"].key_of
    assert key_of(first) != key_of(second)


@pytest.mark.parametrize(
    ("office", "district"),
    [("2901", "HANGZHOU"), ("3101", "NINGBO"), ("2233", "SHANGHAI"), ("2318", "NANJING"),
     ("3310", "HEFEI"), ("5100", "OTHER")],
)  # fmt: skip
def test_the_district_is_that_of_the_competent_office_and_not_of_the_port(office, district):
    made = record(of_kind("Declaration", cert__masterCustoms=office))
    assert made["declarationNo"].startswith("2233")
    assert made["district"] == district
    assert ("customsKey" in made) == (office == "2901")


def test_an_approval_by_an_office_that_the_operator_did_not_name_waits():
    assert codes(of_kind("Approval", customs="3101")) == [("customs", "CUSTOMS_OFFICE_UNKNOWN")]


def test_a_notice_for_several_goods_is_refused_and_not_given_to_one_of_them():
    goods = "<innerId>TEM-2024-01</innerId></Goods>"
    found = read_message(
        MESSAGE.read_text("utf-8")
        .replace(
            "      <innerId>TEM-2024-01</innerId>\n    </Goods>",
            goods + "<Goods><innerId>B</innerId></Goods>",
        )
        .encode()
    )
    (first, _) = (row for row in found if row["document"] == "Approval")
    assert codes(ADAPTER.convert(ADAPTER.collections[0], first, CONTEXT)) == [
        ("goods", "NOTICE_OF_SEVERAL")
    ]


def test_a_declaration_without_its_certificate_or_without_items_is_refused_and_not_lost():
    found = rows(("<certNo>Z29012400017</certNo>\n    <declareDate>2024-05-28", "<certNo>Z29012400018</certNo><declareDate>2024-05-28"))  # fmt: skip  # noqa: E501
    first = next(row for row in found if row["document"] == "Declaration")
    assert ("certNo", "CERTIFICATE_MISSING") in codes(
        ADAPTER.convert(ADAPTER.collections[0], first, CONTEXT)
    )
    head = "<Head><messageId>1</messageId></Head>"
    bare = read_message(
        f"<DutyReliefMessage>{head}<Declaration><certNo>1</certNo></Declaration></DutyReliefMessage>".encode()
    )
    assert len(bare) == 1
    assert ADAPTER.convert(ADAPTER.collections[0], bare[0], CONTEXT).problems


def test_a_document_of_another_kind_is_refused_and_not_passed_over():
    found = rows(("<DutyPayment>", "<DutyRefund>"), ("</DutyPayment>", "</DutyRefund>"))
    converted = ADAPTER.convert(ADAPTER.collections[0], found[-1], CONTEXT)
    assert ("document", "CODE_UNKNOWN") in codes(converted)


def test_a_new_element_is_refused_because_it_may_narrow_what_was_approved():
    assert codes(of_kind("Approval", extra="only on weekdays")) == [("extra", "FIELD_ADDED")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<validFrom>2026-11-01", "<Conditions><c>weekdays</c></Conditions><validFrom>2026-11-01"),
        (
            "</placeCustoms>\n    <place>苏州",
            "</placeCustoms><only><of>x</of></only>\n    <place>苏州",
        ),
    ],
)
def test_a_new_element_with_others_in_it_is_not_passed_over_either(before, after):
    found = next(row for row in rows((before, after)) if row["document"] == "Approval")
    assert [code for _, code in codes(ADAPTER.convert(ADAPTER.collections[0], found, CONTEXT))] == [
        "FIELD_ADDED"
    ]


def test_duty_in_another_currency_is_refused():
    assert codes(of_kind("DutyPayment", currency="502")) == [("currency", "CODE_UNKNOWN")]


def test_the_brackets_of_a_notice_become_signs_that_a_key_may_hold():
    assert record(of_kind("Approval"))["noticeNo"] == "杭关减免[2026]0031号"


@pytest.mark.parametrize(
    "content",
    [
        b"<Other/>",
        b"<DutyReliefMessage/>",
        b"<DutyReliefMessage><Head/><Head/></DutyReliefMessage>",
        b"<DutyReliefMessage><Head/><Report><year>1</year><year>2</year></Report></DutyReliefMessage>",
        b"<DutyReliefMessage><Head/><Certificate><certNo>1</certNo></Certificate>"
        b"<Certificate><certNo>1</certNo></Certificate></DutyReliefMessage>",
    ],
)
def test_bytes_that_are_no_message_of_the_system_are_refused(content):
    with pytest.raises(XmlError):
        read_message(content)


def test_a_message_cut_anywhere_gives_no_row_at_all():
    whole = MESSAGE.read_bytes()
    for end in range(0, len(whole) - 2, 397):
        with pytest.raises(XmlError):
            read_message(whole[:end])

"""Calls of senders to the national platform that the hub does not take say why, in NRII's shape."""

from __future__ import annotations

import pytest

from adapters._nrii_service import EQUIPMENT, NAMESPACE
from connectors.soap_envelope import SOAP_11
from hub.errors import ErrorCode
from hub.intake.batch import Outcome, Outcomes, RowHome, RowOutcome
from hub.intake.nrii_call import NriiAnswer, NriiCall, answer_of, read_call, to_xml
from hub.intake.prepare import problem

SECRET = "a-password-of-the-sender"


def call(arguments: str, header: str = "") -> NriiCall | NriiAnswer:
    text = (
        f'<soap:Envelope xmlns:soap="{SOAP_11}" xmlns:n="{NAMESPACE}">'
        f"<soap:Header>{header}</soap:Header>"
        f"<soap:Body><n:instruInfo>{arguments}</n:instruInfo></soap:Body></soap:Envelope>"
    )
    return read_call(text.encode(), "text/xml; charset=utf-8")


def of_type(number: str) -> str:
    return (
        f"<insCode>c1</insCode><instruType>{number}</instruType>"
        '<instruList>{"innerId": "1"}</instruList>'
    )


def my_header(attributes: str = "") -> str:
    return f"<n:MySoapHeader {attributes}><n:any>{SECRET}</n:any></n:MySoapHeader>"


def test_the_sender_s_header_lets_nobody_in_and_nothing_of_it_is_kept() -> None:
    plain, headed = call(of_type(EQUIPMENT)), call(of_type(EQUIPMENT), my_header())
    assert isinstance(headed, NriiCall)
    assert headed == plain
    assert SECRET not in repr(headed)


@pytest.mark.parametrize("value", ["1", "true"])
@pytest.mark.parametrize("name", ["MySoapHeader", "Security"])
def test_a_header_that_must_be_understood_is_refused_in_the_sender_s_codes(
    name: str, value: str
) -> None:
    header = my_header(f'soap:mustUnderstand="{value}"').replace("MySoapHeader", name)
    answer = call(of_type(EQUIPMENT), header)
    assert isinstance(answer, NriiAnswer)
    assert (answer.code, name in answer.message) == ("203", True)
    written = to_xml(answer).decode()
    assert "<return>203</return>" in written
    assert SECRET not in written


def test_a_header_that_may_be_passed_over_is() -> None:
    header = my_header('soap:mustUnderstand="0"')
    assert isinstance(call(of_type(EQUIPMENT), header), NriiCall)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (of_type("7"), "effectiveness"),
        ("<insCode>c1</insCode><effectList>[]</effectList>", "effectiveness"),
        (of_type("2"), "facilities"),
        (of_type("3"), "service units"),
        (of_type("8"), "only types"),
        ("<insCode>c1</insCode>", "only types"),
    ],
)
def test_a_type_that_no_record_holds_is_refused_with_its_reason(arguments: str, word: str) -> None:
    answer = call(arguments)
    assert isinstance(answer, NriiAnswer)
    assert answer.code == "203"
    assert word in answer.message


HOME = RowHome(hub="https://hub.zj.example", institution="moe:10335")


def unsettled(*codes: ErrorCode) -> RowOutcome:
    told = tuple(problem("", each) for each in codes)
    return RowOutcome(row=1, outcome=Outcome.UNSETTLED, problems=told, home=HOME)


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([ErrorCode.HOME_SILENT], "301"),
        ([ErrorCode.HOME_SILENT, ErrorCode.HOME_UNREACHABLE], "301"),
        ([ErrorCode.HOME_LATE], "301"),
        ([ErrorCode.HOME_REFUSED], "203"),
    ],
)
def test_what_its_home_has_not_said_is_told_as_later_and_a_refusal_as_one(
    codes: list[ErrorCode], code: str
) -> None:
    answer = answer_of(Outcomes(rows=(unsettled(*codes),)))
    assert (answer.code, HOME.hub in answer.message) == (code, True)
    assert all(each.zh in answer.message for each in codes)


def test_of_an_object_of_several_records_what_is_wrong_is_told_before_what_waits() -> None:
    bad = (problem("name", ErrorCode.HOME_ELSEWHERE),)
    rows = (
        RowOutcome(row=1, outcome=Outcome.ACCEPTED),
        unsettled(ErrorCode.HOME_SILENT),
        RowOutcome(row=3, outcome=Outcome.QUARANTINED, problems=bad),
    )
    answer = answer_of(Outcomes(rows=rows))
    assert answer.code == "202"
    assert ErrorCode.HOME_SILENT.zh not in answer.message

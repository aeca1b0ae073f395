"""The SOAP service of the national platform (NRII) and its copies: operations and return codes.

The official interface document is not public. What stands here follows one university system that
sends to it: operation `instruInfo(insCode, instruType, instruList)`, SOAP 1.1 by Apache CXF, its
namespace, one object a call as JSON in a text, and a return code alone in the element `return`.
`instruQuery`, by which a platform gives what it holds, is this project's reading of what such a
service must have.

Codes mean different things in different versions, so a meaning is only ever looked up with its
version: 201 is a broken JSON text in one list and a wrong type of data in the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from connectors.wsdl import wsdl

__all__ = [
    "ACCEPTED",
    "ADDRESS",
    "CODES",
    "CUSTOMS",
    "EQUIPMENT",
    "NAMESPACE",
    "OPERATIONS",
    "RECORD",
    "SENDING",
    "WSDL",
    "ReturnMeaning",
    "is_accepted",
    "meaning_of",
]

NAMESPACE = "http://instru.server.ws.com/"
ADDRESS = "http://nrii.example/WS_Server/cxf/instru"
CENTRE, EQUIPMENT, CUSTOMS, RECORD = "1", "4", "5", "6"
"""Values of `instruType`. 4 must be accepted before 5, and 5 before 6."""
SENDING = {"insCode": "string", "instruType": "string", "instruList": "string"}
"""Arguments of `instruInfo`; all senders have these."""
OPERATIONS = {
    "instruInfo": SENDING,
    "instruQuery": {
        "insCode": "string",
        "instruType": "string",
        "pageNo": "int",
        "pageSize": "int",
    },
}
WSDL = wsdl(NAMESPACE, OPERATIONS, ADDRESS)


class ReturnMeaning(StrEnum):
    """What a return code says about the object that was sent."""

    ACCEPTED = "ACCEPTED"
    UNIT_UNKNOWN = "UNIT_UNKNOWN"
    """The code of the unit is wrong: no object will be accepted."""
    BAD_FORM = "BAD_FORM"
    BAD_DATA = "BAD_DATA"
    INCOMPLETE = "INCOMPLETE"
    """It was taken, and something of it is still to be filled in."""
    FAILED = "FAILED"
    """The service failed; the same object may be accepted later."""
    UNKNOWN = "UNKNOWN"
    """No list has this code; it is no acceptance."""


CODES: Mapping[str, Mapping[str, tuple[ReturnMeaning, str]]] = {
    "sender": {
        "100": (ReturnMeaning.ACCEPTED, "上传成功"),
        "200": (ReturnMeaning.UNIT_UNKNOWN, "单位编码错误"),
        "201": (ReturnMeaning.BAD_FORM, "JSON字符串格式错误"),
        "202": (ReturnMeaning.BAD_DATA, "数据验证错误"),
        "203": (ReturnMeaning.FAILED, "其他异常"),
        "301": (ReturnMeaning.FAILED, "数据库操作异常"),
    },
    "record": {
        "0": (ReturnMeaning.INCOMPLETE, "数据待补充"),
        "1": (ReturnMeaning.ACCEPTED, "数据补充完成"),
        "100": (ReturnMeaning.ACCEPTED, "上传成功"),
        "101": (ReturnMeaning.BAD_DATA, "数据填写有误"),
        "201": (ReturnMeaning.BAD_FORM, "填报数据类型错误"),
        "202": (ReturnMeaning.BAD_FORM, "推送格式错误"),
        "203": (ReturnMeaning.BAD_DATA, "验证数据格式错误"),
        "204": (ReturnMeaning.FAILED, "其他异常"),
    },
}
"""Return codes by version: what a sender handles, and what its model of records names."""
ACCEPTED = "100"


def meaning_of(version: str, code: str) -> tuple[ReturnMeaning, str]:
    """Return what a code says in a version; one that nobody listed is no acceptance."""
    return CODES[version].get(code.strip(), (ReturnMeaning.UNKNOWN, ""))


def is_accepted(version: str, code: str) -> bool:
    """Tell whether an object was accepted, so that what rests on it may be sent."""
    return meaning_of(version, code)[0] is ReturnMeaning.ACCEPTED

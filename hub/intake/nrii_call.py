"""`nrii_call`: one call of `instruInfo` as senders to the national platform (NRII) make it.

Pure: bytes of a request in, the object that was sent out; and what is answered, as bytes. The codes
are those that such senders handle (`adapters._nrii_service`, version "sender").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from adapters import Adapter
from adapters._adapter import Collection
from adapters._nrii_service import CENTRE, CUSTOMS, EQUIPMENT, NAMESPACE, RECORD, SENDING
from adapters.nrii import ADAPTER
from connectors.answer_json import read_answer
from connectors.limits import Limits
from connectors.soap_envelope import SOAP_11, UnreadableError, envelope_text, parse_envelope
from connectors.wsdl import wsdl
from hub.intake.batch import Outcome, Outcomes

__all__ = ["LISTS", "NriiAnswer", "NriiCall", "answer_of", "described", "read_call", "to_xml"]

OPERATION = "instruInfo"
RESULTS = ("return", "message")
"""`message` says what the code means here; senders that look for the code alone pass it by."""
LISTS: dict[str, tuple[Adapter, Collection]] = {
    number: (ADAPTER, collection)
    for number, collection in zip(
        (CENTRE, EQUIPMENT, CUSTOMS, RECORD), ADAPTER.collections, strict=True
    )
}
"""What may be sent, by `instruType`."""
PROBLEMS_MAX = 20
WENT_IN = frozenset({Outcome.ACCEPTED, Outcome.PROVEN, Outcome.DUPLICATE})


@dataclass(frozen=True, slots=True)
class NriiAnswer:
    """A return code, and what it means here."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NriiCall:
    """What a sender sends: its unit's code, the type, one object."""

    ins_code: str
    type: str
    row: dict[str, Any]


def read_call(body: bytes, content_type: str) -> NriiCall | NriiAnswer:
    """Return the call in a request, or the answer to one that cannot be read."""
    try:
        envelope = parse_envelope(envelope_text(body, content_type), Limits())
    except UnreadableError as error:
        return NriiAnswer("201", f"报文无法读取 the request cannot be read: {error}")
    call = envelope.find(f"{{{SOAP_11}}}Body/{{*}}{OPERATION}")
    if call is None:
        return NriiAnswer("203", f"只提供操作 {OPERATION} the only operation is {OPERATION}")
    said = {name: (call.findtext(f"{{*}}{name}") or "").strip() for name in SENDING}
    if said["instruType"] not in LISTS:
        known = "、".join(LISTS)
        return NriiAnswer("203", f"本端点只接收类型 {known} only types {known} are taken")
    return _object(**said)


def _object(insCode: str, instruType: str, instruList: str) -> NriiCall | NriiAnswer:  # noqa: N803
    """Return the one object that was sent, which names its unit as the call does."""
    try:
        value = read_answer(instruList)
    except ValueError as error:
        return NriiAnswer("201", f"JSON字符串格式错误 not valid JSON: {error}")
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if not isinstance(value, dict):
        return NriiAnswer("201", "JSON字符串格式错误，一次一个对象 send one object a call")
    if value.setdefault("insCode", insCode) != insCode:
        return NriiAnswer("200", "单位编码错误：两处 insCode 不一致 the two insCode differ")
    return NriiCall(ins_code=insCode, type=instruType, row=value)


def answer_of(outcomes: Outcomes) -> NriiAnswer:
    """Return what the outcomes of one object mean to its sender."""
    if all(row.outcome in WENT_IN for row in outcomes.rows):
        return NriiAnswer("100", "上传成功")
    problems = [each for row in outcomes.rows for each in row.problems][:PROBLEMS_MAX]
    words = "；".join(f"{each.path}：{each.zh} {each.en}" for each in problems)
    return NriiAnswer("202", f"数据验证错误，已隔离 quarantined: {words}")


def to_xml(answer: NriiAnswer) -> bytes:
    """Return an answer as the envelope that carries it; XML has no control characters."""
    message = "".join(each if each.isprintable() else " " for each in answer.message)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<soap:Envelope xmlns:soap="{SOAP_11}"><soap:Body>'
        f'<ns:{OPERATION}Response xmlns:ns="{NAMESPACE}"><return>{escape(answer.code)}</return>'
        f"<message>{escape(message)}</message></ns:{OPERATION}Response>"
        "</soap:Body></soap:Envelope>\n"
    ).encode("utf-8", "replace")


def described(address: str) -> str:
    """Return the WSDL of the service at an address."""
    return wsdl(NAMESPACE, {OPERATION: SENDING}, address, RESULTS)

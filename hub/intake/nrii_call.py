"""`nrii_call`: one call of `instruInfo` as senders to the national platform (NRII) make it.

Pure: bytes of a request in, the object that was sent out; and what is answered, as bytes. The codes
are those that such senders handle (`adapters._nrii_service`, version "sender").

Senders have a SOAP header `MySoapHeader`. What is in it is not established, only that it lets them
in at the platform; here it lets nobody in (decision 0016), and nothing of it is read or kept. A
header that must be understood (SOAP 1.1, 4.2.3) is refused: to pass it over would be to say that it
holds.
"""

from __future__ import annotations

from collections.abc import Sequence
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
from hub.errors import ErrorCode
from hub.intake.batch import Outcome, Outcomes, RowOutcome

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
NOT_TAKEN = {
    "2": "重大科研基础设施（2）没有对应的记录 facilities have no record in the standard",
    "3": "服务单元（3）已由主管部门取消 the ministry has dropped service units",
    "7": "服务成效（7）是单位的年度合计与附件，标准没有对应的记录，请逐条报送服务记录（6） "
    "effectiveness is a year's totals with attachments and has no record; send services (6)",
}
"""Values of `instruType` that senders know and no record holds, with the reason."""
EFFECTS = "effectList"
"""Argument of the second form of the operation: effectiveness, without a type."""
HEADER = "MySoapHeader"
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
    for entry in envelope.iterfind(f"{{{SOAP_11}}}Header/*"):
        name = str(entry.tag).rpartition("}")[2]
        if entry.get(f"{{{SOAP_11}}}mustUnderstand") in ("1", "true"):
            advice = "口令在此无效，由代理签名 passwords let nobody in here, the proxy signs"
            said_of = advice if name == HEADER else "未知 unknown"
            return NriiAnswer("203", f"不支持必须理解的头 {name[:60]} mustUnderstand: {said_of}")
    call = envelope.find(f"{{{SOAP_11}}}Body/{{*}}{OPERATION}")
    if call is None:
        return NriiAnswer("203", f"只提供操作 {OPERATION} the only operation is {OPERATION}")
    said = {name: (call.findtext(f"{{*}}{name}") or "").strip() for name in SENDING}
    if said["instruType"] not in LISTS:
        effects = call.find(f"{{*}}{EFFECTS}") is not None and not said["instruType"]
        reason = NOT_TAKEN.get("7" if effects else said["instruType"])
        if reason is not None:
            return NriiAnswer("203", reason)
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
    """Return what the outcomes of one object mean to its sender.

    Who sends it again because its home did not answer is told 100 then, whether it had been taken
    the first time or not: a record that stands already is no fault.
    """
    if all(row.outcome in WENT_IN for row in outcomes.rows):
        return NriiAnswer("100", "上传成功")
    left = [row for row in outcomes.rows if row.outcome not in WENT_IN]
    refused = [row for row in left if row.outcome is not Outcome.UNSETTLED]
    if refused:
        return NriiAnswer("202", f"数据验证错误，已隔离 quarantined: {_words(refused)}")
    homes = "、".join(sorted({row.home.hub for row in left if row.home is not None}))
    if any(each.code == ErrorCode.HOME_REFUSED.name for row in left for each in row.problems):
        return NriiAnswer("203", f"归属枢纽 its home hub {homes}: {_words(left)}")
    again = "请稍后原样重发 send the same again in a moment"
    return NriiAnswer("301", f"归属枢纽 its home hub {homes}: {_words(left)} {again}")


def _words(rows: Sequence[RowOutcome]) -> str:
    problems = [each for row in rows for each in row.problems][:PROBLEMS_MAX]
    return "；".join(
        f"{each.path}{'：' if each.path else ''}{each.zh} {each.en}" for each in problems
    )


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

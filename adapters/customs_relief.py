"""Customs relief (减免税): certificates, import declarations, approvals, yearly reports, duty paid.

The real exchange is not public; `basis` of `customs_relief.toml` says on what this is modelled. A
message is one XML file with any number of documents.

- `importDate` is the day of RELEASE, whatever its name says: the term runs from it. The arrival is
  a day of its own (`arrivalDate`); both are kept, neither stands in for the other.
- Numbers are text: 18 digits of a declaration, 2 of its item. What lost a zero, holds a space or
  went through a spreadsheet (2.9E+17) is refused, because it would name another thing.
- The district is that of the competent office (`masterCustoms`), never that of the port in the
  first digits of the declaration: goods come in at Shanghai and are supervised by Hangzhou.
- A declaration rests on a certificate, which is in the same message. It may be extended once; what
  was imported after it had run out is refused, one of both is wrong.
- `endDate` ends supervision only where it was ended early (`state` 2). A term that ran out (3)
  follows from release and kind, and the day on which a system prints it is not taken.
- The kind of goods follows from the heading of the HS code; what may be either has none.
- An approval that does not stand any more, and a report that customs sent back, are withdrawn. A
  message says when it was made: one that comes late never states anew what a newer one revoked.
- Of an approval for several goods each would have the same number: it is refused.
- `〔2026〕` in the number of a notice is written `[2026]`: a key holds no such brackets.
- No record holds quantity, price and origin of the goods: the instrument has its own.
- `[facts.customs_offices]` of the source's file says which institution an office is:
  `"2901" = "uscc:…"`. Without it a supervision names no office, and an approval is refused.
- Personal: contact, reporter, phone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date

from adapters._adapter import Adapter, Collection, Context, Mapped, Removed, Yielded
from adapters._customs_message import read_message, said_at
from adapters._metadata import CodeLookUp
from adapters._metadata_files import metadata_of
from adapters._nrii import present
from adapters._row import Row
from connectors.files import DroppedFiles
from schema.codes import (
    CustomsApprovalKind,
    CustomsDistrict,
    CustomsGoodsKind,
    ServicePurpose,
)

METADATA = metadata_of("customs_relief")
DECLARATION = re.compile("[0-9]{18}")
ITEM = re.compile("[0-9]{2}")
CERTIFICATE = re.compile("[A-Z][0-9]{11}")
OFFICE = re.compile("[0-9]{4}")
HS_CODE = re.compile("[0-9]{8}(?:[0-9]{2})?")
MONTHS_OF_CERTIFICATE = 6
EXTENSIONS = {"0": 0, "1": 1}
"""How often a certificate was extended: once at most."""

PURPOSES = METADATA.codes.words("purposes", ServicePurpose)
APPROVALS = METADATA.codes.words("approval_kinds", CustomsApprovalKind)
APPROVAL_STATES = METADATA.codes["approval_states"]
REPORT_STATES = METADATA.codes["report_states"]
SUPERVISED, ENDED_EARLY, RAN_OUT = "1", "2", "3"
SUPERVISION_STATES = (SUPERVISED, ENDED_EARLY, RAN_OUT)
YUAN = METADATA.codes["currency"].words
DISTRICTS = {each.official[:2]: each for each in CustomsDistrict if each.official}
"""Districts by the first two digits of their offices."""

HEADINGS = METADATA.codes["goods_kinds"]
HEADING_DIGITS = 4

BRACKETS = str.maketrans("〔〕［］（）", "[][]()")
"""Numbers of papers stand in keys, where these look like others."""

PEOPLE = ("contactName", "contactPhone", "cert.contactName", "cert.contactPhone")
MESSAGE = ("document", "message.id")
GOODS_TOLD = ("goodsName", "quantity", "unit", "amount", "currency", "origin")
OF_THE_ITEM = tuple(f"certItem.{name}" for name in ("certItemNo", *GOODS_TOLD))
OF_THE_CERTIFICATE = (
    "cert.certNo",
    "cert.applicantName",
    "cert.applicantCode",
    "cert.cutMode",
    "cert.projectKind",
    "cert.contractNo",
    "cert.portCustoms",
)


def document(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one row of a message by the kind of its document."""
    kind = row.text("document")
    known = KINDS.get(kind)
    if known is None:
        zh, en = f"不认识的单据，已知：{'、'.join(KINDS)}", f"is no document of: {', '.join(KINDS)}"
        row.fault("document", "CODE_UNKNOWN", zh, en)
        return ()
    row.ignore(*MESSAGE)
    row.instant("message.time")  # refused without one: nobody could say which message is the last
    return known(row, context)


def certificate(row: Row, context: Context) -> Iterable[Yielded]:
    """Check a certificate; what it grants stands in the supervision of what was imported."""
    del context
    row.drop(*PEOPLE)
    row.ignore("applicantName", "applicantCode", "projectKind", "contractNo", "portCustoms")
    row.ignore("applicantUscc", "masterCustoms", "cutMode", "policyBasis")
    _shaped(
        row, "certNo", CERTIFICATE, "1 位大写字母加 11 位数字", "a capital letter and 11 digits"
    )
    _valid_until(row, "")
    return ()


def supervision(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one item of an import declaration."""
    row.drop(*PEOPLE)
    row.ignore(*OF_THE_CERTIFICATE, *OF_THE_ITEM)
    row.ignore("certItemNo", "entryCustoms")
    if not row.has("cert.certNo"):
        zh, en = "报文中没有该征免税证明", "names a certificate that is not in the message"
        row.fault("certNo", "CERTIFICATE_MISSING", zh, en)
    _shaped(
        row, "certNo", CERTIFICATE, "1 位大写字母加 11 位数字", "a capital letter and 11 digits"
    )
    applicant = row.text("cert.applicantUscc")
    released = row.optional_day("importDate")
    _imported_in_time(row, released)
    ended = _ended_early(row)
    office = _office(row, "cert.masterCustoms")
    yield Mapped(
        "CustomsSupervision",
        present(
            declarationNo=_declaration(row),
            itemNo=_item(row),
            instrumentKey=f"uscc:{applicant}/{row.text('innerId')}",
            customsKey=_offices(context).get(office),
            district=_district(office),
            goodsKind=_goods_kind(row),
            declaredName=row.optional_text("formname"),
            releasedOn=released,
            arrivedOn=row.optional_day("arrivalDate"),
            applicantKey=f"uscc:{applicant}",
            approvedPlace=row.optional_text("usePlace"),
            approvedUses=[purpose.value for purpose in row.codes("useScope", PURPOSES)],
            regime=row.optional_text("cert.policyBasis"),
            nriiSince=row.optional_day("nriiSince"),
            settledOn=ended,
        ),
    )


def approval(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one notice of customs; one that does not stand any more is withdrawn."""
    row.ignore("declarationNumber", "itemNumber")
    if row.text("goods") != "1":
        zh = "通知书须只对应一件货物：多件货物共用一个编号，无法分别记录"
        en = "must be 1: several goods would share the number of the notice; ask customs"
        row.fault("goods", "NOTICE_OF_SEVERAL", zh, en)
    office = _office(row, "customs")
    key = _offices(context).get(office)
    if key is None:
        zh = "该海关不在来源文件的 [facts.customs_offices] 中"
        en = "is not in [facts.customs_offices] of the source's file; add it"
        row.fault("customs", "CUSTOMS_OFFICE_UNKNOWN", zh, en)
    number = row.text("noticeNo").translate(BRACKETS)
    gone = _state(row, "state", APPROVAL_STATES)
    place = _district(_office(row, "placeCustoms")) if row.has("placeCustoms") else None
    row.ignore("placeCustoms")
    made = Mapped(
        "CustomsApproval",
        present(
            customsKey=key,
            noticeNo=number,
            instrumentKey=_instrument_key(row),
            kind=row.code("kind", APPROVALS).value,
            purposes=[purpose.value for purpose in row.codes("purposes", PURPOSES)],
            users=[f"uscc:{uscc}" for uscc in row.list_of("users")],
            district=place,
            allowedPlace=row.optional_text("place"),
            validFrom=row.optional_day("validFrom"),
            validUntil=row.optional_day("validUntil"),
        ),
    )
    ended = Removed("CustomsApproval", f"{key}/{number}", gone, record=made.record)
    yield ended if gone else made


def report(row: Row, context: Context) -> Iterable[Yielded]:
    """Map one yearly report; one that customs sent back was not filed."""
    row.drop("reporter", "phone")
    declaration, item, year = _declaration(row), _item(row), row.integer("year")
    gone = _state(row, "state", REPORT_STATES)
    made = Mapped(
        "CustomsReport",
        present(
            declarationNo=declaration,
            itemNo=item,
            year=year,
            instrumentKey=_instrument_key(row),
            customsKey=_offices(context).get(_office(row, "customs")),
            filedAt=row.instant("filedAt"),
        ),
    )
    yield Removed("CustomsReport", f"{declaration}/{item}/{year}", gone) if gone else made


def duty(row: Row, context: Context) -> Iterable[Yielded]:
    """Map duty that was paid for another use, in yuan."""
    row.ignore("declarationNumber", "itemNumber")
    if row.optional_text("currency") not in YUAN:
        row.fault("currency", "CODE_UNKNOWN", "税款须为人民币", "must be CNY (142)")
    yield Mapped(
        "DutyPayment",
        present(
            instrumentKey=_instrument_key(row),
            recordNo=row.text("recordNo").translate(BRACKETS),
            customsKey=_offices(context).get(_office(row, "customs")),
            amount={"amount": row.decimal("amount"), "currency": "CNY"},
            validFrom=row.optional_day("from"),
            validUntil=row.optional_day("until"),
        ),
    )


KINDS: dict[str, Callable[[Row, Context], Iterable[Yielded]]] = {
    "Certificate": certificate,
    "Declaration": supervision,
    "Approval": approval,
    "Report": report,
    "DutyPayment": duty,
}


def _shaped(row: Row, name: str, shape: re.Pattern[str], zh: str, en: str) -> str:
    """Take a number that is text: never padded, never converted."""
    text = row.text(name)
    if text and not shape.fullmatch(text):
        row.fault(name, "MISSHAPEN", f"应为{zh}，按原样书写", f"must be {en}, as it was printed")
    return text


def _declaration(row: Row) -> str:
    return _shaped(row, "declarationNumber", DECLARATION, "18 位数字", "18 digits")


def _item(row: Row) -> str:
    return _shaped(row, "itemNumber", ITEM, "2 位数字", "2 digits")


def _office(row: Row, name: str) -> str:
    return _shaped(row, name, OFFICE, "4 位关区代码", "the 4 digits of a customs office")


def _district(office: str) -> str:
    """Return the district of an office; one outside the delta is another district."""
    return DISTRICTS.get(office[:2], CustomsDistrict.OTHER).value


def _offices(context: Context) -> dict[str, str]:
    return dict(context.facts.get("customs_offices", {}))


def _instrument_key(row: Row) -> str:
    return f"uscc:{row.text('applicantUscc')}/{row.text('innerId')}"


def _state(row: Row, name: str, states: CodeLookUp) -> str:
    """Take a state that stands or ended; return why it ended, empty where it stands."""
    state = row.text(name)
    known = {**states.known, **states.ended}
    if state and state not in known:
        listed = "、".join(known)
        zh = f"代码不在对照表中，已知：{listed}"
        row.fault(name, "CODE_UNKNOWN", zh, f"is not in the code table; known: {listed}")
    return states.ended.get(state, "")


def _ended_early(row: Row) -> str | None:
    """Take the day on which supervision was ended early; of a term that ran out there is none."""
    state = row.text("state")
    if state and state not in SUPERVISION_STATES:
        zh, en = "代码不在对照表中，已知：1、2、3", "is not in the code table; known: 1, 2, 3"
        row.fault("state", "CODE_UNKNOWN", zh, en)
    ended = row.optional_day("endDate")
    if state != ENDED_EARLY:
        return None
    if ended is None:
        row.fault("endDate", "MISSING", "提前解除监管须有日期", "is required: it was ended early")
    return ended


def _goods_kind(row: Row) -> str | None:
    """Return the kind that decides the term; None where the heading leaves it open."""
    if not row.has("certItem.hsCode"):
        row.ignore("certItem.hsCode")
        return None
    code = _shaped(row, "certItem.hsCode", HS_CODE, "8 或 10 位商品编号", "8 or 10 digits of HS")
    kind = HEADINGS.words.get(code[:HEADING_DIGITS])
    if kind is None and code[:2] not in HEADINGS.nothing:
        kind = CustomsGoodsKind.OTHER
    return kind and kind.value


def _valid_until(row: Row, prefix: str) -> str | None:
    """Take the last day of a certificate; one that was extended more than once is refused."""
    last = row.optional_day(f"{prefix}validUntil")
    first = row.optional_day(f"{prefix}validFrom")
    times = row.optional_text(f"{prefix}extended") or "0"
    if times not in EXTENSIONS:
        zh, en = "征免税证明只能延期一次", "must be 0 or 1: a certificate is extended once"
        row.fault(f"{prefix}extended", "CODE_UNKNOWN", zh, en)
        return None
    if last and first and _day(first) and _day(last):
        months = MONTHS_OF_CERTIFICATE * (1 + EXTENSIONS[times])
        if last > _months_after(first, months):
            zh = f"有效期不超过 {months} 个月（含延期）"
            en = f"lies more than {months} months after validFrom, extensions included"
            row.fault(f"{prefix}validUntil", "INTERVAL_TOO_LONG", zh, en)
    return last


def _imported_in_time(row: Row, released: str | None) -> None:
    """Refuse goods that came in after their certificate had run out."""
    last = _valid_until(row, "cert.")
    declared = row.optional_day("declareDate") or released
    if last and declared and declared > last:
        zh = "申报日期晚于征免税证明有效期"
        en = "ended before the goods were declared; one of both is wrong"
        row.fault("cert.validUntil", "CERTIFICATE_EXPIRED", zh, en)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _months_after(first: str, months: int) -> str:
    """Return the same day some months later, the last one of a shorter month."""
    begun = date.fromisoformat(first)
    year, month = divmod(begun.year * 12 + begun.month - 1 + months, 12)
    for day in (begun.day, 30, 29, 28):
        try:
            return date(year, month + 1, day).isoformat()
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


ADAPTER = Adapter(
    metadata=METADATA,
    collections=(
        Collection(
            name="messages",
            reader=DroppedFiles(parse=read_message, names="*.xml"),
            map=document,
            said_at=said_at,
            types=("CustomsSupervision", "CustomsApproval", "CustomsReport", "DutyPayment"),
        ),
    ),
)

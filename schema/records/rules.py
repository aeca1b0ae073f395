"""Rules that tie several items of one record together.

Each takes the wire object, whose single items are already checked, and returns flaws by path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from schema.codes.tables import TABLED_SCHEMES, is_known, scheme_name
from schema.dates import SHANGHAI
from schema.identifiers import Flaw
from schema.parties import OPERATOR

Wire = dict[str, Any]
Flaws = Sequence[tuple[str, Flaw]]

FEN_OF_YUAN = 100
YEARS_BETWEEN = 3
"""An instrument that was used so many years before it was accepted has one date mistyped."""
HOURS_TOLERANCE = Decimal("0.1")
"""Hours travel with one decimal, so an interval may differ by as much."""


def interval_of(start: str, end: str, *, required: bool = False) -> Callable[[Wire], Flaws]:
    """Return the rule that `end` is not before `start` (after it, where the interval counts)."""

    def check(wire: Wire) -> Flaws:
        first, last = wire.get(start), wire.get(end)
        if first is None or last is None:
            return ()
        if first < last or (first == last and not required):
            return ()
        flaw = Flaw("INTERVAL_REVERSED", f"{end} 必须晚于 {start}", f"{end} must lie after {start}")
        return ((end, flaw),)

    return check


def not_before(later: str, earlier: str) -> Callable[[Wire], Flaws]:
    """Return the rule that one day is not before another, told at the later one."""

    def check(wire: Wire) -> Flaws:
        first, last = wire.get(earlier), wire.get(later)
        if first is None or last is None or first <= last:
            return ()
        flaw = Flaw(
            "INTERVAL_REVERSED",
            f"{later} 不能早于 {earlier}",
            f"{later} must not be before {earlier}",
        )
        return ((later, flaw),)

    return check


def differ(first: str, second: str) -> Callable[[Wire], Flaws]:
    """Return the rule that two items name different parties."""

    def check(wire: Wire) -> Flaws:
        if wire.get(first) is None or wire.get(first) != wire.get(second):
            return ()
        flaw = Flaw(
            "SAME_PARTY",
            f"{second} 不能与 {first} 相同",
            f"{second} must name another party than {first}",
        )
        return ((second, flaw),)

    return check


def links_two_of_a_kind(wire: Wire) -> Flaws:
    """Check that a link names two different keys of its type in order, by one of their owners."""
    first, second = wire["firstKey"], wire["secondKey"]
    slashes = 1 if wire["recordType"] == "Instrument" else 0
    for path, key in (("firstKey", first), ("secondKey", second)):
        if key.count("/") != slashes:
            text = f"is no key of an {wire['recordType']}"
            return ((path, Flaw("KEY_OF_ANOTHER_TYPE", "标识不属于该记录类型", text)),)
    if first >= second:
        text = "must come after firstKey in the order of code points"
        return (("secondKey", Flaw("LINK_ORDER", "标识二必须按码位顺序在标识一之后", text)),)
    owners = {key.partition("/")[0] for key in (first, second)}
    if wire["statedBy"] not in {OPERATOR, *owners}:
        text = "must be the owner of one of the keys, or the operator"
        return (("statedBy", Flaw("LINK_PARTY", "声明方必须是其中一方或运营方", text)),)
    return ()


def classes_are_listed(wire: Wire) -> Flaws:
    """Check that codes of a scheme which the standard lists are in that list."""
    flaws = []
    for name in ("classes", "subjects"):
        for position, code in enumerate(wire.get(name, ())):
            scheme = scheme_name(code["scheme"], code["version"])
            if scheme in TABLED_SCHEMES and not is_known(scheme, code["code"]):
                flaw = Flaw(
                    "CODE_UNKNOWN",
                    f"{scheme} 中没有代码 {code['code']}",
                    f"{scheme} has no code {code['code']}",
                )
                flaws.append((f"{name}.{position}.code", flaw))
    return flaws


def periods_are_ordered(wire: Wire) -> Flaws:
    """Check that open periods have a length, are sorted and do not overlap."""
    last = ""
    for position, period in enumerate(wire.get("periods", ())):
        if period["opens"] >= period["closes"] or period["opens"] < last:
            flaw = Flaw(
                "PERIODS_OVERLAP",
                "开放时段必须按时间排列、互不重叠，且结束晚于开始",
                "open periods must be in order, must not overlap, and must end after they start",
            )
            return ((f"periods.{position}", flaw),)
        last = period["closes"]
    return ()


def spans_lie_in_day(wire: Wire) -> Flaws:
    """Check that spans have a length, follow one another and lie in their day of Shanghai."""
    begins = datetime.combine(date.fromisoformat(wire["day"]), time(), SHANGHAI)
    ends, last = begins + timedelta(days=1), begins
    for position, span in enumerate(wire.get("spans", ())):
        first, until = _instant(span["startAt"]), _instant(span["endAt"])
        if not last <= first < until <= ends:
            flaw = Flaw(
                "SPANS_OVERLAP",
                "时段必须按时间排列、互不重叠，结束晚于开始，且在当日（北京时间）之内",
                "spans must be in order, must not overlap, must end after they start, and must lie "
                "in their day (Asia/Shanghai)",
            )
            return ((f"spans.{position}", flaw),)
        last = until
    return ()


def steps_are_ordered(wire: Wire) -> Flaws:
    """Check that the steps of an order are told in the order of time."""
    last = ""
    for position, step in enumerate(wire.get("steps", ())):
        if last and _instant(step["at"]) < _instant(last):
            flaw = Flaw("STEPS_DISORDERED", "过程必须按时间排列", "steps must be in order of time")
            return ((f"steps.{position}.at", flaw),)
        last = step["at"]
    return ()


def parts_fit_charge(wire: Wire) -> Flaws:
    """Check that what a voucher and its holder pay are together what was charged."""
    charge, voucher, own = (wire.get(each) for each in ("chargeFen", "voucherFen", "ownFen"))
    if charge is None or voucher is None:
        return ()
    if voucher > charge or (own is not None and voucher + own != charge):
        flaw = Flaw(
            "PARTS_DIFFER_FROM_CHARGE",
            "券抵扣金额与自付金额之和必须等于服务金额",
            "what the voucher and its holder pay must together be the charge",
        )
        return (("voucherFen", flaw),)
    return ()


def hours_fit_interval(wire: Wire) -> Flaws:
    """Check that a record does not claim more hours than passed between start and end."""
    if any(wire.get(name) is None for name in ("startedAt", "endedAt", "hours")):
        return ()
    seconds = (_instant(wire["endedAt"]) - _instant(wire["startedAt"])).total_seconds()
    passed = Decimal(int(seconds)) / 3600
    if Decimal(wire["hours"]) <= passed + HOURS_TOLERANCE:
        return ()
    flaw = Flaw(
        "HOURS_EXCEED_INTERVAL",
        f"机时 {wire['hours']} 超过起止时间之差 {passed:.1f} 小时",
        f"{wire['hours']} hours are more than the {passed:.1f} hours between start and end",
    )
    return (("hours", flaw),)


def other_purpose_has_tax_record(wire: Wire) -> Flaws:
    """NRII: purpose 138 (other) on a record needs the duty record."""
    if wire.get("purpose") != "OTHER" or wire.get("taxRecord"):
        return ()
    flaw = Flaw(
        "TAX_RECORD_MISSING",
        "服务类型为“其他”（138）时必须填写补税记录",
        "purpose OTHER (138) needs the duty record (taxRecord)",
    )
    return (("taxRecord", flaw),)


def outside_use_has_address(wire: Wire) -> Flaws:
    """NRII: use outside the institution needs the address."""
    if not wire.get("outsidePremises") or wire.get("outsideAddress"):
        return ()
    flaw = Flaw(
        "ADDRESS_MISSING",
        "在单位外使用时必须填写对外服务地址",
        "use outside the institution needs the address (outsideAddress)",
    )
    return (("outsideAddress", flaw),)


def voucher_fits_charge(wire: Wire) -> Flaws:
    """Check that a voucher pays no more than was charged, in the currency that vouchers are of."""
    voucher, charge = wire.get("voucherFen"), wire.get("charge")
    if not voucher or charge is None:
        return ()
    if charge["currency"] != "CNY":
        flaw = Flaw(
            "VOUCHER_CURRENCY",
            f"创新券以人民币结算，服务金额的币种却是 {charge['currency']}",
            f"vouchers pay in CNY, and the charge is in {charge['currency']}",
        )
        return (("charge.currency", flaw),)
    if voucher <= Decimal(charge["amount"]) * FEN_OF_YUAN:
        return ()
    flaw = Flaw(
        "VOUCHER_EXCEEDS_CHARGE",
        f"创新券抵扣 {voucher} 分超过服务金额 {charge['amount']} 元",
        f"the voucher pays {voucher} fen, more than the charge of {charge['amount']} yuan",
    )
    return (("voucherFen", flaw),)


def charged_nothing_by_voucher(wire: Mapping[str, Any]) -> str | None:
    """Return the voucher's item where a voucher pays and nobody says what was charged."""
    return "voucherFen" if wire.get("voucherFen") and wire.get("charge") is None else None


def commissioned_before_accepted(wire: Mapping[str, Any]) -> str | None:
    """Return the date of use where it lies years before the acceptance."""
    first, accepted = wire.get("commissionedOn"), wire.get("acceptedOn")
    if first is None or accepted is None or int(accepted[:4]) - int(first[:4]) < YEARS_BETWEEN:
        return None
    return "commissionedOn"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)

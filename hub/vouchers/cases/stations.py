"""`stations`: the way of a voucher case, station by station, with what is missing; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from hub.customs.sight import APPROVAL, SUPERVISION
from hub.customs.sight import TYPES as OF_CUSTOMS
from hub.vouchers.cases.chain import (
    BUSINESS,
    INSTRUMENT,
    OFFER,
    POWER,
    REGISTRATION,
    RELATION,
    USAGE,
    CaseChain,
    owner_of,
)
from hub.vouchers.cases.search import ORDER, SERVICE
from hub.vouchers.cases.sight import Row
from hub.vouchers.cases.words import REFUSED, said
from hub.vouchers.money.ledger import CLAIM, MOVEMENT, VOUCHER
from schema.codes import (
    BusinessState,
    CodeList,
    CustomsApprovalKind,
    CustomsStatus,
    OrderState,
    PriceUnit,
    VoucherClaimState,
    VoucherState,
)
from schema.dates import SHANGHAI

FEN = 100
NOT_NEEDED: Final = frozenset(
    {CustomsStatus.RELEASED, CustomsStatus.NOT_DUTY_FREE, CustomsStatus.NOT_SUPERVISED}
)
"""States of an instrument in which customs has no record of it that a service could rest on."""


class InBoth(NamedTuple):
    """What a fact is, for people, in Chinese and English."""

    zh: str
    en: str


Told = Iterator[tuple[str, InBoth | None]]


@dataclass(frozen=True, slots=True)
class CaseStation:
    """One station. `facts`: name and content; `kinds`: records that say so; `missing`: codes."""

    code: str
    facts: tuple[tuple[str, InBoth], ...]
    kinds: tuple[str, ...]
    missing: tuple[str, ...]


def stations_of(chain: CaseChain) -> tuple[CaseStation, ...]:
    """Return every station of a case, also those of which nothing is known."""
    return tuple(_station(chain, code) for code in _STATIONS)


def yuan(fen: int) -> str:
    """Return an amount of fen in yuan."""
    whole, rest = divmod(abs(fen), FEN)
    return f"{'-' if fen < 0 else ''}{whole:,}.{rest:02} CNY"


def clock(at: datetime) -> str:
    """Return an instant as a clock on the wall in the delta shows it."""
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S} +08:00"


def _station(chain: CaseChain, code: str) -> CaseStation:
    told, kinds, needed = _STATIONS[code]
    facts = tuple((name, content) for name, content in told(chain) if content is not None)
    missing = tuple(lacking for lacking, is_there in needed(chain).items() if not is_there)
    return CaseStation(code, facts, tuple(kind for kind in kinds if chain.rows[kind]), missing)


def _value(row: Row | None, name: str) -> Any:
    return None if row is None else row[name]


def _plain(value: Any) -> str | None:
    """Return a value of a record as people of any language read it."""
    if value is None or value == []:
        return None
    if isinstance(value, datetime):
        return clock(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, Mapping):
        return f"{value['amount']} {value['currency']}"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _text(value: Any) -> InBoth | None:
    """Return a value of a record as people read it."""
    if isinstance(value, bool):
        return InBoth("是", "yes") if value else InBoth("否", "no")
    plain = _plain(value)
    return None if plain is None else InBoth(plain, plain)


def _fen(row: Row | None, name: str) -> InBoth | None:
    value = _value(row, name)
    return None if value is None else _text(yuan(value))


def _code(row: Row | None, name: str, codes: type[CodeList]) -> InBoth | None:
    value = _value(row, name)
    return None if value is None else InBoth(codes[value].zh, codes[value].en)


def _named(chain: CaseChain, key: str | None) -> InBoth | None:
    """Return an institution or an instrument by its key, with its name where that is known."""
    if key is None:
        return None
    name = chain.names.get(key)
    return InBoth(key, key) if name is None else InBoth(f"{name.zh} {key}", f"{name.en} {key}")


def _at(step: Mapping[str, Any] | None) -> InBoth | None:
    return None if step is None else _text(datetime.fromisoformat(step["at"]))


def _order(chain: CaseChain) -> Told:
    order = chain.one(ORDER)
    yield "number", _text(_value(order, "local_id"))
    yield "state", _code(order, "state", OrderState)
    yield "user", _named(chain, _value(order, "user_key"))
    yield "requested", _text(_value(order, "requested_at")) or _at(chain.step("REQUESTED"))


def _booking(chain: CaseChain) -> Told:
    order = chain.one(ORDER)
    yield "instrument", _named(chain, _value(order, "instrument_key"))
    yield "from", _text(_value(order, "start_at"))
    yield "until", _text(_value(order, "end_at"))
    yield "confirmed", _at(chain.step("CONFIRMED"))
    yield "reference", _text(_value(order, "reference"))


def _usage(chain: CaseChain) -> Told:
    source = chain.one(USAGE) or chain.one(SERVICE)
    yield "from", _text(_value(source, "started_at"))
    yield "until", _text(_value(source, "ended_at"))
    yield "hours", _text(_value(source, "hours"))
    for row in chain.rows[POWER]:
        yield "sensor", _text(f"{row['sensor']} {row['day']}")


def _charge(chain: CaseChain) -> Told:
    offer = chain.one(OFFER)
    yield "number", _text(_value(chain.one(SERVICE), "local_id"))
    yield "charge", _text(_value(chain.one(SERVICE), "charge"))
    price = _plain(_value(offer, "price"))
    if offer is not None and price is not None:
        unit = PriceUnit[offer["unit"]]
        yield "price", InBoth(f"{price} / {unit.zh}", f"{price} / {unit.en}")


def _invoice_no(chain: CaseChain) -> str | None:
    rows = (chain.one(kind) for kind in (SERVICE, ORDER, CLAIM))
    return next((row["invoice_no"] for row in rows if row and row["invoice_no"]), None)


def _invoice(chain: CaseChain) -> Told:
    yield "invoice", _text(_invoice_no(chain))
    yield "paid", _at(chain.step("PAID"))
    yield "payer", _named(chain, _value(chain.one(ORDER), "payer_key"))


def _review(chain: CaseChain) -> Told:
    step = chain.step("REVIEWED")
    yield "reviewed", _at(step)
    yield "reviewedBy", _named(chain, step.get("statedBy") if step else None)


def _parties(chain: CaseChain) -> Told:
    yield "provider", _named(chain, _value(chain.one(SERVICE) or chain.one(ORDER), "owner"))
    for row in chain.rows[BUSINESS]:
        state, since = BusinessState[row["state"]], row["valid_from"]
        read = row["stated_on"]
        yield (
            "business",
            InBoth(
                f"{since} 起{state.zh}（登记机关 {read} 时）",
                f"{state.en} since {since}, as read on {read}",
            ),
        )
    yield "registration", _text(_value(chain.one(REGISTRATION), "registration_no"))
    yield "controlled", _text(_value(chain.one(RELATION), "is_controlled"))


def _claim(chain: CaseChain) -> Told:
    voucher, claim = chain.one(VOUCHER), chain.one(CLAIM)
    named = claim or voucher
    yield "issuer", _named(chain, _value(named, "issuer_key"))
    yield "voucher", _text(_value(named, "code"))
    yield "holder", _named(chain, _value(named, "holder_key"))
    yield "granted", _fen(voucher, "granted_fen")
    yield "useUntil", _text(_value(voucher, "use_until"))
    yield "cashUntil", _text(_value(voucher, "cash_until"))
    yield "claim", _text(_value(claim, "claim_no"))
    if claim is None:
        yield "state", _code(voucher, "state", VoucherState)
    else:
        yield "state", _code(claim, "state", VoucherClaimState)
    yield "voucherPart", _fen(claim, "voucher_fen")
    yield "ownPart", _fen(claim, "own_fen")
    yield "settled", _fen(claim, "settled_fen")
    holds = [said(REFUSED, code) for code in _value(claim, "hold_reasons") or ()]
    if holds:
        zh, en = "；".join(each.zh for each in holds), "; ".join(each.en for each in holds)
        yield "held", InBoth(zh, en)


def _customs(chain: CaseChain) -> Told:
    for row in chain.rows[INSTRUMENT]:
        yield "customsStatus", _code(row, "customs_status", CustomsStatus)
    for row in chain.rows[SUPERVISION]:
        yield "declaration", _text(f"{row['declaration_no']} / {row['item_no']}")
        yield "released", _text(row["released_on"])
        yield "settledEarly", _text(row["settled_on"])
        yield "customsOffice", _named(chain, row["customs_key"])
    for row in chain.rows[APPROVAL]:
        kind = CustomsApprovalKind[row["kind"]]
        days = f"{row['valid_from'] or '—'} … {row['valid_until'] or '—'}"
        number = row["notice_no"]
        yield "approval", InBoth(f"{number} {kind.zh} {days}", f"{number} {kind.en} {days}")
    if chain.instrument is not None and not _of_customs(chain)["CUSTOMS_WITHHELD"]:
        yield "askCustomsOf", _named(chain, owner_of(chain.instrument))


def _of_customs(chain: CaseChain) -> Mapping[str, object]:
    """Return what a case needs of customs.

    Whether records are withheld is told by its reader's rights, not by whether there are any.
    """
    told = {row["customs_status"] for row in chain.rows[INSTRUMENT]} - {None}
    is_free = bool(told) and told <= {each.value for each in NOT_NEEDED}
    return {
        "CUSTOMS_STATUS": told,
        "CUSTOMS_WITHHELD": is_free or chain.is_customs_shown,
        "CUSTOMS": is_free or not chain.is_customs_shown or chain.rows[SUPERVISION],
    }


Needs = Callable[[CaseChain], Mapping[str, object]]
_STATIONS: Final[Mapping[str, tuple[Callable[[CaseChain], Told], tuple[str, ...], Needs]]] = {
    "ORDER": (_order, (ORDER,), lambda chain: {"ORDER": chain.one(ORDER)}),
    "BOOKING": (_booking, (ORDER,), lambda chain: {"BOOKING": chain.step("CONFIRMED")}),
    "USAGE": (
        _usage,
        (USAGE, POWER),
        lambda chain: {"USAGE": chain.one(USAGE), "POWER": chain.one(POWER)},
    ),
    "CHARGE": (
        _charge,
        (SERVICE, OFFER),
        lambda chain: {
            "SERVICE": chain.one(SERVICE),
            "CHARGE": _value(chain.one(SERVICE), "charge"),
            "OFFER": chain.one(OFFER),
        },
    ),
    "INVOICE": (
        _invoice,
        (SERVICE, ORDER),
        lambda chain: {"INVOICE": _invoice_no(chain), "PAYMENT": chain.step("PAID")},
    ),
    "REVIEW": (_review, (ORDER,), lambda chain: {"REVIEW": chain.step("REVIEWED")}),
    "CUSTOMS": (_customs, (INSTRUMENT, *OF_CUSTOMS), _of_customs),
    "PARTIES": (
        _parties,
        (BUSINESS, REGISTRATION, RELATION),
        lambda chain: {
            "REGISTRATION": chain.one(REGISTRATION),
            "RELATION": chain.one(RELATION),
        },
    ),
    "CLAIM": (
        _claim,
        (VOUCHER, CLAIM, MOVEMENT),
        lambda chain: {"VOUCHER": chain.one(VOUCHER), "CLAIM": chain.one(CLAIM)},
    ),
}

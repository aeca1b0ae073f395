"""`abroad`: what the home hub of a service says of it, as JSON and as this hub reads it; pure.

The home hub tells facts and no verdict: law, dates and money of a voucher are those of the hub that
keeps it, and no other hub needs to know them. A fact that is missing there travels with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from hub.policy.bounds import Missing
from hub.policy.customs.decision import CustomsAnswer
from hub.policy.vouchers.facts import InvoiceTold, PowerTold, ServiceTold
from hub.policy.vouchers.fingerprints import ClaimedService, Hit
from hub.policy.vouchers.invoice import Invoice
from hub.vouchers.question import GivenService
from hub.vouchers.services.facts import Row, StoredService
from schema.codes import ExclusionReason
from schema.dates import format_instant

HERE: Final = ("registered", "controlled", "holder_active")
"""Facts that the home of the voucher knows: its department, its enterprises."""
PERSONS: Final = ("provider", "user", "reviewed_by")
NOT_TOLD: Final = frozenset({"voucher_fen", *HERE})
_INTEGERS: Final = ("claimed_s", "charge_fen", "booked_s", "longest_day_s", "list_price_fen")
_TRUTHS: Final = ("is_chained", "overlaps")
CHARACTERS_MAX: Final = 500
LIST_MAX: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class GrantAnswer:
    """What the home hub of a service answers to a claim. One of the first four is stated."""

    given: GivenService | None = None
    refused: Hit | None = None
    missing: Missing | None = None
    is_over: bool = False
    """The attempt is one that was given up; a new one may be asked for."""
    holds: tuple[str, ...] = ()
    """Why a person has to look first; codes."""


OVER: Final = "GRANT_OVER"


def grant_from_answer(wire: Mapping[str, Any], attempt: str) -> GrantAnswer:
    """Read an answer; ValueError for one of another form, or about another attempt."""
    try:
        if (refused := wire.get("refused")) is not None:
            is_over = refused == OVER
            return GrantAnswer(is_over=is_over, refused=None if is_over else Hit(refused))
        if wire.get("missing") is not None:
            lacking = wire["missing"]
            return GrantAnswer(missing=Missing(_text(lacking["fact"]), _text(lacking["reason"])))
        if wire["attempt"] != attempt:
            raise ValueError("a grant of another attempt")
        holds = tuple(Hit(each).value for each in _typed(wire["holds"], list)[:LIST_MAX])
        return GrantAnswer(given=given_from_wire(wire["given"]), holds=holds)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no answer to a claim: {error!r}") from error


def told_here(there: ServiceTold, here: ServiceTold, stored: StoredService) -> ServiceTold:
    """Return the facts of a service with what this hub knows of holder and provider.

    `here`: what this hub makes of the same service; `stored` says who is one legal person.
    """
    known: dict[str, Any] = {name: getattr(here, name) for name in (*HERE, "voucher_fen")}
    for name in PERSONS:
        said = getattr(there, name)
        known[name] = said if isinstance(said, Missing) else stored.person(said)
    invoice = there.invoice
    if not isinstance(invoice, Missing) and not isinstance(invoice.payer, Missing):
        invoice = replace(invoice, payer=stored.person(invoice.payer))
    return replace(there, invoice=invoice, **known)


def row_abroad(given: GivenService) -> Row:
    """Return a service of another hub as a row of the store, for what is looked up around it."""
    told = given.told

    def stated(value: Any) -> Any:
        return None if isinstance(value, Missing) else value

    return {
        "item_id": given.item_id,
        "owner": given.owner,
        "user_key": given.user,
        "instrument_key": given.instrument,
        "local_id": None,
        "offer_code": None,
        "entry_id": -1,
        "started_at": stated(told.started_at),
        "ended_at": stated(told.ended_at),
        "as_of": given.as_of,
        "hours": None,
        "charge": None,
        "samples_count": None,
        "invoice_no": None,
        "exclusions": (),
    }


def given_to_wire(given: GivenService) -> dict[str, Any]:
    """Return what is told to another hub."""
    told = {
        each.name: _fact(getattr(given.told, each.name))
        for each in fields(ServiceTold)
        if each.name not in NOT_TOLD
    }
    claimed = given.claimed
    return {
        "told": told,
        "claimed": _fact(claimed) if isinstance(claimed, Missing) else _claimed(claimed),
        "inLog": given.in_log,
        "chargeFen": given.charge_fen,
        "itemId": given.item_id,
        "owner": given.owner,
        "issuer": given.issuer,
        "user": given.user,
        "instrument": given.instrument,
        "invoice": list(given.invoice),
        "asOf": format_instant(given.as_of),
        "commitment": given.commitment,
    }


def given_from_wire(wire: Mapping[str, Any]) -> GivenService:
    """Read it; ValueError for anything that it cannot be."""
    try:
        told = {name: _read(name, value) for name, value in _object(wire["told"]).items()}
        claimed = wire["claimed"]
        code, number = wire["invoice"]
        return GivenService(
            told=ServiceTold(voucher_fen=0, **told),
            claimed=_missing(claimed) if "missing" in claimed else _claimed_from(claimed),
            in_log=_typed(wire["inLog"], bool),
            charge_fen=_optional(wire["chargeFen"], int),
            item_id=_text(wire["itemId"]),
            owner=_text(wire["owner"]),
            issuer=_text(wire["issuer"]),
            user=_optional(wire["user"], str),
            instrument=_text(wire["instrument"]),
            invoice=(_optional(code, str), _optional(number, str)),
            as_of=_instant(wire["asOf"]),
            commitment=_text(wire["commitment"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not what a hub says of a service: {error!r}") from error


def _fact(value: Any) -> Any:
    if isinstance(value, Missing):
        return {"missing": value.fact, "reason": value.reason}
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, PowerTold):
        return {"onS": value.on_s, "silentS": value.silent_s}
    if isinstance(value, InvoiceTold):
        return {
            "payer": _fact(value.payer),
            "amountFen": _fact(value.amount_fen),
            "ownPartPaid": _fact(value.own_part_paid),
        }
    if isinstance(value, frozenset):
        return sorted(each.name for each in value)
    return value.value if isinstance(value, CustomsAnswer) else value


def _claimed(claimed: ClaimedService) -> dict[str, Any]:
    invoice = claimed.invoice
    return {
        "home": claimed.home,
        "serviceItem": claimed.service_item,
        "instrumentItem": claimed.instrument_item,
        "startAt": format_instant(claimed.start_at),
        "endAt": format_instant(claimed.end_at),
        "chargeFen": claimed.charge_fen,
        "inParallel": claimed.in_parallel,
        "invoice": _fact(invoice)
        if isinstance(invoice, Missing)
        else {"code": invoice.code, "number": invoice.number, "issuer": invoice.issuer},
    }


def _claimed_from(wire: Mapping[str, Any]) -> ClaimedService:
    invoice = wire["invoice"]
    return ClaimedService(
        home=_text(wire["home"]),
        service_item=_text(wire["serviceItem"]),
        claim_home="",
        claim_no="",
        instrument_item=_text(wire["instrumentItem"]),
        start_at=_instant(wire["startAt"]),
        end_at=_instant(wire["endAt"]),
        holder="",
        charge_fen=_typed(wire["chargeFen"], int),
        in_parallel=_typed(wire["inParallel"], bool),
        invoice=_missing(invoice)
        if "missing" in invoice
        else Invoice(
            _typed(invoice["code"], str), _text(invoice["number"]), _text(invoice["issuer"])
        ),
    )


def _read(name: str, value: Any) -> Any:
    if isinstance(value, dict) and "missing" in value:
        return _missing(value)
    return _READERS[name](value)


def _power(value: Any) -> PowerTold:
    return PowerTold(_typed(value["onS"], int), _typed(value["silentS"], int))


def _invoice(value: Any) -> InvoiceTold:
    def either(said: Any, kind: type) -> Any:
        return _missing(said) if isinstance(said, dict) else _typed(said, kind)

    return InvoiceTold(
        payer=either(value["payer"], str),
        amount_fen=either(value["amountFen"], int),
        own_part_paid=either(value["ownPartPaid"], bool),
    )


def _exclusions(value: Any) -> frozenset[ExclusionReason]:
    return frozenset(ExclusionReason[_text(each)] for each in _typed(value, list)[:LIST_MAX])


def _missing(value: Mapping[str, Any]) -> Missing:
    return Missing(_text(value["missing"]), _text(value["reason"]))


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{value!r:.60} is no {kind.__name__}")
    return value


def _optional(value: Any, kind: type) -> Any:
    return None if value is None else _typed(value, kind)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= CHARACTERS_MAX:
        raise ValueError("is no text, or too long a one")
    return value


def _instant(value: Any) -> datetime:
    made = datetime.fromisoformat(_text(value))
    if made.tzinfo is None:
        raise ValueError("an instant names its zone")
    return made


def _object(value: Any) -> Mapping[str, Any]:
    return dict(_typed(value, dict))


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(_INTEGERS, lambda value: _typed(value, int)),
    **dict.fromkeys(_TRUTHS, lambda value: _typed(value, bool)),
    **dict.fromkeys(PERSONS, _text),
    **dict.fromkeys(("started_at", "ended_at"), _instant),
    "power": _power,
    "invoice": _invoice,
    "exclusions": _exclusions,
    "customs": lambda value: CustomsAnswer(_text(value)),
}

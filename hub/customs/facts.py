"""`facts`: the facts of customs law out of stored records; pure.

- What no source states is missing, what sources state differently is contradicted; neither ever
  helps towards an ALLOW.
- Data are as old as the oldest source that states customs records of the instrument, or that is a
  customs system and may speak for its owner: what such a source did not say yet counts too.
- A notice or a payment without its days, and a notice about a place without the place, could cover
  anything: while one stands, what was approved or paid is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

from hub.customs.question import Row, StoredCustoms, UseQuestion, place_name
from hub.policy.bounds import Missing
from hub.policy.customs.facts import (
    Approval,
    CustomsFacts,
    CustomsPlace,
    Period,
    UseRequest,
)
from schema.codes import CustomsApprovalKind, CustomsGoodsKind, CustomsStatus, ServicePurpose

NOWHERE = CustomsPlace("", "")
CONTRADICTED = "CONTRADICTED"
_MOVES = (CustomsApprovalKind.MOVE, CustomsApprovalKind.OTHER_DISTRICT)
_NOTHING: Row = {}
DUTY_SAYS = ("valid_from", "valid_until")
APPROVAL_SAYS = ("kind", "purposes", "users", "district", "allowed_place", *DUTY_SAYS)


def items_of(stored: StoredCustoms) -> list[Sequence[Row]]:
    """Return the claims of each item of a declaration; one item without claims where there is none.

    Each item has a term of its own.
    """
    items: dict[str, list[Row]] = {}
    for claim in stored.supervisions:
        items.setdefault(claim["key"], []).append(claim)
    return list(items.values()) or [[]]


def facts_of(
    stored: StoredCustoms, item: Sequence[Row], *, agreement_signed: bool | None = None
) -> CustomsFacts:
    """Return what is known of an instrument, as one imported item of it has it.

    `agreement_signed`: what the owner says of the service agreement with the user.
    """
    first = item[0] if item else _NOTHING
    of_item = [row for row in stored.reports if _item_of(row) == _item_of(first)]
    return CustomsFacts(
        owner=owner_of(stored),
        status=_status(stored),
        origin=stored.instrument["origin_country"] or Missing("originCountry"),
        has_record=bool(item),
        as_of=as_of(stored),
        kind=_one(item, "goods_kind", "goodsKind", lambda code: CustomsGoodsKind[code]),
        released_on=_one(item, "released_on", "releasedOn"),
        arrived_on=_one(item, "arrived_on", "arrivedOn"),
        settled_on=_settled(item),
        approved_place=_approved_place(item),
        approved_uses=_one(item, "approved_uses", "approvedUses", _purposes),
        nrii_since=_one(item, "nrii_since", "nriiSince"),
        agreement_signed=Missing("agreementSigned", "NOT_STATED_BY_OWNER")
        if agreement_signed is None
        else agreement_signed,
        approvals=_approvals(stored),
        reports=reports_of(of_item),
        duties=_duties(stored.duties),
        clinical_others=_clinical_others(stored),
    )


def use_of(stored: StoredCustoms, item: Sequence[Row], question: UseQuestion) -> UseRequest:
    """Return the use that is asked for; without a place it is where customs approved."""
    place: CustomsPlace | Missing = _approved_place(item)
    if question.district is not None and question.place is not None:
        place = CustomsPlace(question.district.value, place_name(question.place))
    return UseRequest(
        user=_user(stored, question.user),
        purpose=question.purpose,
        place=NOWHERE if isinstance(place, Missing) else place,
        period=Period(question.first, question.last),
        clinical=question.clinical,
    )


def owner_of(stored: StoredCustoms) -> str:
    """Return the owner's legal person; its key where no unified social credit code is known."""
    owner = str(stored.instrument["owner"])
    return stored.legal_persons.get(owner, owner)


def as_of(stored: StoredCustoms) -> datetime | Missing:
    """Return when all that customs' side says was last known to be so."""
    if not stored.is_whole:
        return Missing("records", "TOO_MANY")
    if not stored.heard:
        return Missing("asOf", "NO_SOURCE")
    heard = [at for at in stored.heard.values() if at is not None]
    return min(heard) if len(heard) == len(stored.heard) else Missing("asOf", "NEVER_HEARD")


def reports_of(rows: Iterable[Row]) -> tuple[tuple[int, datetime], ...] | Missing:
    """Return the years with the instant of their report; of two statements the later one."""
    filed: dict[int, datetime] = {}
    for row in rows:
        if row["filed_at"] is None:
            return Missing("reports", "TIME_NOT_STATED")
        filed[row["year"]] = max(row["filed_at"], filed.get(row["year"], row["filed_at"]))
    return tuple(sorted(filed.items()))


def _item_of(row: Row) -> tuple[Any, Any]:
    return row.get("declaration_no"), row.get("item_no")


def _user(stored: StoredCustoms, key: str) -> str | Missing:
    """Return the user's legal person, which decides whether it is the owner itself."""
    owner = str(stored.instrument["owner"])
    if key == owner:
        return owner_of(stored)
    if owner not in stored.legal_persons:
        return Missing("user", "OWNER_WITHOUT_USCC")
    return stored.legal_persons.get(key) or Missing("user", "NO_USCC")


def _status(stored: StoredCustoms) -> CustomsStatus | Missing:
    told = {CustomsStatus[row["customs_status"]] for row in stored.claims if row["customs_status"]}
    told.discard(CustomsStatus.UNKNOWN)
    if CustomsStatus.SUPERVISED in told:
        is_alone = len(told) == 1
        return CustomsStatus.SUPERVISED if is_alone else Missing("customsStatus", CONTRADICTED)
    if told:  # the words for free of supervision do not contradict each other
        return min(told, key=list(CustomsStatus).index)
    return CustomsStatus.SUPERVISED if stored.supervisions else Missing("customsStatus")


def _one(
    claims: Sequence[Row], column: str, fact: str, read: Callable[[Any], Any] = lambda value: value
) -> Any:
    """Return what the claims of an item state as one, or that they do not."""
    told = [read(row[column]) for row in claims if row[column] not in (None, [])]
    if not told:
        return Missing(fact)
    return told[0] if all(each == told[0] for each in told) else Missing(fact, CONTRADICTED)


def _settled(claims: Sequence[Row]) -> date | Missing | None:
    """Return the day on which supervision ended early; a claim without one says that it did not."""
    days = {row["settled_on"] for row in claims}
    if len(days) > 1:
        return Missing("settledOn", CONTRADICTED)
    return next(iter(days), None)


def _purposes(codes: Iterable[str]) -> frozenset[ServicePurpose]:
    return frozenset(ServicePurpose[code] for code in codes)


def _approved_place(claims: Sequence[Row]) -> CustomsPlace | Missing:
    district = _one(claims, "district", "approvedPlace")
    name = _one(claims, "approved_place", "approvedPlace", place_name)
    for part in (district, name):
        if isinstance(part, Missing):
            return part
    return CustomsPlace(district, name)


def _clinical_others(stored: StoredCustoms) -> tuple[date, ...] | Missing:
    """Return the first days for which the user was allowed another instrument of the kind.

    Instruments are of one kind where they share a class; the law names no list of kinds.
    """
    own = _classes(stored.instrument)
    days = []
    for row in stored.clinical:
        if row["instrument_key"] == stored.instrument["key"]:
            continue
        if not own or not _classes(row):
            return Missing("clinicalOthers", "CLASS_NOT_STATED")
        if not own & _classes(row):
            continue
        if row["valid_from"] is None:
            return Missing("clinicalOthers", "PERIOD_NOT_STATED")
        days.append(row["valid_from"])
    return tuple(days)


def _classes(row: Row) -> frozenset[tuple[str, str]]:
    return frozenset((each["scheme"], each["code"]) for each in row["classes"] or ())


def _approvals(stored: StoredCustoms) -> tuple[Approval, ...] | Missing:
    """Return the notices that customs gave."""
    if _differ(stored.approvals, APPROVAL_SAYS):
        return Missing("approvals", CONTRADICTED)
    made: list[Approval] = []
    for row in stored.approvals:
        kind = CustomsApprovalKind[row["kind"]]
        if row["valid_from"] is None or row["valid_until"] is None:
            return Missing("approvals", "PERIOD_NOT_STATED")
        is_placed = row["district"] is not None and row["allowed_place"] is not None
        is_in_part = not is_placed and (row["district"] or row["allowed_place"])
        if is_in_part or (kind in _MOVES and not is_placed):
            return Missing("approvals", "PLACE_NOT_STATED")
        place = (
            CustomsPlace(row["district"], place_name(row["allowed_place"])) if is_placed else None
        )
        made.append(
            Approval(
                notice_no=row["notice_no"],
                kind=kind,
                period=Period(row["valid_from"], row["valid_until"]),
                purposes=_purposes(row["purposes"] or ()),
                users=frozenset(stored.legal_persons.get(key, key) for key in row["users"] or ()),
                place=place,
            )
        )
    return tuple(made)


def _duties(rows: Iterable[Row]) -> tuple[Period, ...] | Missing:
    rows, periods = list(rows), []
    if _differ(rows, DUTY_SAYS):
        return Missing("duties", CONTRADICTED)
    for row in rows:
        if row["valid_from"] is None or row["valid_until"] is None:
            return Missing("duties", "PERIOD_NOT_STATED")
        periods.append(Period(row["valid_from"], row["valid_until"]))
    return tuple(periods)


def _differ(rows: Iterable[Row], columns: Sequence[str]) -> bool:
    """Whether two sources state one record differently."""
    said: dict[str, list[Any]] = {}
    for row in rows:
        values = [row[column] or None for column in columns]
        if said.setdefault(row["key"], values) != values:
            return True
    return False

"""`rows`: what a row of the audit says, and the bytes of it that are hashed; pure.

- A read names, for each owner, by what right the caller read, and the ids of the records.
- It holds no content of records, and no text of a request.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from hub.access.grants import PartyGrants
from hub.access.relay import Relay
from hub.access.resource import Caller
from hub.audit.protected import ProtectedRead
from schema.visibility import DATASETS


class AuditKind(StrEnum):
    """What a row is about."""

    ACT = "ACT"
    """Something that an operator did."""
    READ = "READ"
    """Protected records that were read."""
    BREAK_GLASS = "BREAK_GLASS"
    """A request that read past agreements."""
    RELAY = "RELAY"
    """What one hub asked another for somebody: written at both, whatever was read."""


class Basis(StrEnum):
    """By what right a protected record was read."""

    OWNER = "OWNER"
    AGREEMENT = "AGREEMENT"
    NAMED = "NAMED"
    """Its issuer, a party that the record itself names, or the office that supervises it."""
    BREAK_GLASS = "BREAK_GLASS"


COLUMNS = (
    *("at", "kind", "action", "client_id", "party", "request_id", "document", "grade"),
    *("case_no", "reason", "owners", "detail"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditRow:
    """One row; `audit_id` is None until it is written."""

    at: datetime
    kind: AuditKind
    action: str
    request_id: str
    client_id: str | None = None
    party: str | None = None
    document: str | None = None
    grade: str | None = None
    case_no: str | None = None
    reason: str | None = None
    owners: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    audit_id: int | None = None

    def leaf(self) -> bytes:
        """Return the bytes of the row that the root of its day covers."""
        return json.dumps(self.to_wire(), sort_keys=True, separators=(",", ":")).encode()

    def to_wire(self) -> dict[str, Any]:
        """Return the row as JSON-ready data."""
        return {
            "auditId": str(self.audit_id),
            "at": self.at.astimezone(UTC).isoformat(),
            "kind": self.kind.value,
            "action": self.action,
            "clientId": self.client_id,
            "party": self.party,
            "requestId": self.request_id,
            "document": self.document,
            "grade": self.grade,
            "caseNo": self.case_no,
            "reason": self.reason,
            "owners": list(self.owners),
            "detail": dict(self.detail),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadRequest:
    """A request by which protected records may be read."""

    caller: Caller
    grants: PartyGrants
    at: datetime
    request_id: str
    action: str
    """The door."""
    document: str | None = None
    reason: str | None = None
    """Why it reads past agreements, where it does."""
    relay: Relay | None = None
    """How it came here, where another hub sent it."""


def read_row(
    request: ReadRequest, reads: Iterable[ProtectedRead], asked: Iterable[tuple[str, str, str]] = ()
) -> AuditRow | None:
    """Return the row of a request, or None where it has nothing that is audited.

    `asked`: (grade, scope, what) of protected items by which rows were chosen, sorted or counted.
    L2 is audited where it was read by agreement; L3 and L4 always.
    """
    groups: defaultdict[tuple[str, str, str, Basis], set[str]] = defaultdict(set)
    for each in reads:
        basis = _basis(each, request)
        if each.grade != "L2" or basis in (Basis.AGREEMENT, Basis.BREAK_GLASS):
            groups[each.owner, each.grade, each.scope, basis].add(each.item_id)
    used = sorted(
        {
            (grade, what)
            for grade, scope, what in asked
            if grade != "L2" or request.grants.reaches_others(DATASETS[scope])
        }
    )
    is_relayed = request.caller.requester is not None
    if not groups and not used and request.reason is None and not is_relayed:
        return None
    party = request.grants.party
    said = [
        {
            "owner": owner,
            "grade": grade,
            "scope": scope,
            "by": basis.value,
            **(
                {"agreement": f"{owner}/{party}/{DATASETS[scope].name}"}
                if basis is Basis.AGREEMENT
                else {}
            ),
            "ids": sorted(ids),
        }
        for (owner, grade, scope, basis), ids in sorted(groups.items())
    ]
    scopes = {scope for _, _, scope, _ in groups}
    cases = {request.caller.cases[scope].case_no for scope in scopes & request.caller.cases.keys()}
    return AuditRow(
        at=request.at,
        kind=_kind(request, has_read=bool(groups or used)),
        action=request.action,
        client_id=request.caller.client_id,
        party=request.caller.party,
        request_id=request.request_id,
        document=request.document,
        grade=max(
            [*(grade for _, grade, *_ in groups), *(grade for grade, _ in used)], default=None
        ),
        case_no=" ".join(sorted(cases)) or None,
        reason=request.reason,
        owners=tuple(sorted({owner for owner, *_ in groups})),
        detail={
            **({"reads": said} if said else {}),
            **({"asked": [what for _, what in used]} if used else {}),
            **_relayed(request.caller, request.relay),
        },
    )


def errand_row(
    who: Caller,
    at: datetime,
    action: str,
    request_id: str,
    detail: Mapping[str, Any],
    relay: Relay | None = None,
) -> AuditRow:
    """Return the row of what this hub asks another one for somebody, or of what one asks here.

    `relay`: how it came here.
    """
    return AuditRow(
        at=at,
        kind=AuditKind.RELAY,
        action=action,
        request_id=request_id,
        client_id=who.client_id,
        party=who.party,
        detail={**detail, **_relayed(who, relay)},
    )


def _kind(request: ReadRequest, *, has_read: bool) -> AuditKind:
    if request.reason is not None:
        return AuditKind.BREAK_GLASS
    return AuditKind.READ if has_read else AuditKind.RELAY


def _relayed(who: Caller, relay: Relay | None) -> dict[str, Any]:
    """Return for whom a hub asked, and on which way; nothing of those who ask for themselves."""
    said = who.requester
    if said is None:
        return {}
    told: dict[str, Any] = {"subject": said.subject, "party": said.party, "by": list(said.actors)}
    if relay is not None:
        told |= {"request": relay.request_id, "via": list(relay.via)}
    return {"for": told}


def _basis(read: ProtectedRead, request: ReadRequest) -> Basis:
    grants = request.grants
    if read.owner == grants.party:
        return Basis.OWNER
    if read.owner in grants.providers(DATASETS[read.scope]):
        return Basis.AGREEMENT
    return Basis.NAMED if request.reason is None else Basis.BREAK_GLASS

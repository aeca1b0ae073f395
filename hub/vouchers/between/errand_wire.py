"""`errand_wire`: what hubs send each other about claims, as JSON and as values; pure.

Everything is read strictly: a member that is missing or of another kind is a ValueError, and then
nothing happens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.policy.vouchers.grants import ClaimWord, GrantStanding, GrantState
from hub.vouchers.between.lost_rows import ToldGrant
from hub.vouchers.limits import FINGERPRINTS_OF_CLAIM_MAX, ISSUERS_ASKED_MAX
from hub.vouchers.marks import ClaimName, KeptMark
from hub.vouchers.question import VoucherWanted
from schema.codes import VoucherEvent
from schema.dates import format_instant

CHARACTERS_MAX = 500
MARKS_OF_CLAIM_MAX = 8
DIGEST_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedGrant:
    """A question about a service. `party`: who wants the claim; `holder`: whose voucher pays."""

    name: ClaimName
    attempt: str
    service: str
    order_no: str | None
    fen: int
    holder: str
    party: str
    client: str

    @property
    def wanted(self) -> VoucherWanted:
        """Return the message behind it, as far as this hub is told."""
        return VoucherWanted(
            issuer=self.name.issuer,
            code=self.name.code,
            event=VoucherEvent.CONSUME,
            claim_no=self.name.claim_no,
            order_no=self.order_no,
            service=self.service,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimTold:
    """What the home of a voucher says of a claim without being asked."""

    name: ClaimName
    attempt: str
    word: ClaimWord


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedFingerprints:
    """A question whether marks are known. `origin`: the log of who asks."""

    name: ClaimName
    origin: str
    values: tuple[tuple[int, str, str], ...]
    """Year of the key, kind, value."""


def claim_wire(name: ClaimName, **more: Any) -> dict[str, Any]:
    """Return a claim's name with what else is said."""
    return {"issuer": name.issuer, "code": name.code, "claimNo": name.claim_no, **more}


def name_of(wire: Any, *, may_be_empty: bool = False) -> ClaimName:
    """Read a claim's name."""
    parts = [_member(wire, each, str) for each in ("issuer", "code", "claimNo")]
    if not may_be_empty and not all(parts):
        raise ValueError("a claim has issuer, code and number")
    return ClaimName(*parts)


def grant_from_wire(wire: Any, *, is_look: bool = False) -> AskedGrant:
    """Read a question for a grant; one that only looks may be about no claim yet."""
    order_no = wire.get("orderNo") if isinstance(wire, dict) else None
    return AskedGrant(
        name=name_of(wire, may_be_empty=is_look),
        attempt=_text(wire, "attempt"),
        service=_text(wire, "service"),
        order_no=None if order_no is None else _text(wire, "orderNo"),
        fen=_member(wire, "fen", int),
        holder=_text(wire, "holder"),
        party=_text(wire, "party"),
        client=_text(wire, "client"),
    )


def grant_to_wire(asked: AskedGrant) -> dict[str, Any]:
    """Return a question about a service as it is sent to the service's home."""
    return claim_wire(
        asked.name,
        attempt=asked.attempt,
        service=asked.service,
        orderNo=asked.order_no,
        fen=asked.fen,
        holder=asked.holder,
        party=asked.party,
        client=asked.client,
    )


def told_from_wire(wire: Any) -> ClaimTold:
    """Read what is said of a claim."""
    word = ClaimWord(_text(wire, "word"))
    return ClaimTold(name=name_of(wire), attempt=_text(wire, "attempt"), word=word)


def granted_from_wire(wire: Any) -> ToldGrant:
    """Read a grant that either of its two hubs tells the other."""
    standing = GrantStanding(_text(wire, "attempt"), GrantState(_text(wire, "state")))
    if not standing.is_live:
        raise ValueError("a grant that is told is granted or consumed")
    return ToldGrant(name=name_of(wire), standing=standing, service=_text(wire, "service"))


def issuers_from_wire(wire: Any) -> list[str]:
    """Read for whose vouchers grants are asked."""
    issuers: list[str] = _member(wire, "issuers", list)
    if not 0 < len(issuers) <= ISSUERS_ASKED_MAX or not all(type(each) is str for each in issuers):
        raise ValueError(f"issuers: 1 to {ISSUERS_ASKED_MAX} keys")
    return issuers


def fingerprints_from_wire(wire: Any) -> AskedFingerprints:
    """Read a question about marks."""
    values = _member(wire, "fingerprints", list)
    if not 0 < len(values) <= FINGERPRINTS_OF_CLAIM_MAX:
        raise ValueError(f"1 to {FINGERPRINTS_OF_CLAIM_MAX} fingerprints")
    return AskedFingerprints(
        name=name_of(wire),
        origin=_text(wire, "origin"),
        values=tuple(
            (_member(each, "year", int), _text(each, "kind"), _text(each, "value"))
            for each in values
        ),
    )


def marks_to_wire(marks: Sequence[KeptMark]) -> list[dict[str, Any]]:
    """Return marks as the home of the service gets them back."""
    return [
        {
            "kind": each.kind,
            "mark": each.mark.hex(),
            "instrument": each.instrument,
            "startAt": format_instant(each.start_at),
            "endAt": format_instant(each.end_at),
        }
        for each in marks
    ]


def marks_from_wire(wire: Any) -> list[KeptMark]:
    """Read them."""
    marks = _member(wire, "marks", list)
    if len(marks) > MARKS_OF_CLAIM_MAX:
        raise ValueError("more marks than a claim has")
    made = [
        KeptMark(
            kind=_text(each, "kind"),
            mark=bytes.fromhex(_text(each, "mark")),
            instrument=_text(each, "instrument"),
            start_at=datetime.fromisoformat(_text(each, "startAt")),
            end_at=datetime.fromisoformat(_text(each, "endAt")),
        )
        for each in marks
    ]
    if any(len(each.mark) != DIGEST_BYTES for each in made):
        raise ValueError("a mark is a SHA-256")
    return made


def _text(wire: Any, name: str) -> str:
    value: str = _member(wire, name, str)
    if not 0 < len(value) <= CHARACTERS_MAX:
        raise ValueError(f"{name}: 1 to {CHARACTERS_MAX} characters")
    return value


def _member(wire: Any, name: str, kind: type) -> Any:
    if not isinstance(wire, Mapping) or type(wire.get(name)) is not kind:
        raise ValueError(f"{name} is a {kind.__name__}")
    return wire[name]

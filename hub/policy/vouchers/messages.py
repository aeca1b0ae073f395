"""`messages`: what happens to the money of a voucher at each message; pure.

    reserve ──► RESERVED ──consume──► CONSUMED ──submit──► SUBMITTED ──county──► COUNTY_OK
                   │                     │                                          │ city
                release               reject ◄────────(until CITY_OK)────────── CITY_OK
                   ▼                     ▼                                          │ settle
                RELEASED              REJECTED        CLAWED_BACK ◄──claw back── SETTLED

`answer` takes a voucher and a message and says one of three things: `VoucherMoved` with what the
voucher is afterwards, `VoucherRefused` with a code, or `VoucherWaits` for a fact that is missing:
then nothing happens, for unknown is no state. What goes back after the last day of use expires. A
claim that is held stays where it is until a person clears it; it may be lowered and rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import TypeAlias

from hub.policy.bounds import LackingError, Missing, known
from hub.policy.vouchers.buckets import Bucket, Buckets, Move
from hub.policy.vouchers.claim import S, VoucherClaimStanding, VoucherStanding
from schema.codes import VoucherEvent, VoucherState
from schema.dates import local_date

Event = VoucherEvent
CLAIMS_MAX = 10_000
"""Claims on one voucher."""
REVIEWED = (S.CONSUMED, S.SUBMITTED, S.COUNTY_OK, S.CITY_OK)
"""States of a claim that was used and not yet paid out."""


class VoucherRefusal(StrEnum):
    """Why a message changes nothing."""

    INSUFFICIENT = "INSUFFICIENT"
    AMOUNT_INVALID = "AMOUNT_INVALID"
    STATE_NOT_FITTING = "STATE_NOT_FITTING"
    CLAIM_UNKNOWN = "CLAIM_UNKNOWN"
    CLAIM_EXISTS = "CLAIM_EXISTS"
    CLAIM_PENDING = "CLAIM_PENDING"
    """It waits for other hubs with another service or amount; send the same again."""
    CLAIMS_TOO_MANY = "CLAIMS_TOO_MANY"
    NOT_GRANTED = "NOT_GRANTED"
    USE_NOT_BEGUN = "USE_NOT_BEGUN"
    USE_EXPIRED = "USE_EXPIRED"
    CASH_EXPIRED = "CASH_EXPIRED"
    NOT_OVER = "NOT_OVER"
    HELD = "HELD"
    NOT_HELD = "NOT_HELD"
    CHECKS_INVALID = "CHECKS_INVALID"
    NOT_IN_LOG = "NOT_IN_LOG"
    NOT_DECIDED = "NOT_DECIDED"
    REASON_MISSING = "REASON_MISSING"


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherMessage:
    """One message. `at`: when it is judged, aware. What an event does not need is left out."""

    event: Event
    at: datetime
    claim_no: str = ""
    fen: int = 0
    planned: tuple[date, date] | Missing = field(default_factory=lambda: Missing("planned"))
    """First and last day of the service that is reserved for."""
    checks: bool | Missing = field(default_factory=lambda: Missing("checks"))
    """Whether the checks of the service say VALID; `Missing` where they say UNKNOWN."""
    in_log: bool = False
    """Whether the service record has its place in the log."""
    is_decided: bool = False
    """Whether a signed decision of the department comes with it."""
    reason: str = ""
    holds: tuple[str, ...] = ()
    """Why a person has to look at what is consumed before it goes further; codes."""
    cash_counts: S | Missing = field(default_factory=lambda: Missing("voucher.cash_counts"))
    """State that a claim must have reached on the last day of settlement (a parameter)."""
    not_in_time: frozenset[str] = frozenset()
    """Claims whose service is known not to have ended by the last day of use."""


@dataclass(frozen=True, slots=True)
class VoucherMoved:
    """The message holds: the voucher afterwards, and how its money moved."""

    voucher: VoucherStanding
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class VoucherRefused:
    """The message changes nothing, and would not the next time either."""

    code: VoucherRefusal


@dataclass(frozen=True, slots=True)
class VoucherWaits:
    """The message changes nothing as long as a fact is missing."""

    missing: Missing


Answer: TypeAlias = VoucherMoved | VoucherRefused | VoucherWaits


class _RefusedError(Exception):
    def __init__(self, code: VoucherRefusal) -> None:
        self.code = code


def answer(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    """Say what a message does to a voucher."""
    try:
        return _RULES[message.event](voucher, message)
    except _RefusedError as refused:
        return VoucherRefused(refused.code)
    except LackingError as lacking:
        return VoucherWaits(lacking.missing)


def _require(code: VoucherRefusal, *conditions: bool) -> None:
    if not all(conditions):
        raise _RefusedError(code)


def _reserve(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    _require(VoucherRefusal.AMOUNT_INVALID, message.fen > 0)
    _require(VoucherRefusal.CLAIM_EXISTS, message.claim_no not in voucher.claims)
    _require(VoucherRefusal.CLAIMS_TOO_MANY, len(voucher.claims) + voucher.others < CLAIMS_MAX)
    _require(VoucherRefusal.NOT_GRANTED, voucher.state is VoucherState.GRANTED)
    first, last = known(message.planned)
    until = known(voucher.use_until)
    _require(VoucherRefusal.USE_EXPIRED, last <= until and local_date(message.at) <= until)
    begins = known(voucher.use_from)
    _require(VoucherRefusal.USE_NOT_BEGUN, begins is None or first >= begins)
    _require(VoucherRefusal.INSUFFICIENT, message.fen <= voucher.buckets.available)
    claim = VoucherClaimStanding(state=S.RESERVED, fen=message.fen)
    move = Move(Bucket.AVAILABLE, Bucket.RESERVED, message.fen)
    return _taken(voucher, message.claim_no, claim, move)


def _release(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    claim = _claim(voucher, message, S.RESERVED)
    move = Move(Bucket.RESERVED, _back(voucher, message.at), claim.fen)
    return _taken(voucher, message.claim_no, replace(claim, state=S.RELEASED, fen=0), move)


def _consume(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    claim = _claim(voucher, message, S.RESERVED)
    _part_of(claim, message)
    _require(VoucherRefusal.NOT_IN_LOG, message.in_log)
    _require(VoucherRefusal.CHECKS_INVALID, known(message.checks))
    moves = [Move(Bucket.RESERVED, Bucket.CONSUMED, message.fen)]
    moves += _rest(voucher, message, Bucket.RESERVED, claim.fen - message.fen)
    consumed = replace(claim, state=S.CONSUMED, fen=message.fen, holds=message.holds)
    return _taken(voucher, message.claim_no, consumed, *moves)


def _cap(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    claim = _claim(voucher, message, *REVIEWED)
    _part_of(claim, message)
    moves = _rest(voucher, message, Bucket.CONSUMED, claim.fen - message.fen)
    lowered = replace(claim, fen=message.fen, holds=_joined(claim.holds, message.holds))
    return _taken(voucher, message.claim_no, lowered, *moves)


def _hold(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    claim = _claim(voucher, message, *REVIEWED)
    _require(VoucherRefusal.REASON_MISSING, bool(message.holds))
    held = replace(claim, holds=_joined(claim.holds, message.holds))
    return _taken(voucher, message.claim_no, held)


def _clear(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    claim = _claim(voucher, message, *REVIEWED)
    _require(VoucherRefusal.NOT_HELD, bool(claim.holds))
    _require(VoucherRefusal.NOT_DECIDED, message.is_decided)
    _require(VoucherRefusal.REASON_MISSING, bool(message.reason.strip()))
    return _taken(voucher, message.claim_no, replace(claim, holds=()))


def _submit(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    claim = _claim(voucher, message, S.CONSUMED)
    _require(VoucherRefusal.CASH_EXPIRED, local_date(message.at) <= known(voucher.cash_until))
    _require(VoucherRefusal.HELD, not claim.holds)
    return _taken(voucher, message.claim_no, replace(claim, state=S.SUBMITTED))


def _passed(before: S, after: S) -> Callable[[VoucherStanding, VoucherMessage], Answer]:
    def passed(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
        claim = _claim(voucher, message, before)
        _require(VoucherRefusal.NOT_DECIDED, message.is_decided)
        _require(VoucherRefusal.HELD, not claim.holds)
        return _taken(voucher, message.claim_no, replace(claim, state=after))

    return passed


def _settle(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    claim = _claim(voucher, message, S.CITY_OK)
    _part_of(claim, message)
    _require(VoucherRefusal.NOT_DECIDED, message.is_decided)
    _require(VoucherRefusal.HELD, not claim.holds)
    _require(VoucherRefusal.CHECKS_INVALID, known(message.checks))
    moves = [Move(Bucket.CONSUMED, Bucket.SETTLED, message.fen)]
    moves += _rest(voucher, message, Bucket.CONSUMED, claim.fen - message.fen)
    settled = replace(claim, state=S.SETTLED, fen=message.fen)
    return _taken(voucher, message.claim_no, settled, *moves)


def _reject(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    claim = _claim(voucher, message, *REVIEWED)
    _require(VoucherRefusal.REASON_MISSING, bool(message.reason.strip()))
    moves = _rest(voucher, message, Bucket.CONSUMED, claim.fen)
    return _taken(voucher, message.claim_no, replace(claim, state=S.REJECTED, fen=0), *moves)


def _claw_back(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    claim = _claim(voucher, message, S.SETTLED)
    _part_of(claim, message)
    _require(VoucherRefusal.NOT_DECIDED, message.is_decided)
    move = Move(Bucket.SETTLED, Bucket.CLAWED_BACK, message.fen)
    left = replace(claim, state=S.CLAWED_BACK, fen=claim.fen - message.fen)
    return _taken(voucher, message.claim_no, left, move)


def _use_over(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    _require(VoucherRefusal.NOT_OVER, local_date(message.at) > known(voucher.use_until))
    late = {
        number: claim
        for number, claim in voucher.claims.items()
        if claim.state is S.RESERVED and number in message.not_in_time
    }
    return _expired(voucher, VoucherState.EXPIRED_USE, late)


def _cash_over(voucher: VoucherStanding, message: VoucherMessage) -> Answer:
    _require(VoucherRefusal.NOT_OVER, local_date(message.at) > known(voucher.cash_until))
    behind = {S.RESERVED, S.CONSUMED}
    if known(message.cash_counts) is S.SETTLED:
        behind |= {S.SUBMITTED, S.COUNTY_OK, S.CITY_OK}
    late = {number: claim for number, claim in voucher.claims.items() if claim.state in behind}
    return _expired(voucher, VoucherState.EXPIRED_CASH, late)


def _expired(
    voucher: VoucherStanding, state: VoucherState, late: Mapping[str, VoucherClaimStanding]
) -> Answer:
    """End a voucher: what is free expires, and so does what the claims named hold."""
    moves = _moves(Bucket.AVAILABLE, Bucket.EXPIRED, voucher.buckets.available)
    ended: dict[str, VoucherClaimStanding] = {}
    for number, claim in late.items():
        is_reserved = claim.state is S.RESERVED
        moves += _moves(
            Bucket.RESERVED if is_reserved else Bucket.CONSUMED, Bucket.EXPIRED, claim.fen
        )
        ended[number] = replace(claim, state=S.RELEASED if is_reserved else S.REJECTED, fen=0)
    if not moves and state is voucher.state:
        return VoucherMoved(voucher, ())
    after = replace(
        voucher,
        state=state,
        claims={**voucher.claims, **ended},
        buckets=_moved(voucher.buckets, moves),
    )
    return VoucherMoved(after, tuple(moves))


def _claim(voucher: VoucherStanding, message: VoucherMessage, *states: S) -> VoucherClaimStanding:
    claim = voucher.claims.get(message.claim_no)
    if claim is None:
        raise _RefusedError(VoucherRefusal.CLAIM_UNKNOWN)
    _require(VoucherRefusal.STATE_NOT_FITTING, claim.state in states)
    return claim


def _joined(held: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*held, *more)))


def _part_of(claim: VoucherClaimStanding, message: VoucherMessage) -> None:
    _require(VoucherRefusal.AMOUNT_INVALID, 0 < message.fen <= claim.fen)


def _back(voucher: VoucherStanding, at: datetime) -> Bucket:
    """Return where money goes that is not spent after all."""
    is_usable = local_date(at) <= known(voucher.use_until)
    return Bucket.AVAILABLE if is_usable else Bucket.EXPIRED


def _rest(
    voucher: VoucherStanding, message: VoucherMessage, source: Bucket, fen: int
) -> list[Move]:
    return _moves(source, _back(voucher, message.at), fen) if fen else []


def _moves(source: Bucket, target: Bucket, fen: int) -> list[Move]:
    return [Move(source, target, fen)] if fen else []


def _moved(buckets: Buckets, moves: Iterable[Move]) -> Buckets:
    for move in moves:
        buckets = buckets.after(move)
    return buckets


def _taken(
    voucher: VoucherStanding, claim_no: str, claim: VoucherClaimStanding, *moves: Move
) -> VoucherMoved:
    after = replace(
        voucher,
        claims={**voucher.claims, claim_no: claim},
        buckets=_moved(voucher.buckets, moves),
    )
    return VoucherMoved(after, moves)


_RULES: Mapping[Event, Callable[[VoucherStanding, VoucherMessage], Answer]] = {
    Event.RESERVE: _reserve,
    Event.RELEASE: _release,
    Event.CONSUME: _consume,
    Event.CAP: _cap,
    Event.HOLD: _hold,
    Event.CLEAR: _clear,
    Event.SUBMIT: _submit,
    Event.COUNTY: _passed(S.SUBMITTED, S.COUNTY_OK),
    Event.CITY: _passed(S.COUNTY_OK, S.CITY_OK),
    Event.SETTLE: _settle,
    Event.REJECT: _reject,
    Event.CLAW_BACK: _claw_back,
    Event.USE_OVER: _use_over,
    Event.CASH_OVER: _cash_over,
}

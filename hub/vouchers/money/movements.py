"""`movements`: the money and the claims of a voucher, made from its movements; pure.

A voucher begins with what was granted, all of it available. Each movement follows the one before:
its number is one more, its moves find the money where they take it, and its claim came from a state
that the event starts from. What does not follow raises `MovementError`; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from hub.policy.bounds import Missing
from hub.policy.vouchers.buckets import Bucket, Buckets, Move
from hub.policy.vouchers.claim import S, VoucherClaimStanding, VoucherStanding
from hub.policy.vouchers.messages import REVIEWED, Event
from schema.codes import VoucherClaimState, VoucherEvent, VoucherState

HELD: Final = frozenset({Bucket.RESERVED, Bucket.CONSUMED, Bucket.SETTLED})
"""Places whose money belongs to a claim."""
ENDINGS: Final[Mapping[VoucherEvent, VoucherState]] = {
    Event.USE_OVER: VoucherState.EXPIRED_USE,
    Event.CASH_OVER: VoucherState.EXPIRED_CASH,
}
_REVIEWED = frozenset(REVIEWED)
_WAYS: Final[Mapping[VoucherEvent, tuple[frozenset[S | None], frozenset[S]]]] = {
    Event.RESERVE: (frozenset({None}), frozenset({S.RESERVED})),
    Event.RELEASE: (frozenset({S.RESERVED}), frozenset({S.RELEASED})),
    Event.CONSUME: (frozenset({S.RESERVED}), frozenset({S.CONSUMED})),
    Event.CAP: (_REVIEWED, _REVIEWED),
    Event.HOLD: (_REVIEWED, _REVIEWED),
    Event.CLEAR: (_REVIEWED, _REVIEWED),
    Event.SUBMIT: (frozenset({S.CONSUMED}), frozenset({S.SUBMITTED})),
    Event.COUNTY: (frozenset({S.SUBMITTED}), frozenset({S.COUNTY_OK})),
    Event.CITY: (frozenset({S.COUNTY_OK}), frozenset({S.CITY_OK})),
    Event.SETTLE: (frozenset({S.CITY_OK}), frozenset({S.SETTLED})),
    Event.REJECT: (_REVIEWED, frozenset({S.REJECTED})),
    Event.CLAW_BACK: (frozenset({S.SETTLED}), frozenset({S.CLAWED_BACK})),
    Event.USE_OVER: (frozenset({S.RESERVED}), frozenset({S.RELEASED})),
    Event.CASH_OVER: (_REVIEWED | {S.RESERVED}, frozenset({S.RELEASED, S.REJECTED})),
}


class MovementError(ValueError):
    """A movement does not follow those before it; `code` says why."""

    def __init__(self, number: int, code: str, detail: str = "") -> None:
        super().__init__(f"movement {number}: {code} {detail}".strip())
        self.number, self.code = number, code


@dataclass(frozen=True, kw_only=True, slots=True)
class GrantedVoucher:
    """A voucher as its issuer states it. Days are days of Shanghai, both included."""

    issuer: str
    code: str
    holder: str
    state: VoucherState
    granted_fen: int | Missing
    use_from: date | None
    use_until: date | Missing
    cash_until: date | Missing
    region: str | Missing
    """Division that pays, GB/T 2260."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """A movement as it is kept. `claim_no` None: it concerns the voucher."""

    number: int
    event: VoucherEvent
    claim_no: str | None = None
    claim_state: VoucherClaimState | None = None
    moves: tuple[Move, ...] = ()
    holds: tuple[str, ...] = field(default=())


def begun(granted: GrantedVoucher) -> VoucherStanding:
    """Return a voucher of which nothing was used yet; of one without an amount nothing can be."""
    fen = 0 if isinstance(granted.granted_fen, Missing) else granted.granted_fen
    return VoucherStanding(
        state=granted.state,
        use_from=granted.use_from,
        use_until=granted.use_until,
        cash_until=granted.cash_until,
        buckets=Buckets(fen),
    )


def standing_of(granted: GrantedVoucher, movements: Iterable[Movement]) -> VoucherStanding:
    """Return a voucher after its movements; MovementError where one does not follow."""
    voucher = begun(granted)
    claims: dict[str, VoucherClaimStanding] = {}
    buckets, state = voucher.buckets, voucher.state
    for at, movement in enumerate(movements, start=1):
        if movement.number != at:
            raise MovementError(movement.number, "NUMBER_NOT_NEXT", f"expected {at}")
        buckets = _moved(buckets, movement)
        state = ENDINGS.get(movement.event, state)
        if movement.claim_no is not None:
            claims[movement.claim_no] = _claim_after(claims.get(movement.claim_no), movement)
    return replace(voucher, buckets=buckets, state=state, claims=claims)


def _moved(buckets: Buckets, movement: Movement) -> Buckets:
    try:
        for move in movement.moves:
            buckets = buckets.after(move)
    except ValueError as error:
        raise MovementError(movement.number, "MONEY_NOT_THERE", str(error)) from None
    return buckets


def _claim_after(before: VoucherClaimStanding | None, movement: Movement) -> VoucherClaimStanding:
    sources, targets = _WAYS[movement.event]
    state = movement.claim_state
    if (before.state if before else None) not in sources or state is None or state not in targets:
        raise MovementError(movement.number, "STATE_NOT_FITTING")
    fen = before.fen if before else 0
    for move in movement.moves:
        fen += move.fen if move.source not in HELD else 0
        fen -= move.fen if move.target not in HELD else 0
    if fen < 0:
        raise MovementError(movement.number, "CLAIM_OVERDRAWN")
    return VoucherClaimStanding(state=state, fen=fen, holds=movement.holds)


def movements_between(
    before: VoucherStanding,
    after: VoucherStanding,
    event: VoucherEvent,
    claim_no: str | None,
    moves: tuple[Move, ...],
) -> tuple[Movement, ...]:
    """Return the movements that lead from one standing to the next, numbered from 1.

    A message about a claim is one movement. The end of a voucher is one for each claim that it
    ends, and one for what was free.
    """
    if claim_no is not None:
        claim = after.claims[claim_no]
        made = Movement(
            number=1,
            event=event,
            claim_no=claim_no,
            claim_state=claim.state,
            moves=moves,
            holds=claim.holds,
        )
        return (made,)
    ended = [
        Movement(
            number=0,
            event=event,
            claim_no=number,
            claim_state=claim.state,
            moves=_expired(before.claims[number]),
        )
        for number, claim in sorted(after.claims.items())
        if claim != before.claims[number]
    ]
    free = tuple(move for move in moves if move.source is Bucket.AVAILABLE)
    ended.append(Movement(number=0, event=event, moves=free))
    return tuple(replace(each, number=at) for at, each in enumerate(ended, start=1))


def _expired(claim: VoucherClaimStanding) -> tuple[Move, ...]:
    source = Bucket.RESERVED if claim.state is S.RESERVED else Bucket.CONSUMED
    return (Move(source, Bucket.EXPIRED, claim.fen),) if claim.fen else ()

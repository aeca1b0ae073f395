"""`mirroring`: does what another system says of its vouchers hold together? Pure.

The system moves its money; the hub keeps what it says and looks whether that can be: what claims
hold lies within what was granted, each claim came into its state from one that leads there, nothing
was paid out that was not claimed. What is not stated is told and taken for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from hub.policy.bounds import Missing
from hub.policy.vouchers.claim import FREED, S
from hub.policy.vouchers.corrections import VoucherFound
from schema.codes import VoucherFindingKind as Kind

_AFTER: Final[dict[S | None, frozenset[S]]] = {
    None: frozenset(S),  # the first that the hub heard of a claim may be any state
    S.RESERVED: frozenset(S) - {S.CLAWED_BACK},
    S.CONSUMED: frozenset(S) - {S.RESERVED, S.RELEASED, S.CLAWED_BACK},
    S.SUBMITTED: frozenset({S.COUNTY_OK, S.CITY_OK, S.SETTLED, S.REJECTED}),
    S.COUNTY_OK: frozenset({S.CITY_OK, S.SETTLED, S.REJECTED}),
    S.CITY_OK: frozenset({S.SETTLED, S.REJECTED}),
    S.SETTLED: frozenset({S.CLAWED_BACK}),
    S.RELEASED: frozenset(),
    S.REJECTED: frozenset(),
    S.CLAWED_BACK: frozenset(),
}
"""States that a claim may be heard of next. A system tells some steps late, or never: states in
between may be missing, but no way leads back, and none out of a final state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedClaim:
    """A claim as its system states it now. Days are days of Shanghai."""

    claim_no: str
    state: S
    fen: int | None
    """Part that the voucher pays."""
    settled_fen: int | None
    changed_on: date | None
    """When it came into its state."""
    states: tuple[S, ...] = ()
    """Every state that was heard of it, in their order, the present one last."""

    @property
    def held_fen(self) -> int | None:
        """What it takes of the voucher; None where that is not stated."""
        if self.state in FREED:
            return 0
        if self.state in {S.SETTLED, S.CLAWED_BACK} and self.settled_fen is not None:
            return self.settled_fen
        return self.fen


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedDays:
    """The last days of a voucher, as its system states them."""

    use_until: date | Missing
    cash_until: date | Missing


def of_claim(claim: StatedClaim, days: StatedDays) -> list[VoucherFound]:
    """Say what does not fit in one claim."""
    found = []
    if claim.held_fen is None:
        found.append(VoucherFound(kind=Kind.AMOUNT_NOT_STATED))
    if None not in (claim.fen, claim.settled_fen) and (claim.settled_fen or 0) > (claim.fen or 0):
        more = (claim.settled_fen or 0) - (claim.fen or 0)
        found.append(VoucherFound(kind=Kind.PAID_TOO_MUCH, fen=more))
    step = _not_following(claim.states)
    if step is not None:
        found.append(VoucherFound(kind=Kind.STATE_NOT_FOLLOWING, detail=step))
    if _is_late(claim, days):
        found.append(VoucherFound(kind=Kind.TOO_LATE, fen=claim.held_fen, detail=claim.state.value))
    return found


def of_voucher(granted_fen: int | Missing, claims: Sequence[StatedClaim]) -> list[VoucherFound]:
    """Say what does not fit in a voucher as a whole: more is held than was granted.

    Claims whose amount is not stated count as nothing here, so what is found holds in any case.
    """
    if isinstance(granted_fen, Missing):
        return []
    held = sum(each.held_fen or 0 for each in claims)
    over = held - granted_fen
    return [VoucherFound(kind=Kind.OVERSPENT, fen=over)] if over > 0 else []


def _not_following(states: Iterable[S]) -> str | None:
    """Return the first step that no way leads to, as `FROM TO`."""
    before: S | None = None
    for state in states:
        if before is not None and state is not before and state not in _AFTER[before]:
            return f"{before.value} {state.value}"
        before = state
    return None


def _is_late(claim: StatedClaim, days: StatedDays) -> bool:
    """Whether it was reserved after the last day of use, or submitted after that of settlement."""
    last = {S.RESERVED: days.use_until, S.SUBMITTED: days.cash_until}.get(claim.state)
    if claim.changed_on is None or last is None or isinstance(last, Missing):
        return False
    return claim.changed_on > last

"""`claim`: one voucher with its claims, as far as its money is concerned; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from hub.policy.bounds import Missing
from hub.policy.vouchers.buckets import Buckets
from schema.codes import VoucherClaimState, VoucherState

S = VoucherClaimState
FINAL = frozenset({S.RELEASED, S.REJECTED, S.CLAWED_BACK})
"""States that no message leads out of."""
FREED = frozenset({S.RELEASED, S.REJECTED})
"""States in which a claim stands in nobody's way any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherClaimStanding:
    """A claim: its state, and its fen in the bucket that the state stands for."""

    state: VoucherClaimState
    fen: int
    holds: tuple[str, ...] = ()
    """Why a person has to look first; codes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherStanding:
    """A voucher between two messages. Days are days of Shanghai, both included."""

    state: VoucherState
    use_until: date | Missing
    cash_until: date | Missing
    buckets: Buckets
    use_from: date | Missing | None = None
    """None: usable from the day on which it was granted."""
    claims: Mapping[str, VoucherClaimStanding] = field(default_factory=dict)
    others: int = 0
    """Claims that are not in `claims`, as they do not matter to the message in hand."""

    def has_no_marks(self, claim_no: str) -> bool:
        """Whether a claim was never consumed, or is free again: it stands in nobody's way."""
        claim = self.claims.get(claim_no)
        return claim is None or claim.state in FREED | {S.RESERVED}

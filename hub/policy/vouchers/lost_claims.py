"""`lost_claims`: what a voucher may do while claims on it are known to have been lost; pure.

Another hub granted a service to a claim that the database of the voucher's home does not hold: it
was restored from a backup that is older. What that claim took lies free again, so until it has
come back money only goes to it, or comes back from other claims.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.policy.vouchers.claim import S
from hub.policy.vouchers.messages import Event

GIVING_BACK = frozenset({Event.RELEASE, Event.CAP, Event.HOLD, Event.REJECT})
"""Messages by which another claim takes nothing from anybody."""
NOT_CONSUMED = frozenset({S.RESERVED, S.RELEASED})
"""States of a claim that has paid for no service: in any other one it has come back."""


@dataclass(frozen=True, slots=True)
class LostClaim:
    """A claim that another hub knows and this database does not hold. `service`: what it is for."""

    claim_no: str
    service: str


def passes(
    lost: Iterable[LostClaim], event: Event, claim_no: str, service: str | None = None
) -> bool:
    """Whether a message about a voucher is taken although claims on it are lost.

    A lost claim is reserved and consumed again, for the same service, or lifted by a decision.
    """
    others = list(lost)
    its = [each for each in others if each.claim_no == claim_no]
    if not others:
        return True
    if not its:
        return event in GIVING_BACK
    if event is Event.CONSUME:
        return any(each.service == service for each in its)
    return event in {Event.RESERVE, Event.CLEAR}

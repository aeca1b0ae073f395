"""`corrections`: what follows for a claim when its service record was corrected or withdrawn; pure.

    the service         consumed, in review                      settled
    gives less          lowered to what it gives (CAP);          CLAW_BACK_DUE, the difference
                        in review also held
    gives nothing       held                                     CLAW_BACK_DUE, all of it
    was withdrawn       held                                     CLAW_BACK_DUE, all of it
    fails a check       held                                     told
    gives more          nothing moves; told                      nothing moves
    cannot be judged    nothing moves; told                      nothing moves; told

The hub lowers and holds, for both lose nobody's right: money that goes back can be reserved anew,
and a person lifts a hold. To reject and to claw back are decisions, which the hub only proposes.
Before a service is consumed, and after a claim has ended, there is nothing to correct.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub.policy.bounds import LackingError, Missing, known
from hub.policy.vouchers.checks import CheckCode, CheckResult, Verified
from hub.policy.vouchers.claim import S, VoucherClaimStanding
from schema.codes import VoucherFindingKind as Kind

IN_REVIEW: Final = frozenset({S.SUBMITTED, S.COUNTY_OK, S.CITY_OK})
"""States in which somebody looks at a claim, or has looked at it, as it was."""
LIVE: Final = IN_REVIEW | {S.CONSUMED}
TOLD: Final = frozenset(
    {
        Kind.CLAW_BACK_DUE,
        Kind.SERVICE_WITHDRAWN,
        Kind.SERVICE_LOWERED,
        Kind.SERVICE_RAISED,
        Kind.SERVICE_NOT_VALID,
        Kind.SERVICE_UNCLEAR,
    }
)
"""What this rule finds; what it finds no longer is closed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceNow:
    """A service as its record stands. `most_fen`: what a voucher may pay of it at most."""

    charge_fen: int | Missing
    most_fen: int | Missing
    verified: Verified

    @property
    def failing(self) -> tuple[CheckCode, ...]:
        """The checks that fail, beside that of the amount: that is lowered, or due back."""
        failed = self.verified.told(CheckResult.FAIL)
        return tuple(each for each in failed if each is not CheckCode.AMOUNT)


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherFound:
    """Something for a person to look at. `detail`: codes."""

    kind: Kind
    fen: int | None = None
    detail: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Correction:
    """What follows. `cap_fen`: to what the claim is lowered; `holds`: why it waits for a person."""

    cap_fen: int | None = None
    holds: tuple[str, ...] = ()
    found: tuple[VoucherFound, ...] = ()


def correction(
    claim: VoucherClaimStanding, claimed_fen: int | None, service: ServiceNow | None
) -> Correction:
    """Say what follows for a claim. `claimed_fen`: the charge that it was for, as far as known.

    `service`: None where the record is withdrawn.
    """
    if claim.state not in LIVE | {S.SETTLED}:
        return Correction()
    if service is None:
        return _owed(claim, Kind.SERVICE_WITHDRAWN, claim.fen)
    if service.failing:
        return _failing(claim, " ".join(each.value for each in service.failing))
    is_judged = not any(
        isinstance(each, Missing) for each in (service.charge_fen, service.most_fen)
    )
    if not is_judged and claimed_fen in {None, service.charge_fen}:
        return Correction()  # nothing tells that the charge changed since it was judged
    try:
        return _by_amount(claim, claimed_fen, known(service.charge_fen), known(service.most_fen))
    except LackingError as lacking:
        return _unclear(lacking.missing)


def _by_amount(
    claim: VoucherClaimStanding, claimed_fen: int | None, charge: int, most: int
) -> Correction:
    if claim.fen > most:
        return _lowered(claim, most)
    if claim.state in LIVE and claimed_fen is not None and charge > claimed_fen:
        return Correction(found=(VoucherFound(kind=Kind.SERVICE_RAISED, fen=charge - claimed_fen),))
    return Correction()


def _unclear(missing: Missing) -> Correction:
    detail = f"{missing.fact} {missing.reason}"
    return Correction(found=(VoucherFound(kind=Kind.SERVICE_UNCLEAR, detail=detail),))


def _owed(claim: VoucherClaimStanding, kind: Kind, fen: int) -> Correction:
    """Say what follows where all of a claim, or a part of it, has nothing to pay for."""
    if claim.state is S.SETTLED:
        return Correction(
            found=(VoucherFound(kind=Kind.CLAW_BACK_DUE, fen=fen, detail=kind.value),)
        )
    return Correction(holds=(kind.value,), found=(VoucherFound(kind=kind, fen=fen),))


def _lowered(claim: VoucherClaimStanding, most: int) -> Correction:
    owed = _owed(claim, Kind.SERVICE_LOWERED, claim.fen - most)
    if claim.state is S.SETTLED or most == 0:  # nothing is left to pay: that is a rejection
        return owed
    holds = owed.holds if claim.state in IN_REVIEW else ()
    return Correction(cap_fen=most, holds=holds, found=owed.found)


def _failing(claim: VoucherClaimStanding, codes: str) -> Correction:
    kind = Kind.SERVICE_NOT_VALID
    holds = () if claim.state is S.SETTLED else (kind.value,)
    return Correction(holds=holds, found=(VoucherFound(kind=kind, fen=claim.fen, detail=codes),))

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
    """A service as its record stands. `gives_fen`: what the rules give of its charge.

    What the voucher still holds and what the holder used in the year is no matter here: it was
    counted when the service was claimed, and other claims since must not lower this one.
    """

    charge_fen: int | Missing
    gives_fen: int | Missing
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
    follows = _by_amount(claim, claimed_fen, service)
    return _and_held(follows, claim, service.failing) if service.failing else follows


def and_met(
    follows: Correction, claim: VoucherClaimStanding, holding: tuple[str, ...], met: tuple[str, ...]
) -> Correction:
    """Return what follows with that a claim is for what others are for as well.

    `met`: codes of what is met; `holding`: those that hold the claim while nothing is paid out.
    """
    if not met or claim.state not in LIVE | {S.SETTLED}:
        return follows
    told = VoucherFound(kind=Kind.CLAIMED_TWICE, fen=claim.fen, detail=" ".join(met))
    holds = holding if claim.state in LIVE else ()
    return Correction(
        cap_fen=follows.cap_fen,
        holds=(*follows.holds, *holds),
        found=(*follows.found, told),
    )


def _by_amount(
    claim: VoucherClaimStanding, claimed_fen: int | None, service: ServiceNow
) -> Correction:
    """Say what follows from another charge; where it is the one that was claimed, nothing does."""
    if service.charge_fen == claimed_fen:
        return Correction()
    try:
        charge, gives = known(service.charge_fen), known(service.gives_fen)
    except LackingError as lacking:
        # of what never had a charge here nothing tells that it changed
        return Correction() if claimed_fen is None else _unclear(lacking.missing)
    if claim.fen > gives:
        return _lowered(claim, gives)
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


def _lowered(claim: VoucherClaimStanding, gives: int) -> Correction:
    owed = _owed(claim, Kind.SERVICE_LOWERED, claim.fen - gives)
    if claim.state is S.SETTLED or gives == 0:  # nothing is left to pay: that is a rejection
        return owed
    holds = owed.holds if claim.state in IN_REVIEW else ()
    return Correction(cap_fen=gives, holds=holds, found=owed.found)


def _and_held(
    follows: Correction, claim: VoucherClaimStanding, failing: tuple[CheckCode, ...]
) -> Correction:
    """Return what follows with what a check that fails adds to it."""
    kind, codes = Kind.SERVICE_NOT_VALID, " ".join(each.value for each in failing)
    holds = () if claim.state is S.SETTLED else (kind.value,)
    told = VoucherFound(kind=kind, fen=claim.fen, detail=codes)
    return Correction(
        cap_fen=follows.cap_fen,
        holds=(*follows.holds, *holds),
        found=(*follows.found, told),
    )

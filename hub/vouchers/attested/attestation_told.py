"""`attestation_told`: what is answered about attestations, states of claims, and proofs of days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final

from hub.ledger.attestation import Attested
from hub.policy.bounds import Missing
from hub.policy.vouchers.checks import CheckTold
from hub.vouchers.money.movements import GrantedVoucher
from schema.codes import VoucherClaimState

ATTESTED: Final = frozenset(
    {
        VoucherClaimState.CONSUMED,
        VoucherClaimState.SUBMITTED,
        VoucherClaimState.COUNTY_OK,
        VoucherClaimState.CITY_OK,
        VoucherClaimState.SETTLED,
    }
)
"""States of claims that are attested."""
Row = Mapping[str, Any]


class NotAttested(StrEnum):
    """Why there is no attestation, or no proof of a day."""

    NOT_CLAIMED = "NOT_CLAIMED"
    """The claim is only reserved, or it was released, rejected or clawed back."""
    HELD = "HELD"
    """A person has to look at it first."""
    NOT_VALID = "NOT_VALID"
    """The checks do not say VALID; every one is told."""
    CORRECTED = "CORRECTED"
    """The service record says another charge than the claim; the claim is capped first."""
    CASH_OVER = "CASH_OVER"
    """The last day of settlement is over."""
    NOT_IN_LOG = "NOT_IN_LOG"
    """No checkpoint that is signed, and witnessed where that is asked for, covers it yet; ask again
    in a few seconds."""
    SERVICE_ELSEWHERE = "SERVICE_ELSEWHERE"
    """The service is a record of another hub, which granted it to no claim that is kept here."""
    LOG_NOT_PINNED = "LOG_NOT_PINNED"
    """The service is a record of a hub whose log is not pinned here; the operator does that."""
    SERVICE_UNPROVED = "SERVICE_UNPROVED"
    """What the hub of the service sent is no proof of its pinned log; the operators look at it."""
    NO_MAP = "NO_MAP"
    """The map of that day is not stated: the day is not over, or the hub made none then."""
    AFTER_DAY = "AFTER_DAY"
    """The record came into the log after the map of that day was made; ask for a later day."""
    MAP_GONE = "MAP_GONE"
    """Content of that day was erased; its map cannot be made again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AttestationTold:
    """An attestation, or why there is none. One of `text`, `refused`, `missing` is stated."""

    text: bytes | None = None
    refused: NotAttested | None = None
    missing: Missing | None = None
    checks: tuple[CheckTold, ...] = ()
    attested: Attested | None = None
    claim: Row | None = None
    """The row that was told of."""
    service: Row | None = None
    """The same of a service that is a record of this hub."""

    def without(self, why: NotAttested | Missing) -> AttestationTold:
        """Return the answer that there is none."""
        if isinstance(why, Missing):
            return replace(self, missing=why)
        return replace(self, refused=why)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimStateTold:
    """What a claim is now. `jws`: the same, typ `hub-claim-state+jws`."""

    claim: Row
    home: str
    """Origin of the log of the hub that was asked."""
    looked_up_at: str
    jws: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimsTold:
    """A proof of whether a service was claimed at the end of a day, or why there is none."""

    text: bytes | None = None
    is_claimed: bool | None = None
    refused: NotAttested | None = None
    service: Row | None = None


def last_day(claim: Row, granted: GrantedVoucher, today: date) -> NotAttested | Missing | date:
    """Return the last day for which a claim could be attested, or why it cannot be."""
    if VoucherClaimState[claim["state"]] not in ATTESTED or claim["service_key"] is None:
        return NotAttested.NOT_CLAIMED
    if claim["hold_reasons"]:
        return NotAttested.HELD
    if claim["voucher_fen"] is None:
        return Missing("voucherFen")
    cash_until = granted.cash_until
    if isinstance(cash_until, Missing):
        return cash_until
    return NotAttested.CASH_OVER if today > cash_until else cash_until

"""`fingerprints`: whether a service was claimed before, here or in another province; pure.

    F0  log and identity of the service record                       refuses   ALREADY_CLAIMED
    F2  the invoice in normal form and who issued it                 refuses   INVOICE_CLAIMED
    F1  instrument, start and end to the minute, holder, charge      holds     SAME_SERVICE
    F3  the same instrument at an overlapping time                   holds     SAME_TIME

Claims that were released or rejected stand in nobody's way. One that is pending, before any peer
was asked, does: of two pending ones the smaller (origin, claim number) wins. Peers are told F1 and
F2 only as HMAC-SHA-256 under a key that the provinces share, so that nobody learns what he does not
hold.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

from hub.policy.bounds import Missing
from hub.policy.vouchers.invoice import Invoice
from schema.dates import format_instant


class Hit(StrEnum):
    """What a claim meets. The first two refuse it, the others hold it for a person."""

    ALREADY_CLAIMED = "ALREADY_CLAIMED"
    INVOICE_CLAIMED = "INVOICE_CLAIMED"
    SAME_SERVICE = "SAME_SERVICE"
    SAME_TIME = "SAME_TIME"

    @property
    def refuses(self) -> bool:
        """Whether no person is needed to say no."""
        return self in (Hit.ALREADY_CLAIMED, Hit.INVOICE_CLAIMED)


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimedService:
    """What a claim is for, as it is compared. Instants are aware."""

    home: str
    """Origin of the log that the service record lies in."""
    service_item: str
    """Identity of the service record in that log."""
    claim_home: str
    """Origin of the hub that keeps the claim."""
    claim_no: str
    instrument_item: str
    start_at: datetime
    end_at: datetime
    holder: str
    charge_fen: int
    invoice: Invoice | Missing
    in_parallel: bool = False
    """Whether the instrument serves several samples at a time, as its offer says."""
    pending: bool = False

    @property
    def order(self) -> tuple[str, str]:
        """By which of two pending claims wins."""
        return self.claim_home, self.claim_no


def meets(claim: ClaimedService, live: Iterable[ClaimedService]) -> Hit | None:
    """Return the gravest thing that a claim meets among the others that are alive."""
    hits = [_hit(claim, each) for each in live if not _yields(each, claim)]
    found = {hit for hit in hits if hit}
    return next((hit for hit in Hit if hit in found), None)


def _yields(other: ClaimedService, claim: ClaimedService) -> bool:
    """Whether another claim is this one, or a pending one that loses against this pending one."""
    if other.order == claim.order:
        return True
    return other.pending and claim.pending and claim.order < other.order


def _hit(claim: ClaimedService, other: ClaimedService) -> Hit | None:
    if (claim.home, claim.service_item) == (other.home, other.service_item):
        return Hit.ALREADY_CLAIMED
    if isinstance(claim.invoice, Invoice) and claim.invoice == other.invoice:
        return Hit.INVOICE_CLAIMED
    if same_service(claim) == same_service(other):
        return Hit.SAME_SERVICE
    is_apart = claim.end_at <= other.start_at or other.end_at <= claim.start_at
    if claim.instrument_item != other.instrument_item or is_apart:
        return None
    return None if claim.in_parallel and other.in_parallel else Hit.SAME_TIME


def same_service(claim: ClaimedService) -> tuple[str, ...]:
    """Return F1, the members that make two records one service whatever they are called."""
    return (
        claim.instrument_item,
        _minute(claim.start_at),
        _minute(claim.end_at),
        claim.holder,
        str(claim.charge_fen),
    )


def same_invoice(claim: ClaimedService) -> tuple[str, ...] | None:
    """Return F2, or None where the invoice cannot be told."""
    invoice = claim.invoice
    if isinstance(invoice, Missing):
        return None
    return invoice.issuer, invoice.code, invoice.number


def keyed(kind: str, members: Sequence[str], key: bytes) -> str:
    """Return a fingerprint as peers compare it: HMAC-SHA-256, hexadecimal.

    Each member is preceded by its length in bytes, so that no two lists give one text.
    """
    texts = [each.encode() for each in (kind, *members)]
    told = b"".join(len(each).to_bytes(4, "big") + each for each in texts)
    return hmac.new(key, told, sha256).hexdigest()


def _minute(at: datetime) -> str:
    return format_instant(at.astimezone(UTC).replace(second=0, microsecond=0))

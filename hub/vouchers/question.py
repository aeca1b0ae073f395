"""`question`: what is asked of the voucher desk, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Protocol, TypeAlias

from hub.intake.batch import RequestSignature
from hub.policy.bounds import Missing
from hub.policy.vouchers.buckets import Buckets
from hub.policy.vouchers.checks import CheckTold, Verified
from hub.policy.vouchers.claim import S, VoucherStanding
from hub.policy.vouchers.facts import ServiceTold
from hub.policy.vouchers.fingerprints import ClaimedService, Hit
from hub.policy.vouchers.messages import VoucherRefusal
from hub.store.side_by_side import SideBySide
from hub.vouchers.marks import ClaimName, Met
from hub.vouchers.money.ledger import KeptVoucher
from schema.codes import VoucherEvent

FAST_TRACK = "FAST_TRACK"
"""The reason of a consumption that the hub begins by itself: there is no other one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherAsking:
    """Who sends a message, and with which request; a request moves money once."""

    client: str
    party: str
    key: str
    """The idempotency key."""
    body_hash: bytes
    signature: RequestSignature | None = None
    """That of the request, kept as evidence of what was said."""
    is_hub: bool = False
    """The hub itself, by its rules: no client can say so."""

    @property
    def request(self) -> str:
        """Return the mark by which the request is known again, for good."""
        return sha256(f"{self.client}\0{self.key}".encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherWanted:
    """What a message asks. What an event does not need is left out."""

    issuer: str
    code: str
    event: VoucherEvent
    claim_no: str
    fen: int = 0
    provider: str | None = None
    """Who will give the service; said when it is reserved for."""
    order_no: str | None = None
    planned: tuple[date, date] | None = None
    service: str | None = None
    """Key of the service record that is paid for."""
    reason: str = ""
    holds: tuple[str, ...] = ()
    """Why the hub holds the claim; codes. No client can say so."""
    charge_fen: int | None = None
    """Charge of the service as it was corrected, where the hub lowers a claim by it."""

    @property
    def is_checked(self) -> bool:
        """Whether the checks of the service must say VALID for it."""
        return self.event in {VoucherEvent.CONSUME, VoucherEvent.SETTLE}

    @property
    def name(self) -> ClaimName:
        """Return which claim it is about."""
        return ClaimName(self.issuer, self.code, self.claim_no)


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherTold:
    """What came of a message. One of `state`, `refused`, `missing` is stated."""

    claim_no: str
    state: S | None = None
    fen: int | None = None
    buckets: Buckets | None = None
    refused: VoucherRefusal | Hit | None = None
    missing: Missing | None = None
    checks: tuple[CheckTold, ...] = ()
    met: tuple[Met, ...] = ()
    holds: tuple[str, ...] = ()
    """Why the claim is held now; codes."""
    replayed: bool = False

    @property
    def held_for(self) -> tuple[str, ...]:
        """Return why a person has to look: what holds the claim, and what it met."""
        return tuple(dict.fromkeys((*self.holds, *(each.hit.value for each in self.met))))


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceChecked:
    """A service as the checks saw it."""

    verified: Verified
    claimed: ClaimedService | Missing
    """By what it is known again; `Missing` where a fact is lacking for that."""
    in_log: bool
    charge_fen: int | None
    item_id: str
    owner: str
    """Of the service record that was looked at."""
    invoice: tuple[str | None, str | None]
    """Code and number of its invoice."""
    most_fen: int | Missing = field(default_factory=lambda: Missing("most"))
    """What the voucher may pay of it at most, what the claim holds now included."""
    gives_fen: int | Missing = field(default_factory=lambda: Missing("gives"))
    """What the rules give of its charge, whatever else was claimed."""
    holds: tuple[str, ...] = ()
    """Why a person has to look, beside other claims that are met; codes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenService:
    """What the home hub of a service record knows of it, before a voucher is looked at."""

    told: ServiceTold
    claimed: ClaimedService | Missing
    in_log: bool
    charge_fen: int | None
    item_id: str
    owner: str
    issuer: str
    user: str | None
    instrument: str
    """Keys: who gave it, who states it, who used it, on what."""
    invoice: tuple[str | None, str | None]
    as_of: datetime
    commitment: str
    """Of the revision that was looked at: the salted hash in the log, hexadecimal."""


class ServiceChecks(Protocol):
    """Looks at a service record for a voucher."""

    async def of(
        self,
        service: str,
        wanted: VoucherWanted,
        voucher: KeptVoucher,
        standing: VoucherStanding,
        beside: SideBySide | None = None,
    ) -> ServiceChecked:
        """Return what is known of it. Raises `RefusedError` NOT_FOUND where there is none.

        `beside`: the reads of others who look at services at the same moment.
        """

    async def given(self, service: str, wanted: VoucherWanted, holder: str) -> GivenService:
        """Return what this hub knows of a service of its own; NOT_FOUND where there is none."""

    async def checked(
        self,
        given: GivenService,
        wanted: VoucherWanted,
        voucher: KeptVoucher,
        standing: VoucherStanding,
    ) -> ServiceChecked:
        """Check what the home hub of a service said, with what this hub knows of the voucher."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VoucherCase:
    """A message with everything that it is judged on."""

    asking: VoucherAsking | None
    """None: the hub itself, by the calendar."""
    wanted: VoucherWanted
    voucher: KeptVoucher
    standing: VoucherStanding
    stated: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Claims as they were stated last, rows of the store by number."""
    checked: ServiceChecked | None = None
    met: tuple[Met, ...] = ()
    """Other claims that the service meets, whose own marks are kept by then."""

    @property
    def claimed(self) -> ClaimedService | None:
        """Return the service that this message claims anew; None where it claims none."""
        if self.wanted.event is not VoucherEvent.CONSUME or self.checked is None:
            return None
        claimed = self.checked.claimed
        return None if isinstance(claimed, Missing) else claimed

    def holds_for(self, met: Sequence[Met]) -> tuple[str, ...]:
        """Return why a person has to look: what the claim meets, how it looks, what changed."""
        of_service = self.checked.holds if self.checked else ()
        return tuple(
            dict.fromkeys((*(each.hit.value for each in met), *of_service, *self.wanted.holds))
        )

    def provider_of(self, claim_no: str | None) -> str | None:
        """Return who gives the service of a claim, as far as that was said."""
        if claim_no is None:
            return None
        said = self.wanted.provider if claim_no == self.wanted.claim_no else None
        return said or self.voucher.providers.get(claim_no)


VoucherMessageSent: TypeAlias = tuple[VoucherAsking, VoucherWanted]
LookedAt: TypeAlias = VoucherCase | VoucherTold | BaseException
"""What a message is judged on, its answer where nothing is left to judge, or why it is refused."""

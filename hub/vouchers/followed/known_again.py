"""`known_again`: whether a claim whose service was corrected is for what another claim is for.

What a claim is known by (`hub.vouchers.marks`) follows its service record. What it meets then holds
the claim for a person, also where it would have been refused at first: its money has moved. A claim
of another system for the same record is met as well; that holds nothing, for nothing of it is this
hub's to decide.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.policy.vouchers.fingerprints import ClaimedService, Hit
from hub.store.database import Database
from hub.vouchers.between.fingerprinting import ClaimFingerprints
from hub.vouchers.followed.findings import VoucherAbout, VoucherFindings
from hub.vouchers.followed.kept_claims import KeptClaims
from hub.vouchers.marks import ClaimName, let_former_go, mark_anew, marks_of
from schema.codes import VoucherFindingKind

TWICE = VoucherFindingKind.CLAIMED_TWICE


@dataclass(frozen=True, slots=True)
class MetAgain:
    """What a claim meets since its service was corrected, and what it meets at other systems."""

    hits: tuple[Hit, ...]
    is_marked: bool
    """Whether new marks stand beside the former ones, which `KnownAgain.settle` lets go."""
    is_rivalled: bool
    """Whether a live claim of another system is for the same service record."""

    @property
    def codes(self) -> tuple[str, ...]:
        """Return what is met, as a finding tells it."""
        rival = (Hit.ALREADY_CLAIMED,) if self.is_rivalled else ()
        return tuple(dict.fromkeys(each.value for each in (*self.hits, *rival)))


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownAgain:
    """Looks by what claims on vouchers of this hub are known."""

    database: Database
    claims: KeptClaims
    findings: VoucherFindings

    async def meet(
        self, about: VoucherAbout, name: ClaimName, service_key: str, service: ClaimedService | None
    ) -> MetAgain | None:
        """Keep what a claim is known by now, and return what it meets; None: nothing to tell.

        `service`: None where it cannot be told, or is withdrawn. An earlier finding is told anew,
        or closed. What follows is done before `settle` is called.
        """
        is_open = await self.findings.is_open(about, TWICE)
        met = None
        if service is not None:
            async with self.database.writes.transaction() as connection:
                met = await mark_anew(connection, name, service, is_asked=is_open)
        is_rivalled = await self.claims.has_rival(service_key, name)
        if met is None and not is_rivalled and not is_open:
            return None
        hits = tuple(dict.fromkeys(each.hit for each in met or ()))
        return MetAgain(hits, met is not None, is_rivalled)

    async def settle(
        self, name: ClaimName, service: ClaimedService, prints: ClaimFingerprints | None
    ) -> None:
        """Let go what a claim was known by before. `prints`: by which other hubs know its marks."""
        if prints is not None:
            await prints.bring_up()
        async with self.database.writes.transaction() as connection:
            await let_former_go(connection, name, service)
            if prints is not None:
                await prints.keep_anew(connection, name, marks_of(service))

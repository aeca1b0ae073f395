"""`granting`: the home of a service decides which claim on another hub's voucher may have it.

- One claim at a time: the mark F0 of the record is a unique index, and claims of this hub's own
  vouchers hold the same marks. Whoever asks again gets the same answer.
- What the service is known by and what the checks need is told, with the commitment of the revision
  that it was granted for; the verdict is that of the voucher's home.
- A grant of which nothing more is heard is asked about, and freed when the voucher's home says that
  it was not consumed. Until it says so the service stays granted.
- A database that was restored, or a hub that is new in the ring, grants nothing before every peer
  has told which services of this hub its vouchers paid for (`hub.vouchers.between.hearing`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hub.access.agreements import Agreements
from hub.access.visibility import Subject, holds
from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError
from hub.ledger.receipts import leaf_proofs
from hub.policy.bounds import Missing
from hub.policy.vouchers.fingerprints import Hit
from hub.policy.vouchers.grants import (
    ClaimWord,
    Granting,
    GrantStanding,
    GrantState,
    on_ask,
    on_word,
)
from hub.store.copying import Connection
from hub.store.database import Database
from hub.vouchers.between import kept_grants
from hub.vouchers.between.abroad import OVER, given_to_wire
from hub.vouchers.between.errand_wire import AskedGrant, ClaimTold, claim_wire
from hub.vouchers.between.hearing import PeerHearing
from hub.vouchers.between.kept_grants import KeptGrant
from hub.vouchers.between.ring import ClaimRing, ErrandKind, PeerNotFoundError, PeerSilentError
from hub.vouchers.between.service_proof import ServiceProof, proof_of, proof_to_wire
from hub.vouchers.limits import CLAIMS_LOOKED_MAX, GRANT_S
from hub.vouchers.marks import Met, free, is_claimed, mark
from hub.vouchers.question import GivenService, ServiceChecks
from schema.item import camel

SERVICE = "ServiceRecord"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GrantDesk:
    """Grants services of this hub to claims of other hubs."""

    database: Database
    services: ServiceChecks
    agreements: Agreements
    ring: ClaimRing
    hearing: PeerHearing
    clock: Clock

    async def grant(self, peer: str, asked: AskedGrant) -> dict[str, Any]:
        """Answer a question for a grant.

        `RefusedError` NOT_FOUND for a service that is not there, or that neither its provider asks
        for nor somebody who may see it; HOME_ELSEWHERE for one of another hub.
        """
        if (silent := await self.hearing.unheard()) is not None:
            return {"missing": {"fact": silent.fact, "reason": silent.reason}}
        given = await self._seen(asked)
        if isinstance(given.claimed, Missing):
            lacking = given.claimed
            return {"missing": {"fact": lacking.fact, "reason": lacking.reason}}
        async with self.database.writes.transaction() as connection:
            decided = await self._decided(connection, peer, asked, given)
        if not isinstance(decided, tuple):
            return {"refused": decided}
        return {
            "attempt": asked.attempt,
            "holds": sorted({each.hit.value for each in decided}),
            "given": given_to_wire(given),
        }

    async def tell(self, asked: AskedGrant) -> dict[str, Any]:
        """Say what this hub knows of a service, claimed or not; nothing changes by it.

        `RefusedError` as of `grant`.
        """
        given = await self._seen(asked)
        return {"attempt": asked.attempt, "holds": [], "given": given_to_wire(given)}

    async def facts(self, peer: str, asked: AskedGrant) -> dict[str, Any]:
        """Say what this hub knows by now of a service that a claim holds; nothing changes by it.

        Who was granted a service was told the same of it before, so nobody's sight is asked anew.
        `RefusedError` NOT_FOUND for a service that was withdrawn since.
        """
        if (silent := await self.hearing.unheard()) is not None:
            return {"missing": {"fact": silent.fact, "reason": silent.reason}}
        async with self.database.writes.transaction() as connection:
            stands = await kept_grants.held(connection, asked.name)
        is_its = stands is not None and stands.standing.is_live and stands.source == peer
        if stands is None or not is_its or stands.service != asked.service:
            return {"missing": {"fact": "grant", "reason": "NOT_KEPT"}}
        given = await self.services.given(asked.service, asked.wanted, asked.holder)
        return {"attempt": asked.attempt, "holds": [], "given": given_to_wire(given)}

    async def proof(self, peer: str, asked: AskedGrant) -> dict[str, Any]:
        """Say the same as `facts`, and prove that the log holds the revision that it is said of.

        While no checkpoint covers that revision, `proof` says so. One that was corrected between
        the two reads is as one that is not signed yet: who asks comes again.
        """
        told = await self.facts(peer, asked)
        if "given" not in told:
            return told
        given = told["given"]
        table = self.database.records.tables[SERVICE].source.name
        rows = await self.database.reads.fetch_all(
            f"SELECT entry_id FROM {table} WHERE item_id = %s AND NOT withdrawn AND speaks LIMIT 1",  # noqa: S608 - own name
            (given["itemId"],),
        )
        proof = await self._proof([entry_id for (entry_id,) in rows], given["commitment"])
        return {**told, "proof": proof_to_wire(proof)}

    async def _proof(self, entries: Sequence[int], commitment: str) -> ServiceProof | None:
        """Return the proof of the newest entry of a record, where it is of that commitment."""
        proofs = await leaf_proofs(self.database, entries)
        if proofs is None:
            return None
        (entry_id,) = entries
        is_it = proofs.evidence[entry_id].salted_hash.hex() == commitment
        return proof_of(proofs, entry_id) if is_it else None

    async def _decided(
        self, connection: Connection, peer: str, asked: AskedGrant, given: GivenService
    ) -> tuple[Met, ...] | str:
        """Grant a service in a transaction, and return what it meets; or the refusal's code."""
        assert not isinstance(given.claimed, Missing), "who asks was told what is missing"
        name = asked.name
        stands = await kept_grants.held(connection, name)
        decided = on_ask(None if stands is None else stands.standing, asked.attempt)
        if decided is Granting.OVER:
            return OVER
        is_taken = stands is None and await is_claimed(connection, name, given.claimed)
        if is_taken or not _fits(stands, peer, asked.service, decided):
            return Hit.ALREADY_CLAIMED.value
        if stands is not None and stands.service != asked.service:
            await free(connection, name)
        met = await mark(connection, name, given.claimed)
        refusing = next((each.hit for each in met if each.hit.refuses), None)
        if refusing is not None:
            if stands is not None:
                freed = replace(stands.standing, state=GrantState.FREED)
                await kept_grants.change(connection, name, freed)
            return refusing.value
        if decided is Granting.GIVE:
            grant = KeptGrant(
                name, GrantStanding(asked.attempt), peer, asked.service, given.commitment
            )
            await kept_grants.keep(connection, grant, self.clock(), GRANT_S)
        return met

    async def hear(self, peer: str, told: ClaimTold) -> dict[str, Any]:
        """Take over what the home of a voucher says of a claim.

        The answer says whether this hub knows the grant, and whether the record stands as it was
        granted: what was corrected meanwhile names its new commitment.
        """
        async with self.database.writes.transaction() as connection:
            stands = await kept_grants.held(connection, told.name)
            if stands is None or stands.source != peer:
                # Nothing to free; what was consumed is heard before the next grant (`hearing`).
                return {"known": told.word is not ClaimWord.CONSUMED}
            await self._follow(connection, stands, told.attempt, told.word)
        return {"known": True, "grantedFor": stands.commitment}

    async def look(self) -> int:
        """Ask what became of grants of which nothing was heard for long; return how many moved."""
        now, moved, silent = self.clock(), 0, set[str]()
        async with self.database.writes.connection() as connection:
            waiting = await kept_grants.due(connection, now, CLAIMS_LOOKED_MAX)
        for grant in waiting:
            if grant.source in silent:
                continue
            try:
                word = await self._word_on(grant)
            except (PeerSilentError, PeerNotFoundError, ValueError) as error:
                _LOG.warning("claims: a grant stays until its home says more: %s", error)
                silent.add(grant.source)
                word = ClaimWord.PENDING
            async with self.database.writes.transaction() as connection:
                stands = await kept_grants.held(connection, grant.name)
                if stands is not None:
                    await self._follow(connection, stands, grant.standing.attempt, word)
                await kept_grants.ask_later(connection, grant, now)
            moved += word is not ClaimWord.PENDING
        async with self.database.writes.transaction() as connection:
            await kept_grants.forget_old(connection, now)
        return moved

    async def _word_on(self, grant: KeptGrant) -> ClaimWord:
        content = claim_wire(grant.name, attempt=grant.standing.attempt)
        said = await self.ring.ask(grant.source, ErrandKind.OUTCOME, content)
        return ClaimWord(str(said.get("word")))

    async def _follow(
        self, connection: Connection, stands: KeptGrant, attempt: str, word: ClaimWord
    ) -> None:
        after = on_word(stands.standing, attempt, word)
        if after == stands.standing:
            return
        await kept_grants.change(connection, stands.name, after)
        if not after.is_live:
            await free(connection, stands.name)

    async def _seen(self, asked: AskedGrant) -> GivenService:
        """Return what this hub knows of a service of its own, for who may be told."""
        if await self.ring.home_of(asked.service) is not None:
            raise RefusedError(
                ErrorCode.HOME_ELSEWHERE,
                hint="The service is stated at another hub: ask that one.",
                hint_zh="该服务记录的归属枢纽为他处，请向该枢纽询问。",
            )
        given = await self.services.given(asked.service, asked.wanted, asked.holder)
        await self._check_sight(asked.party, given)
        return given

    async def _check_sight(self, party: str, given: GivenService) -> None:
        """Refuse who neither gave the service nor may see its record."""
        wire = {camel("user_key"): given.user}
        subject = Subject(owner=given.owner, issuer=given.issuer, wire=wire)
        rule = self.database.records.registry[SERVICE].rows
        if party != given.owner and not holds(rule, subject, await self.agreements.of(party)):
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                hint="service: the key of a service record that its provider asks for",
                hint_zh="service：须由服务机构提出",
            )


def _fits(stands: KeptGrant | None, peer: str, service: str, decided: Granting) -> bool:
    """Whether a question is about what was granted: a claim is kept at one hub."""
    if stands is None or not stands.standing.is_live:
        return True
    is_same = stands.service == service
    return stands.source == peer and (is_same or decided is Granting.GIVE)

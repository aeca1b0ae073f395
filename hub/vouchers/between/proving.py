"""`proving`: a service of another hub, as the attestation of a claim on it needs it.

- The hub that granted it is asked once, for what it knows by now and for the proof of the revision
  of which it says that.
- The proof is verified by the log that the operator of this hub pinned (`[hub] policy`), before
  anything is signed. Where none is pinned nobody is asked.
- A hub that does not answer is missing (`peer`); nothing is concluded from that.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

from hub.audit.rows import AuditKind, AuditRow
from hub.audit.service import Audit
from hub.harvest.connections.trusted_log import TrustedLog
from hub.ledger.attestation import SERVICE, ServiceLog
from hub.ledger.verdict import RefusedVerdictError, Word
from hub.policy.bounds import Missing
from hub.store.database import Database
from hub.store.fair import Asker, FairQueue, Shares
from hub.vouchers.answers import not_there
from hub.vouchers.attested.attestation_told import NotAttested
from hub.vouchers.between import shared
from hub.vouchers.between.home_answers import ask_home
from hub.vouchers.between.ring import (
    PEER,
    ClaimRing,
    ErrandKind,
    PeerNotFoundError,
    PeerSilentError,
)
from hub.vouchers.between.service_proof import ServiceProof, proof_from_wire
from hub.vouchers.between.shared import SharedClaim
from hub.vouchers.limits import (
    PROOFS_ASKED_AT_ONCE,
    PROOFS_ASKED_OF_ONE,
    PROOFS_ASKED_WAITING,
    SHARED_TURN_S,
)
from hub.vouchers.marks import ClaimName
from hub.vouchers.question import GivenService
from schema.dates import local_date

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProvedService:
    """What an attestation says of a service, and the proof that a log holds that revision."""

    instrument: str
    ended_on: date
    """Day of Shanghai."""
    log: ServiceLog
    commitment: bytes
    proof: ServiceProof


@dataclass(frozen=True, slots=True)
class ServiceAbroad:
    """What the home of a service says of it, and whether its log proves that."""

    given: GivenService
    proved: ProvedService | NotAttested | Missing


class ServicesAbroad:
    """Asks the homes of services. `origin`: the name of this hub's log."""

    def __init__(self, database: Database, ring: ClaimRing, audit: Audit, origin: str) -> None:
        self._database, self._ring, self._audit, self._origin = database, ring, audit, origin
        shares = Shares(client_runs=PROOFS_ASKED_OF_ONE, client_waits=PROOFS_ASKED_WAITING)
        self._turns = FairQueue(PROOFS_ASKED_AT_ONCE, shares, SHARED_TURN_S)

    async def claim_of(self, name: ClaimName) -> SharedClaim | None:
        """Return a claim, if another hub is the home of what it paid for."""
        async with self._database.writes.transaction() as connection:
            return await shared.consumed_abroad(connection, name)

    async def ask(
        self, claim: SharedClaim, holder: str, party: str, client: str
    ) -> ServiceAbroad | NotAttested | Missing:
        """Return a service with its proof, or why nothing is known of it now.

        `holder`: of the voucher; `party`, `client`: for whom it is asked. `RefusedError` NOT_FOUND
        for a service that was withdrawn.
        """
        source = claim.source
        assert source is not None, "only a claim on a service of another hub has it asked"
        log = await self._ring.log_of(source)
        if log is None:
            return NotAttested.LOG_NOT_PINNED
        try:
            async with self._turns.turn(Asker(client)):
                await self._note(claim, party, client)
                asked = claim.asked(holder, party, client)
                said = await ask_home(self._ring, source, ErrandKind.PROOF, asked)
            answered = said.answered
            if answered.given is None:
                return answered.missing or Missing(PEER, source)
            proof = proof_from_wire(said.told.get("proof"))
            proved = self._proved(source, log, answered.given, proof)
        except PeerSilentError as silent:
            return Missing(PEER, silent.source)
        except PeerNotFoundError as error:
            raise not_there() from error
        except ValueError as error:
            _LOG.warning("claims: %s answers in another form: %s", source, error)
            return Missing(PEER, source)
        return ServiceAbroad(answered.given, proved)

    def _proved(
        self, source: str, log: TrustedLog, given: GivenService, proof: ServiceProof | None
    ) -> ProvedService | NotAttested | Missing:
        """Verify a proof by the pinned log, as one of the revision that the facts are of."""
        if proof is None:
            return NotAttested.NOT_IN_LOG
        try:
            found = log.leaf(proof.text)
        except RefusedVerdictError as refusal:
            _LOG.warning("claims: %s proves no service: %s", source, refusal.detail)
            is_late = refusal.word is Word.NO_QUORUM
            return NotAttested.NOT_IN_LOG if is_late else NotAttested.SERVICE_UNPROVED
        leaf = found.leaf
        is_it = (leaf.record_type, leaf.salted_hash.hex()) == (SERVICE, given.commitment)
        if not is_it or found.origin == self._origin:
            _LOG.warning("claims: %s proves another record than it tells of", source)
            return NotAttested.SERVICE_UNPROVED
        ended_at = given.told.ended_at
        if isinstance(ended_at, Missing):
            return ended_at
        return ProvedService(
            instrument=given.instrument,
            ended_on=local_date(ended_at),
            log=ServiceLog(found.origin, found.log_size),
            commitment=leaf.salted_hash,
            proof=proof,
        )

    async def _note(self, claim: SharedClaim, party: str, client: str) -> None:
        """Write down what is asked of another hub, and for whom."""
        await self._audit.act(
            AuditRow(
                at=self._audit.clock(),
                kind=AuditKind.RELAY,
                action="claim proof asked",
                request_id=claim.standing.attempt,
                client_id=client,
                party=party,
                detail={"claim": claim.name.text, "hub": claim.source},
            )
        )

"""`road`: how a claim is consumed that other hubs have a say in.

1. It is PENDING in `shared_claim`, committed before anybody is asked.
2. The home of the service grants it, or refuses (`granting`); this hub checks what it says
   by its own law and keeps the marks.
3. Every other hub of the ring is asked for the marks, keyed (`fingerprinting`).
4. The money moves, in one transaction under the lock of the voucher, if the claim is still pending
   and not beaten. Then the home of the service is told.

A hub that does not answer leaves the claim as it is: the answer is UNKNOWN for want of that peer,
and it is asked again (`keeping`). Nothing goes on because time has passed. Each step
may be done twice, by whichever worker: what was written down says how far the claim is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from secrets import token_hex

from hub.audit.rows import AuditKind, AuditRow
from hub.audit.service import Audit
from hub.errors import RefusedError
from hub.policy.bounds import Missing
from hub.policy.vouchers.fingerprints import Hit
from hub.policy.vouchers.grants import (
    SharedStanding,
    SharedState,
    takes_grant,
    word_on,
)
from hub.policy.vouchers.messages import VoucherMoved, VoucherRefusal, answer
from hub.store.copying import Connection
from hub.store.fair import Asker, FairQueue, Shares
from hub.vouchers.answers import (
    moved,
    no_service,
    not_moved,
    not_there,
    problem_of,
    said_of,
    shown,
)
from hub.vouchers.between import shared
from hub.vouchers.between.abroad import GrantAnswer
from hub.vouchers.between.errand_wire import claim_wire
from hub.vouchers.between.fingerprinting import ClaimFingerprints, Fingerprint
from hub.vouchers.between.hearing import PeerHearing
from hub.vouchers.between.home_answers import ask_home
from hub.vouchers.between.lost_claims import LostClaims
from hub.vouchers.between.ring import (
    PEER,
    ClaimRing,
    ErrandKind,
    PeerNotFoundError,
    PeerSilentError,
)
from hub.vouchers.between.settling import SettlingAbroad
from hub.vouchers.between.shared import SharedClaim
from hub.vouchers.limits import (
    ATTEMPT_BYTES,
    CLAIMS_SHARED_AT_ONCE,
    CLAIMS_SHARED_OF_ONE,
    CLAIMS_SHARED_WAITING,
    SHARED_TURN_S,
)
from hub.vouchers.marks import Met, free, is_claimed, kept_marks, mark, marks_of
from hub.vouchers.money.ledger import locked
from hub.vouchers.question import (
    GivenService,
    VoucherAsking,
    VoucherCase,
    VoucherTold,
    VoucherWanted,
)
from hub.vouchers.service import VoucherDesk
from schema.codes import VoucherEvent


class ClaimRoad:
    """Takes claims that other hubs have a say in. `origin`: the name of this hub's log."""

    def __init__(
        self, desk: VoucherDesk, ring: ClaimRing, prints: ClaimFingerprints, audit: Audit
    ) -> None:
        self.desk, self.ring, self.prints, self._audit = desk, ring, prints, audit
        shares = Shares(client_runs=CLAIMS_SHARED_OF_ONE, client_waits=CLAIMS_SHARED_WAITING)
        self._turns = FairQueue(CLAIMS_SHARED_AT_ONCE, shares, SHARED_TURN_S)
        """Who waits for another hub holds no connection, and keeps nobody from moving money."""
        self._settling = SettlingAbroad(desk, ring, self.note)
        self.hearing = PeerHearing(desk.database, ring, desk.issuers, audit, desk.clock)
        self.lost = LostClaims(desk, self.hearing, audit)

    async def is_needed(self, wanted: VoucherWanted) -> bool:
        """Whether a message is one that other hubs have a say in."""
        if wanted.event is VoucherEvent.SETTLE:
            return await self._settling.claim_of(wanted) is not None
        if wanted.event is not VoucherEvent.CONSUME or wanted.service is None:
            return await self.lost.is_lifted_by(wanted)
        has_peers = bool(self.prints.keys.path) or bool(await self.ring.peers())
        return has_peers or await self.ring.home_of(wanted.service) is not None

    async def take(self, asking: VoucherAsking, wanted: VoucherWanted) -> VoucherTold:
        """Consume, or go on where a former try of the same claim stopped; settle, or lift a stop.

        Raises what `VoucherDesk.take` raises.
        """
        async with self._turns.turn(Asker(asking.client)):
            if wanted.event is VoucherEvent.SETTLE:
                return await self._settling.take(asking, wanted)
            if wanted.event is not VoucherEvent.CONSUME:
                return await self.lost.lift(asking, wanted)
            begun = await self._begin(asking, wanted)
            return begun if isinstance(begun, VoucherTold) else await self.go_on(begun)

    async def go_on(self, claim: SharedClaim) -> VoucherTold:
        """Bring a pending claim to its end, as far as the other hubs answer."""
        try:
            if claim.given is None:
                granted = await self._granted(claim)
                if isinstance(granted, VoucherTold):
                    return granted
                kept = await self._keep(claim, granted)
                if isinstance(kept, VoucherTold):
                    return kept
                claim = kept
            hits = await self._asked_everywhere(claim)
        except PeerSilentError as silent:
            return VoucherTold(claim_no=claim.name.claim_no, missing=Missing(PEER, silent.source))
        if Hit.INVOICE_CLAIMED in hits:
            return await self._dropped(
                claim, VoucherTold(claim_no=claim.name.claim_no, refused=Hit.INVOICE_CLAIMED)
            )
        return await self._consume(claim, hits)

    async def tell(self, claim: SharedClaim) -> bool:
        """Tell the home of a service how a claim stands; whether it knows now."""
        if claim.source is None:
            return True
        standing = claim.standing
        word = word_on(standing, standing.attempt)
        content = claim_wire(claim.name, attempt=standing.attempt, word=word.value)
        try:
            said = await self.ring.ask(claim.source, ErrandKind.WORD, content)
        except (PeerSilentError, PeerNotFoundError):
            return False
        if said.get("known") is not True:
            return False
        async with self.desk.database.writes.transaction() as connection:
            await shared.was_told(connection, claim)
        return True

    async def _begin(
        self, asking: VoucherAsking, wanted: VoucherWanted
    ) -> SharedClaim | VoucherTold:
        """Write the claim down as pending; the answer at once where nobody need be asked."""
        if wanted.service is None:
            raise no_service()
        home = await self.ring.home_of(wanted.service)
        await self.prints.bring_up()
        async with locked(self.desk.database, wanted.issuer, wanted.code) as connection:
            case = await self.desk.begin_abroad(connection, asking, wanted)
            if isinstance(case, VoucherTold):
                return case
            stands = await shared.held(connection, wanted.name)
            if stands is not None and stands.standing.state is SharedState.PENDING:
                is_same = (stands.service, stands.fen) == (wanted.service, wanted.fen)
                if not is_same:
                    return VoucherTold(
                        claim_no=wanted.claim_no, refused=VoucherRefusal.CLAIM_PENDING
                    )
                return stands
            if home is None and await self._is_taken_here(connection, case):
                told = VoucherTold(claim_no=wanted.claim_no, refused=Hit.ALREADY_CLAIMED)
                return shown(case, told)
            claim = SharedClaim(
                name=wanted.name,
                standing=SharedStanding(token_hex(ATTEMPT_BYTES)),
                service=wanted.service,
                source=home,
                fen=wanted.fen,
                order_no=wanted.order_no,
                asking=asking,
            )
            await shared.begin(connection, claim, self.desk.clock())
        return claim

    async def _is_taken_here(self, connection: Connection, case: VoucherCase) -> bool:
        """Whether a service of this hub has a claim already: then nobody need be asked."""
        wanted, holder = case.wanted, case.voucher.granted.holder
        given = await self.desk.checks.given(wanted.service or "", wanted, holder)
        if isinstance(given.claimed, Missing):
            return False
        return await is_claimed(connection, wanted.name, given.claimed)

    async def _granted(self, claim: SharedClaim) -> GrantAnswer | VoucherTold:
        """Ask the home of the service for it."""
        said = VoucherTold(claim_no=claim.name.claim_no)
        holder = await self._holder(claim)
        if claim.source is None:
            try:
                given = await self.desk.checks.given(claim.service, claim.wanted, holder)
            except RefusedError:
                await self._refused(claim, said)
                raise
            return GrantAnswer(given=given)
        asked = claim.asked(holder, claim.asking.party, claim.asking.client)
        await self.note(claim, "claim grant asked", {"hub": claim.source})
        try:
            answered = (await ask_home(self.ring, claim.source, ErrandKind.GRANT, asked)).answered
        except PeerNotFoundError as error:
            await self._refused(claim, said)
            raise not_there() from error
        if answered.is_over:
            await self._renew(claim)
            raise PeerSilentError(claim.source, "asks for a new attempt")
        if answered.missing is not None and answered.missing.fact == PEER:
            raise PeerSilentError(claim.source, f"waits for {answered.missing.reason}")
        if answered.given is None:
            said = replace(said, refused=answered.refused, missing=answered.missing)
            return await self._refused(claim, said)
        return answered

    async def _renew(self, claim: SharedClaim) -> None:
        """Begin another attempt in place of one that the home of the service holds for over."""
        async with self.desk.database.writes.transaction() as connection:
            stands = await shared.held(connection, claim.name)
            if _waits(stands, claim):
                renewed = replace(claim, standing=SharedStanding(token_hex(ATTEMPT_BYTES)))
                await shared.begin(connection, renewed, self.desk.clock())

    async def _keep(self, claim: SharedClaim, granted: GrantAnswer) -> SharedClaim | VoucherTold:
        """Check what the home of the service said and keep the marks, before others are asked."""
        name, given = claim.name, granted.given
        assert given is not None, "what is refused is not kept"
        async with locked(self.desk.database, name.issuer, name.code) as connection:
            stands = await shared.held(connection, name)
            if not _waits(stands, claim):
                return await self._as_it_stands(connection, claim)
            assert stands is not None
            if stands.given is not None:  # another worker was first
                return stands
            case = await self._checked(connection, claim, given)
            said = said_of(case)
            problem: Missing | VoucherRefusal | Hit | None = problem_of(case.checked)
            met: tuple[Met, ...] = ()
            if problem is None:
                assert case.checked is not None
                assert not isinstance(case.checked.claimed, Missing)
                met = await mark(connection, name, case.checked.claimed)
                problem = next((each.hit for each in met if each.hit.refuses), None)
            if problem is not None:
                await self._drop(connection, claim)
                lacking = problem if isinstance(problem, Missing) else None
                code = None if isinstance(problem, Missing) else problem
                return shown(case, replace(said, met=met, missing=lacking, refused=code))
            assert case.checked is not None
            assert not isinstance(case.checked.claimed, Missing)
            await self.prints.keep(connection, name, marks_of(case.checked.claimed))
            holds = dict.fromkeys((*granted.holds, *(each.hit.value for each in met)))
            await shared.keep_given(connection, name, given, tuple(holds))
        return replace(claim, given=given, holds=tuple(holds))

    async def _asked_everywhere(self, claim: SharedClaim) -> frozenset[Hit]:
        """Ask every hub but the service's home for the marks; `PeerSilentError` if one fails."""
        assert claim.given is not None
        others = [each for each in await self.ring.peers() if each != claim.source]
        if not others:
            return frozenset()
        prints = self.prints.of(await self._marks(claim))
        if not prints:
            raise PeerSilentError(others[0], "this hub has no claim keys (HUB_CLAIM_KEYS_FILE)")
        answers = await asyncio.gather(
            *(self._asked(each, claim, prints) for each in others), return_exceptions=True
        )
        for each in answers:
            if isinstance(each, BaseException):
                raise each
        found = {kind for each in answers if not isinstance(each, BaseException) for kind in each}
        hits = {"F1": Hit.SAME_SERVICE, "F2": Hit.INVOICE_CLAIMED}
        return frozenset(hits[kind] for kind in found)

    async def _asked(
        self, peer: str, claim: SharedClaim, prints: Sequence[Fingerprint]
    ) -> frozenset[str]:
        wire = [{"year": each.year, "kind": each.kind, "value": each.value} for each in prints]
        content = claim_wire(claim.name, origin=self.prints.origin, fingerprints=wire)
        said = await self.ring.ask(peer, ErrandKind.FINGERPRINTS, content)
        hits = said.get("hits")
        if not isinstance(hits, list) or not {"F1", "F2"}.issuperset(hits):
            raise PeerSilentError(peer, f"compares no fingerprints: {said.get('missing')}")
        await self.note(claim, "claim fingerprints asked", {"hub": peer, "hits": hits})
        return frozenset(hits)

    async def _consume(self, claim: SharedClaim, hits: frozenset[Hit]) -> VoucherTold:
        """Move the money, if nothing has come between."""
        name = claim.name
        async with locked(self.desk.database, name.issuer, name.code) as connection:
            stands = await shared.held(connection, name)
            if stands is None or not _waits(stands, claim):
                return await self._as_it_stands(connection, claim)
            assert stands.given is not None, "others are asked about what was granted"
            case = await self._checked(connection, claim, stands.given)
            said = said_of(case)
            if not stands.standing.may_consume:
                await self._drop(connection, claim)
                return shown(case, replace(said, refused=Hit.INVOICE_CLAIMED))
            holds = [Met(Hit(each), None) for each in stands.holds]
            holds += [Met(each, None) for each in sorted(hits)]
            told = answer(case.standing, self.desk.message(case, holds))
            if not isinstance(told, VoucherMoved):
                await self._drop(connection, claim)
                return shown(case, not_moved(said, told))
            await self.desk.write(connection, case, told)
            if claim.source is None:
                await shared.forget(connection, name)
            else:
                await shared.change(connection, name, SharedState.CONSUMED, is_told=False)
        consumed = replace(claim.standing, state=SharedState.CONSUMED)
        await self.tell(replace(claim, standing=consumed))
        return shown(case, moved(replace(said, met=tuple(holds)), told))

    async def _as_it_stands(self, connection: Connection, claim: SharedClaim) -> VoucherTold:
        """Return what has become of a claim that somebody else has brought to an end."""
        begun = await self.desk.begin(connection, claim.asking, claim.wanted, is_whole=False)
        if isinstance(begun, VoucherTold):
            return begun
        stands = begun.standing.claims.get(claim.name.claim_no)
        state = None if stands is None else stands.state
        return VoucherTold(claim_no=claim.name.claim_no, state=state, replayed=True)

    async def _refused(self, claim: SharedClaim, said: VoucherTold) -> VoucherTold:
        """Forget a claim that the home of the service did not grant, and return why.

        Where another worker has been granted it meanwhile, that one goes on.
        """
        async with self.desk.database.writes.transaction() as connection:
            is_over = await shared.forget_ungranted(connection, claim)
        return said if is_over else replace(said, refused=None, missing=Missing(PEER, "another"))

    async def _dropped(self, claim: SharedClaim, said: VoucherTold) -> VoucherTold:
        """Give a claim up, and return the answer that says why."""
        async with locked(self.desk.database, claim.name.issuer, claim.name.code) as connection:
            stands = await shared.held(connection, claim.name)
            if _waits(stands, claim):
                await self._drop(connection, claim)
        return said

    async def _drop(self, connection: Connection, claim: SharedClaim) -> None:
        """Give a claim up in a transaction: its marks go, its attempt is over for good."""
        await free(connection, claim.name)
        if claim.source is None:
            await shared.forget(connection, claim.name)
        else:
            await shared.change(connection, claim.name, SharedState.FREED, is_told=False)

    async def _checked(
        self, connection: Connection, claim: SharedClaim, given: GivenService
    ) -> VoucherCase:
        case, _ = await self.desk.case_of_claim(connection, claim.asking, claim.wanted)
        checked = await self.desk.checks.checked(given, claim.wanted, case.voucher, case.standing)
        return replace(case, checked=checked)

    async def _holder(self, claim: SharedClaim) -> str:
        async with self.desk.database.writes.connection() as connection:
            case, _ = await self.desk.case_of_claim(connection, claim.asking, claim.wanted)
        return case.voucher.granted.holder

    async def _marks(self, claim: SharedClaim) -> list[tuple[str, bytes]]:
        async with self.desk.database.writes.connection() as connection:
            return [(each.kind, each.mark) for each in await kept_marks(connection, claim.name)]

    async def note(self, claim: SharedClaim, action: str, detail: dict[str, object]) -> None:
        """Write down what is asked of another hub, and for whom."""
        await self._audit.act(
            AuditRow(
                at=self.desk.clock(),
                kind=AuditKind.RELAY,
                action=action,
                request_id=claim.standing.attempt,
                client_id=claim.asking.client,
                party=claim.asking.party,
                detail={"claim": claim.name.text, **detail},
            )
        )


def _waits(stands: SharedClaim | None, claim: SharedClaim) -> bool:
    """Whether a claim still waits, in the attempt that is worked on."""
    return stands is not None and takes_grant(stands.standing, claim.standing.attempt)

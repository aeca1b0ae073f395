"""`granting`: the home of a service decides which claim on another hub's voucher may have it.

- One claim at a time: the mark F0 of the record is a unique index, and claims of this hub's own
  vouchers hold the same marks. Whoever asks again gets the same answer.
- What the service is known by and what the checks need is told, with the commitment of the revision
  that it was granted for; the verdict is that of the voucher's home.
- A grant of which nothing more is heard is asked about, and freed when the voucher's home says that
  it was not consumed. Until it says so the service stays granted.
- A database that was restored, or a hub that is new in the ring, grants nothing before every peer
  has told which services of this hub its vouchers paid for.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import dict_row

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
from hub.store.epoch import horizon
from hub.vouchers.abroad import OVER, given_to_wire
from hub.vouchers.errand_wire import (
    AskedGrant,
    ClaimTold,
    claim_wire,
    marks_from_wire,
    name_of,
)
from hub.vouchers.limits import (
    CLAIMS_LOOKED_MAX,
    CLAIMS_OF_PEER_MAX,
    CLAIMS_PAGE,
    GRANT_AGAIN_S,
    GRANT_S,
    GRANTS_KEPT_DAYS,
)
from hub.vouchers.marks import ClaimName, Met, free, is_claimed, mark, put_back
from hub.vouchers.question import GivenService, ServiceChecks
from hub.vouchers.ring import ClaimRing, ErrandKind, PeerNotFoundError, PeerSilentError
from hub.vouchers.service_proof import ServiceProof, proof_of, proof_to_wire
from schema.item import camel

SERVICE = "ServiceRecord"
_LOG = logging.getLogger(__name__)
_NAME = "issuer = %s AND code = %s AND claim_no = %s"
_OF = f"SELECT * FROM service_grant WHERE {_NAME} FOR UPDATE"  # noqa: S608 - own names
_KEEP = b"""
INSERT INTO service_grant (issuer, code, claim_no, attempt, state, source, service, commitment,
  granted_at, ask_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (issuer, code, claim_no) DO UPDATE SET attempt = EXCLUDED.attempt,
  state = EXCLUDED.state, source = EXCLUDED.source, service = EXCLUDED.service,
  commitment = EXCLUDED.commitment, granted_at = EXCLUDED.granted_at, ask_at = EXCLUDED.ask_at"""
_STATE = f"UPDATE service_grant SET state = %s WHERE {_NAME}"  # noqa: S608 - own names
_DUE = """
SELECT * FROM service_grant WHERE state = 'GRANTED' AND ask_at < %s ORDER BY ask_at LIMIT %s"""
_ASK_LATER = f"UPDATE service_grant SET ask_at = %s WHERE {_NAME} AND attempt = %s"  # noqa: S608 - own names
_OLD = b"DELETE FROM service_grant WHERE state = 'FREED' AND ask_at < %s"
_HEARD = b"""
INSERT INTO claim_peer (source, epoch, heard_at) VALUES (%s, %s, %s)
ON CONFLICT (source) DO UPDATE SET epoch = EXCLUDED.epoch, heard_at = EXCLUDED.heard_at"""


@dataclass(frozen=True, slots=True)
class KeptGrant:
    """A grant as it is kept. `source`: the peer that is the home of the voucher."""

    name: ClaimName
    standing: GrantStanding
    source: str
    service: str
    commitment: str | None


@dataclass(frozen=True, slots=True)
class GrantDesk:
    """Grants services of this hub to claims of other hubs."""

    database: Database
    services: ServiceChecks
    agreements: Agreements
    ring: ClaimRing
    clock: Clock

    async def grant(self, peer: str, asked: AskedGrant) -> dict[str, Any]:
        """Answer a question for a grant.

        `RefusedError` NOT_FOUND for a service that is not there, or that neither its provider asks
        for nor somebody who may see it; HOME_ELSEWHERE for one of another hub.
        """
        if (silent := await self.unheard()) is not None:
            return {"missing": {"fact": "peer", "reason": silent}}
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
        if (silent := await self.unheard()) is not None:
            return {"missing": {"fact": "peer", "reason": silent}}
        async with self.database.writes.transaction() as connection:
            stands = await _held(connection, asked.name)
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
        stands = await _held(connection, name)
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
                await connection.execute(_STATE.encode(), (GrantState.FREED.value, *_key(name)))
            return refusing.value
        if decided is Granting.GIVE:
            grant = KeptGrant(
                name, GrantStanding(asked.attempt), peer, asked.service, given.commitment
            )
            await _keep(connection, grant, self.clock(), timedelta(seconds=GRANT_S))
        return met

    async def hear(self, peer: str, told: ClaimTold) -> dict[str, Any]:
        """Take over what the home of a voucher says of a claim.

        The answer says whether this hub knows the grant, and whether the record stands as it was
        granted: what was corrected meanwhile names its new commitment.
        """
        async with self.database.writes.transaction() as connection:
            stands = await _held(connection, told.name)
            if stands is None or stands.source != peer:
                # Nothing to free; what was consumed is heard before the next grant (`unheard`).
                return {"known": told.word is not ClaimWord.CONSUMED}
            await self._follow(connection, stands, told.attempt, told.word)
        return {"known": True, "grantedFor": stands.commitment}

    async def unheard(self) -> str | None:
        """Hear every peer that was not heard since this database began; return who is silent."""
        epoch = (await horizon(self.database)).epoch
        rows = await self.database.writes.fetch_all(
            "SELECT source FROM claim_peer WHERE epoch = %s", (epoch,)
        )
        heard = {source for (source,) in rows}
        for peer in await self.ring.peers():
            if peer not in heard:
                try:
                    await self._hear_all(peer, epoch)
                except (PeerSilentError, PeerNotFoundError, ValueError) as error:
                    _LOG.warning("claims: %s is not heard yet: %s", peer, error)
                    return peer
        return None

    async def look(self) -> int:
        """Ask what became of grants of which nothing was heard for long; return how many moved."""
        now, moved, silent = self.clock(), 0, set[str]()
        rows = await self._rows(_DUE, (now, CLAIMS_LOOKED_MAX))
        for grant in map(_read, rows):
            if grant.source in silent:
                continue
            try:
                word = await self._word_on(grant)
            except (PeerSilentError, PeerNotFoundError, ValueError) as error:
                _LOG.warning("claims: a grant stays until its home says more: %s", error)
                silent.add(grant.source)
                word = ClaimWord.PENDING
            async with self.database.writes.transaction() as connection:
                stands = await _held(connection, grant.name)
                if stands is not None:
                    await self._follow(connection, stands, grant.standing.attempt, word)
                later = now + timedelta(seconds=GRANT_AGAIN_S)
                values = (later, *_key(grant.name), grant.standing.attempt)
                await connection.execute(_ASK_LATER.encode(), values)
            moved += word is not ClaimWord.PENDING
        async with self.database.writes.transaction() as connection:
            await connection.execute(_OLD, (now - timedelta(days=GRANTS_KEPT_DAYS),))
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
        values = (after.state.value, *_key(stands.name))
        await connection.execute(_STATE.encode(), values)
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

    async def _hear_all(self, peer: str, epoch: str) -> None:
        """Take over every claim that a peer keeps on services of this hub."""
        after = ClaimName("", "", "")
        for _ in range(CLAIMS_OF_PEER_MAX // CLAIMS_PAGE):
            said = await self.ring.ask(peer, ErrandKind.CLAIMS, claim_wire(after))
            claims = said["claims"] if isinstance(said.get("claims"), list) else None
            if claims is None or len(claims) > CLAIMS_PAGE:
                raise ValueError(f"{peer} tells no list of claims")
            for each in claims:
                await self._put_back(peer, each)
                after = name_of(each)
            if len(claims) < CLAIMS_PAGE:
                break
        async with self.database.writes.transaction() as connection:
            await connection.execute(_HEARD, (peer, epoch, self.clock()))

    async def _put_back(self, peer: str, wire: Any) -> None:
        """Put a grant back that this database does not hold."""
        name, marks = name_of(wire), marks_from_wire(wire)
        state, attempt, service = GrantState(wire["state"]), str(wire["attempt"]), wire["service"]
        async with self.database.writes.transaction() as connection:
            stands = await _held(connection, name)
            if stands is not None and stands.standing.state is GrantState.CONSUMED:
                return
            for other in await put_back(connection, name, marks):
                _LOG.error("claims: %s and %s hold one service or invoice", name.text, other.text)
            grant = KeptGrant(name, GrantStanding(attempt, state), peer, str(service), None)
            await _keep(connection, grant, self.clock(), timedelta(seconds=GRANT_AGAIN_S))

    async def _rows(self, statement: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        async with (
            self.database.writes.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(statement.encode(), values)
            return list(await cursor.fetchall())


def _fits(stands: KeptGrant | None, peer: str, service: str, decided: Granting) -> bool:
    """Whether a question is about what was granted: a claim is kept at one hub."""
    if stands is None or not stands.standing.is_live:
        return True
    is_same = stands.service == service
    return stands.source == peer and (is_same or decided is Granting.GIVE)


async def _held(connection: Connection, name: ClaimName) -> KeptGrant | None:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_OF.encode(), _key(name))
        row = await cursor.fetchone()
    return None if row is None else _read(row)


async def _keep(connection: Connection, grant: KeptGrant, now: datetime, term: timedelta) -> None:
    values = (
        *_key(grant.name),
        *(grant.standing.attempt, grant.standing.state.value, grant.source, grant.service),
        *(grant.commitment, now, now + term),
    )
    await connection.execute(_KEEP, values)


def _read(row: dict[str, Any]) -> KeptGrant:
    return KeptGrant(
        name=ClaimName(row["issuer"], row["code"], row["claim_no"]),
        standing=GrantStanding(row["attempt"], GrantState(row["state"])),
        source=row["source"],
        service=row["service"],
        commitment=row["commitment"],
    )


def _key(name: ClaimName) -> tuple[str, str, str]:
    return name.issuer, name.code, name.claim_no

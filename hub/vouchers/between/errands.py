"""`errands`: what this hub answers to another one about claims, and what it notes of that.

Who asks is told about its own claims and grants, and otherwise hit or no hit. Each answer is in the
audit, with the claim and without what it is about.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.audit.rows import AuditKind, AuditRow
from hub.audit.service import Audit
from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError
from hub.policy.vouchers.grants import ClaimWord, SharedState, word_on
from hub.store.database import Database
from hub.vouchers.between import shared
from hub.vouchers.between.errand_wire import (
    AskedGrant,
    claim_wire,
    fingerprints_from_wire,
    grant_from_wire,
    issuers_from_wire,
    marks_to_wire,
    name_of,
    told_from_wire,
)
from hub.vouchers.between.fingerprinting import ClaimFingerprints, Fingerprint
from hub.vouchers.between.granting import GrantDesk
from hub.vouchers.between.kept_grants import live_after
from hub.vouchers.between.lost_claims import LostClaims
from hub.vouchers.between.ring import ClaimRing, ErrandKind
from hub.vouchers.limits import CLAIMS_PAGE
from hub.vouchers.marks import kept_marks


@dataclass(frozen=True, slots=True)
class ClaimErrands:
    """Answers the hubs of the ring."""

    database: Database
    ring: ClaimRing
    grants: GrantDesk
    prints: ClaimFingerprints
    lost: LostClaims
    audit: Audit
    clock: Clock

    async def answer(
        self, client: str, kind: ErrandKind, content: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Answer a question of a client that is a hub.

        `RefusedError` FORBIDDEN for one that is not of the ring, BAD_USER_INPUT for another form,
        and what `GrantDesk.grant` raises.
        """
        peer = await self.ring.peer_of(client)
        if peer is None:
            raise RefusedError(
                ErrorCode.FORBIDDEN,
                hint="No source of this hub asks as that client (asks_as in its file).",
                hint_zh="本枢纽未与该客户端共享申兑，见来源文件的 asks_as。",
            )
        handlers: Mapping[ErrandKind, Callable[[str, Any], Awaitable[dict[str, Any]]]] = {
            ErrandKind.GRANT: self._grant,
            ErrandKind.FINGERPRINTS: self._compare,
            ErrandKind.WORD: self._hear,
            ErrandKind.OUTCOME: self._outcome,
            ErrandKind.FACTS: self._facts,
            ErrandKind.LOOK: self._look,
            ErrandKind.PROOF: self._proof,
            ErrandKind.CLAIMS: self._claims,
            ErrandKind.GRANTS: self._grants,
        }
        try:
            return await handlers[kind](peer, content)
        except ValueError as error:
            raise RefusedError(
                ErrorCode.BAD_USER_INPUT, hint=f"content: {error}", hint_zh=f"content：{error}"
            ) from error

    async def _grant(self, peer: str, content: Any) -> dict[str, Any]:
        asked = grant_from_wire(content)
        told = await self.grants.grant(peer, asked)
        said = told.get("refused") or ("UNKNOWN" if "missing" in told else "GRANTED")
        await self._note(
            peer,
            "claim grant answered",
            asked.name.text,
            {"answer": said, "for": _asker(asked)},
        )
        return told

    async def _facts(self, peer: str, content: Any) -> dict[str, Any]:
        asked = grant_from_wire(content)
        told = await self.grants.facts(peer, asked)
        said = "UNKNOWN" if "missing" in told else "TOLD"
        detail = {"answer": said, "for": _asker(asked)}
        await self._note(peer, "claim facts answered", asked.name.text, detail)
        return told

    async def _look(self, peer: str, content: Any) -> dict[str, Any]:
        asked = grant_from_wire(content, is_look=True)
        told = await self.grants.tell(asked)
        await self._note(peer, "service told", asked.name.text, {"for": _asker(asked)})
        return told

    async def _proof(self, peer: str, content: Any) -> dict[str, Any]:
        asked = grant_from_wire(content)
        told = await self.grants.proof(peer, asked)
        lacking = "missing" in told or "missing" in told["proof"]
        detail = {"answer": "UNKNOWN" if lacking else "PROVED", "for": _asker(asked)}
        await self._note(peer, "claim proof answered", asked.name.text, detail)
        return told

    async def _compare(self, peer: str, content: Any) -> dict[str, Any]:
        asked = fingerprints_from_wire(content)
        prints = [Fingerprint(*each) for each in asked.values]
        told = await self.prints.answer((asked.origin, asked.name.text), prints)
        if told is None:
            return {"missing": "KEY"}
        await self._note(peer, "claim fingerprints answered", asked.name.text, told)
        return told

    async def _hear(self, peer: str, content: Any) -> dict[str, Any]:
        return await self.grants.hear(peer, told_from_wire(content))

    async def _outcome(self, peer: str, content: Any) -> dict[str, Any]:
        name, attempt = name_of(content), content.get("attempt")
        if not isinstance(attempt, str):
            raise ValueError("attempt is a text")  # noqa: TRY004 - one kind of refusal
        async with self.database.writes.transaction() as connection:
            claim = await shared.held(connection, name)
        is_its = claim is not None and claim.source == peer
        word = word_on(claim.standing if claim is not None and is_its else None, attempt)
        if word is ClaimWord.NONE and await self.lost.may_have(name):
            word = ClaimWord.PENDING  # what this database has lost may have been consumed
        return {"word": word.value}

    async def _claims(self, peer: str, content: Any) -> dict[str, Any]:
        after = name_of(content, may_be_empty=True)
        async with self.database.writes.connection() as connection:
            found = await shared.of_source(connection, peer, after, CLAIMS_PAGE)
            claims = [
                claim_wire(
                    each.name,
                    attempt=each.standing.attempt,
                    state="CONSUMED" if each.standing.state is SharedState.CONSUMED else "GRANTED",
                    service=each.service,
                    marks=marks_to_wire(await kept_marks(connection, each.name)),
                )
                for each in found
            ]
        await self._note(peer, "claims told", "", {"claims": len(claims)})
        return {"claims": claims}

    async def _grants(self, peer: str, content: Any) -> dict[str, Any]:
        after, issuers = name_of(content, may_be_empty=True), issuers_from_wire(content)
        asks = (peer, await self.ring.homes_of(peer))
        async with self.database.writes.connection() as connection:
            found = await live_after(connection, after, issuers, asks, CLAIMS_PAGE)
        grants = [
            claim_wire(
                each.name,
                attempt=each.standing.attempt,
                state=each.standing.state.value,
                service=each.service,
            )
            for each in found
        ]
        await self._note(peer, "claim grants told", "", {"grants": len(grants)})
        return {"grants": grants}

    async def _note(self, peer: str, action: str, claim: str, detail: Mapping[str, Any]) -> None:
        await self.audit.act(
            AuditRow(
                at=self.clock(),
                kind=AuditKind.RELAY,
                action=action,
                request_id=claim or peer,
                detail={"hub": peer, "claim": claim, **detail},
            )
        )


def _asker(asked: AskedGrant) -> dict[str, str]:
    """Return for whom a hub asks."""
    return {"subject": asked.client, "party": asked.party}

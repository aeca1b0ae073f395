"""`ring`: the hubs that share claims with this one, and how one of them is asked.

A peer belongs to the ring when its file says as which client it asks here (`[hub] asks_as`): both
ask each other, and what comes from that client is believed to come from that hub. A hub asks for
itself and not for a caller: it keeps the money, and goes on when the caller is gone. Who wants the
claim is named in what it sends, and noted in the audit at both.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from enum import StrEnum
from secrets import token_hex
from typing import Any, TypeAlias

from connectors.errors import ConnectorError, SourceRefusedError
from connectors.http.session import HttpQuestion, HttpSession, parse_json
from hub.access.content_digest import content_digest
from hub.errors import ErrorCode
from hub.harvest.connections import HubConnection
from hub.harvest.connections.trusted_log import TrustedLog
from hub.harvest.source import HarvestSource
from hub.query.plan.between_hubs import CLAIM
from hub.vouchers.limits import PEER_ANSWER_S, PEER_QUESTIONS_AT_ONCE

GRAPHQL = "graphql"
FIELD = "claimErrand"
PEER = "peer"
"""The fact that is missing as long as a hub does not answer."""
Sources: TypeAlias = Callable[[], Awaitable[Mapping[str, HarvestSource]]]
_LOG = logging.getLogger(__name__)


class ErrandKind(StrEnum):
    """What one hub asks another about claims."""

    GRANT = "GRANT"
    """May this claim have your service?"""
    FINGERPRINTS = "FINGERPRINTS"
    """Do you know a claim with one of these marks?"""
    WORD = "WORD"
    """How a claim stands that you granted."""
    OUTCOME = "OUTCOME"
    """What became of the claim that I granted?"""
    FACTS = "FACTS"
    """What do you know by now of the service that you granted to this claim?"""
    PROOF = "PROOF"
    """The same, and the proof of its leaf in your log."""
    LOOK = "LOOK"
    """What do you know of a service, for whom I name? Nothing changes by it."""
    CLAIMS = "CLAIMS"
    """Which of my services have your vouchers paid for?"""
    GRANTS = "GRANTS"
    """Which services have you granted to vouchers whose money I keep?"""


class PeerSilentError(Exception):
    """A hub did not say; `source`: which. Nothing may be concluded from that."""

    def __init__(self, source: str, why: str) -> None:
        super().__init__(f"{source}: {why}")
        self.source = source


class PeerNotFoundError(Exception):
    """The hub that was asked has nothing of that name, or shows it to nobody like that."""


@dataclass(slots=True)
class _Kept:
    """A connection that stays open as long as the peer's file is the same."""

    source: HarvestSource
    stack: AsyncExitStack
    session: HttpSession
    turns: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(PEER_QUESTIONS_AT_ONCE)
    )


class ClaimRing:
    """Asks peers about claims. `sources`: those of this hub."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._kept: dict[str, _Kept] = {}
        self._opening = asyncio.Lock()
        self.away: set[str] = set()
        """Hubs that could not be reached when they were asked last."""

    async def peers(self) -> Mapping[str, HarvestSource]:
        """Return the hubs of the ring, by source."""
        return {
            name: each
            for name, each in (await self._sources()).items()
            if _asks_as(each) is not None
        }

    async def place_of(self, institution: str) -> str | None:
        """Return the address of the hub that is the home of an institution; None: no peer is."""
        name = await self.home_of(institution)
        return None if name is None else (await self._sources())[name].connection.place

    async def home_of(self, service: str) -> str | None:
        """Return the source that is the home hub of a service; None: no peer is."""
        owner = service.partition("/")[0]
        for name, each in sorted((await self._sources()).items()):
            if isinstance(each.connection, HubConnection) and owner in each.connection.homes:
                return name
        return None

    async def homes_of(self, peer: str) -> frozenset[str]:
        """Return whose home a peer is, as its file says."""
        source = (await self._sources()).get(peer)
        connection = None if source is None else source.connection
        return frozenset(connection.homes) if isinstance(connection, HubConnection) else frozenset()

    async def peer_of(self, client: str) -> str | None:
        """Return the source that asks here as a client; None: it is none of the ring."""
        for name, each in sorted((await self._sources()).items()):
            if _asks_as(each) == client:
                return name
        return None

    async def log_of(self, peer: str) -> TrustedLog | None:
        """Return the log of a peer as its file pins it; None: it pins none."""
        source = (await self._sources()).get(peer)
        connection = None if source is None else source.connection
        return connection.log if isinstance(connection, HubConnection) else None

    async def ask(self, peer: str, kind: ErrandKind, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a peer answers.

        Raises `PeerSilentError` where it does not say, `PeerNotFoundError` for what it has not.
        """
        variables = {"input": {"kind": kind.value, "content": content}}
        body = json.dumps({"documentId": CLAIM, "variables": variables}).encode()
        question = HttpQuestion(
            path=GRAPHQL,
            method="POST",
            content=body,
            headers={
                "content-type": "application/json",
                "accept": "application/json",
                "accept-language": "en",
                "content-digest": content_digest(body),
                "idempotency-key": token_hex(16),
            },
            is_safe=False,
        )
        try:
            kept = await self._connected(peer)
            async with asyncio.timeout(PEER_ANSWER_S), kept.turns:
                said = parse_json(peer, await kept.session.ask(question))
        except (ConnectorError, SourceRefusedError, TimeoutError) as error:
            _LOG.warning("claims: %s does not answer %s: %r", peer, kind.value, error)
            self.away.add(peer)
            raise PeerSilentError(peer, repr(error)) from error
        self.away.discard(peer)
        try:
            return _content_of(peer, said)
        except PeerSilentError as error:
            _LOG.warning("claims: no answer to %s: %s", kind.value, error)
            raise

    async def aclose(self) -> None:
        """Close every connection."""
        kept, self._kept = self._kept, {}
        for each in kept.values():
            await each.stack.aclose()

    async def _connected(self, peer: str) -> _Kept:
        source = (await self._sources()).get(peer)
        if source is None or not isinstance(source.connection, HubConnection):
            raise PeerSilentError(peer, "is no hub that this one knows")
        kept = self._kept.get(peer)
        if kept is not None and kept.source == source:
            return kept
        async with self._opening:
            kept = self._kept.get(peer)
            if kept is not None and kept.source == source:
                return kept
            limits = replace(source.limits, read_s=PEER_ANSWER_S, total_s=PEER_ANSWER_S)
            stack = AsyncExitStack()
            session = await stack.enter_async_context(source.connection.session(peer, limits))
            former, self._kept[peer] = kept, _Kept(source, stack, session)
        if former is not None:
            await former.stack.aclose()
        return self._kept[peer]


def _asks_as(source: HarvestSource) -> str | None:
    connection = source.connection
    return (connection.asks_as or None) if isinstance(connection, HubConnection) else None


def _content_of(peer: str, said: Any) -> dict[str, Any]:
    """Return the content of an answer; raise what it refuses, silence for another form of it."""
    try:
        if errors := said.get("errors"):
            raise PeerSilentError(peer, str(errors[0].get("extensions", {}).get("code")))
        payload = said["data"][FIELD]
        if problems := payload["userErrors"]:
            if problems[0]["code"] == ErrorCode.NOT_FOUND.name:
                raise PeerNotFoundError(peer)
            raise PeerSilentError(peer, str(problems[0]["code"]))
        content = payload["content"]
        if not isinstance(content, dict):
            raise PeerSilentError(peer, "no content")
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise PeerSilentError(peer, f"another form of answer: {error!r}") from error
    return content

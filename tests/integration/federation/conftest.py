"""A university that can be asked live, harvested once, and a hub that asks it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.federation.deployed import LiveSources
from hub.federation.service import Federation
from hub.graphql.hooks import ServiceFacts
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine, Parts
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.query.plan.freshness import read_freshness
from hub.sandbox.serve import serving
from hub.state.memory import MemoryState
from hub.store.database import Database
from tests.integration.federation.campus import Campus, source_at
from tests.standing_clock import StandingClock

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
PARTY = "hub:hub.delta.example/records"
SCOPES = frozenset({"catalogue:read", "graphql:adhoc"})
READER = Caller("client", "moe:10358", ClientKind.PARTNER, SCOPES)
STRANGER = Caller(None, None, None, SCOPES, anonymous=True)
"""An anonymous caller that may send any document."""


@dataclass
class World:
    """A hub, the university that it asks, and its clock."""

    engine: Engine
    sources: dict[str, HarvestSource]
    """Those that are deployed; a test may add one."""
    federation: Federation
    database: Database
    campus: Campus
    harvester: Harvester
    time: StandingClock
    state: MemoryState

    async def ask(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        who: Caller = READER,
        **freshness: Any,
    ) -> dict[str, Any]:
        """Return the whole answer; `freshness` is that of the request."""
        request = GraphRequest(
            query=query,
            variables=variables or {},
            freshness=read_freshness({"freshness": freshness} if freshness else {}),
        )
        answer = await self.engine.answer(request, Asking(caller=who, language="en"))
        found: dict[str, Any] = json.loads(answer.body)
        return found

    def fault(self, **faults: Any) -> None:
        """Make the university misbehave in these ways, and in no other."""
        self.campus.switchboard.set(faults)


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    time, campus = StandingClock(NOW), Campus()
    async with serving(campus.app) as url:
        source = source_at(url)
        harvester = Harvester(database, PARTY, time)
        await harvester.harvest(source)
        time.pass_by(minutes=10)
        state = MemoryState(time)
        sources = {source.id: source}
        live = LiveSources(None, lambda: sources)
        federation = Federation(database, state, time, PARTY, live)
        facts = ServiceFacts(version="1", standard_version="1", sandbox=True)
        engine = Engine(database, time, Parts(facts=facts, state=state, federation=federation))
        yield World(engine, sources, federation, database, campus, harvester, time, state)
        campus.switchboard.set({})
        await federation.aclose()

"""`live_hub`: a hub that asks the stand-in systems of `bench.upstreams` while its callers wait.

It is the reading part of the hub as `bench.serve` has it (mode `live`), with sources that can be asked. Callers are a
registered client without limits of rate; the budget of questions that a source has in a minute is lifted, because one
machine asks for thousands. Turns, flights, breakers and intake are as they ship.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

import hub.federation.service as federation_service
from adapters import discover
from bench.serve import LIMITS, SCOPES
from bench.upstreams import UNIVERSITY
from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.clock import system_clock
from hub.federation.deployed import LiveSources
from hub.federation.service import Federation
from hub.graphql.hooks import ServiceFacts
from hub.graphql.service import Engine, Parts
from hub.harvest.connections import HttpConnection, StaticToken
from hub.harvest.report import RunStatus
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.state import MemoryState
from hub.store.database import Database

PARTY = "hub:bench"
ADDRESSES = "BENCH_UPSTREAMS"
"""The variable with the addresses of the systems, as JSON by letter."""
READER = Caller("bench", "moe:10358", ClientKind.PARTNER, SCOPES)
QUESTIONS_AT_ONCE, QUESTIONS_PER_S = 1_000_000, 1_000_000.0


def sources(addresses: Mapping[str, str]) -> dict[str, HarvestSource]:
    """Return the systems as sources that the hub reads."""
    return {
        f"system-{letter}": HarvestSource(
            id=f"system-{letter}",
            adapter=discover()["ecnu"],
            connection=HttpConnection(base_url=url, auth=StaticToken("Bearer x")),
            owners=(UNIVERSITY,),
            division_code="310000",
        )
        for letter, url in addresses.items()
    }


async def harvest_all(url: str, addresses: Mapping[str, str]) -> None:
    """Read every system once, whole."""
    async with Database(url) as database:
        for each in sources(addresses).values():
            report = await Harvester(database, PARTY, system_clock).harvest(each)
            if report.status is not RunStatus.OK:
                raise RuntimeError(f"{each.id}: {report.status} {report.message}")


def live_engine(database: Database) -> tuple[Engine, Federation]:
    """Return the hub's reading part and what asks its sources."""
    federation_service.RATE_CAPACITY = QUESTIONS_AT_ONCE
    federation_service.RATE_REFILL_PER_S = QUESTIONS_PER_S
    deployed = sources(json.loads(os.environ[ADDRESSES]))
    live = LiveSources(None, lambda: deployed)
    federation = Federation(database, MemoryState(system_clock), system_clock, PARTY, live)
    facts = ServiceFacts(version="bench", standard_version="1", sandbox=False)
    parts = Parts(facts=facts, federation=federation)
    return Engine(database, system_clock, parts, LIMITS), federation

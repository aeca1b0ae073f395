"""One hub with the world of the table, and everybody who is in it; built once, only read.

Pushes and withdrawals are dry runs, so every test meets the same world.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.access.agreements import Agreements
from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, application_document, read_application
from hub.access.resource import Caller
from hub.access.scopes import expand
from hub.access.store import DatabaseClientStore
from hub.app import Hub, build
from hub.client import HubClient
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.graphql.hooks import ServiceFacts
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine, Parts
from hub.ledger.log_files import log_signer
from hub.ledger.policy import NONE, Policy
from hub.query.plan.limits import QueryLimits
from hub.receipts.endpoint import ProofEndpoints
from hub.settings import Settings
from hub.store.database import Database
from tests.cases import cases_for
from tests.databases import lent_to_hub, opened
from tests.eventually import until
from tests.integration.rights.table import Table, read_table, scopes_of
from tests.integration.rights.world import Builder, Stock
from tests.registered import admit_with_any_scope

BASE = "http://127.0.0.1:8000"
WIDE = QueryLimits(
    cost=10**6, tokens=10**5, aliases=1000, root_fields=1000, document_bytes=2**22, page=500
)
"""What a request may be is not what is asked here."""
FACTS = ServiceFacts(version="1", standard_version="1", sandbox=True)
COUNTED: dict[str, int] = {}
"""Cells that were checked, by door."""


@dataclass
class Cells:
    """Counts the cells of a door and collects those that differ from the table."""

    door: str
    count: int = 0
    wrong: list[str] = field(default_factory=list)

    def check(self, got: Any, expected: Any, *where: Any) -> None:
        """Compare one cell."""
        self.count += 1
        if got != expected:
            self.wrong.append(f"{' / '.join(map(str, where))}: {got}, the table says {expected}")

    def settle(self, table: Table, record: Any) -> None:
        """Fail with the first cells that differ, or when there are too few."""
        COUNTED[self.door] = COUNTED.get(self.door, 0) + self.count
        record("cells", self.count)
        shown = "\n".join(self.wrong[:25])
        assert not self.wrong, f"{len(self.wrong)} of {self.count} cells of {self.door}:\n{shown}"
        least = table.doors[self.door]["least"]
        assert self.count >= least, f"{self.door} has {self.count} cells, the table asks {least}"


@dataclass(frozen=True)
class World:
    """The hub, its rows, and how everybody in the table asks it."""

    table: Table
    stock: Stock
    database: Database
    engine: Engine
    hub: Hub
    transport: httpx.ASGITransport
    clients: dict[str, HubClient]
    keys: dict[str, SigningKey]
    numbers: Iterator[int] = field(default_factory=count)

    async def ask(
        self,
        role: str,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        of_subgraph: bool = False,
    ) -> tuple[Any, set[str]]:
        """Return the data of an answer and the codes of its errors."""
        request = GraphRequest(query=query, variables=variables or {}, of_subgraph=of_subgraph)
        answer = await self.engine.answer(request, Asking(caller=self.caller(role), language="en"))
        body = json.loads(answer.body)
        codes = {error["extensions"]["code"] for error in body.get("errors", [])}
        assert codes <= {"SCOPE_MISSING"}, (role, query, body["errors"])
        return body.get("data") or {}, codes

    def caller(self, role: str) -> Caller:
        """Return who a role is; all may ask ad hoc here, so that anonymous ones can be asked at."""
        said = self.table.roles[role]
        scopes = frozenset(expand((*scopes_of(said["scopes"]), "graphql:adhoc")))
        if "party" not in said:
            return Caller(None, None, None, scopes, anonymous=True)
        party = self.table.key(said["party"])
        sources = frozenset(said.get("sources", ()))
        return Caller(role, party, ClientKind.PARTNER, scopes, sources)

    async def register(self, party: str, scopes: tuple[str, ...], *sources: str) -> HubClient:
        """Register a client and return it."""
        name, key = f"client-{next(self.numbers)}", generate_key()
        application = read_application(application_document(name, name, key.public))
        grant = ClientGrant(party, ClientKind.PARTNER, scopes, sources, cases=cases_for(scopes))
        await admit_with_any_scope(DatabaseClientStore(self.database), application, grant)
        self.keys[party] = key
        self.clients[name] = HubClient(BASE, name, key, transport=self.transport)
        return self.clients[name]

    async def has_signed_all(self) -> bool:
        """Whether the log has signed for every entry."""
        ((entries, size),) = await self.database.reads.fetch_all(
            "SELECT (SELECT count(*) FROM entry), (SELECT max(size) FROM checkpoint)"
        )
        return bool(entries == size)


class FullBuckets(OrderedDict[Any, Any]):
    """Rate buckets that stay full: what is tested is who may, however often he asks in a minute."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """Keep nothing."""

    def move_to_end(self, key: Any, last: bool = True) -> None:
        """Move nothing."""


@pytest.fixture(scope="module")
def world_url(cluster: str, template: str) -> Iterator[str]:
    with lent_to_hub(cluster, template) as url:
        yield url


@pytest.fixture(scope="module")
async def world(world_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    table = read_table()
    folder: Path = tmp_path_factory.mktemp("rights")
    settings = Settings(data_dir=folder, sandbox=True, anonymous=True)
    async with opened(world_url) as database:
        hub = await build(settings, database, system_clock)
        hub.access.rates._buckets = FullBuckets()
        stock = await Builder(database, table).build()
        signer = log_signer(settings.log_origin, folder / "keys")
        policy = Policy((signer.key,), {}, {}, NONE)
        agreements = Agreements(database, system_clock)
        proofs = ProofEndpoints(database, hub.access, agreements, policy)
        parts = Parts(facts=FACTS, receipts=proofs)
        engine = Engine(database, system_clock, parts, WIDE, agreements)
        transport = httpx.ASGITransport(hub.asgi)
        async with hub.running():
            made = World(table, stock, database, engine, hub, transport, {}, {})
            await until(made.has_signed_all)
            yield made
        for client in made.clients.values():
            await client.__aexit__(None, None, None)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many cells of the matrix were checked."""
    if COUNTED:
        doors = ", ".join(f"{door} {number}" for door, number in COUNTED.items())
        terminalreporter.write_line(f"rights: {sum(COUNTED.values())} cells ({doors})")

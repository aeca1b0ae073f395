"""Hubs that share claims: each with its own database, issuer, provider, log name and address.

What a hub knows of its services is said by `StatedServices`, because no law that ships has rates;
everything else is what production has: desk, road, grants, fingerprints, GraphQL, signed requests
between registered peers, files of sources. A hub runs in this process (`running`) or as a program
of its own (`claim_program`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from hub.access.agreements import Agreements
from hub.access.clients import ClientKind
from hub.access.config import local_config
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.service import Access
from hub.access.store import DatabaseClientStore
from hub.audit.service import Audit
from hub.client import HubClient
from hub.client.keyfile import create_key, load_key
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.edge import Application
from hub.federation.deployed import LiveSources
from hub.graphql.endpoint import PATH, GraphQLEndpoint
from hub.graphql.hooks import ServiceFacts
from hub.graphql.service import Engine, Parts
from hub.operate.backup import restore
from hub.sandbox.serve import serving
from hub.state import MemoryState
from hub.store.database import Database
from hub.store.epoch import begin_restored
from hub.vouchers.attested.attesting import AttestationDesk
from hub.vouchers.between.fingerprint_keys import ClaimKeys, claim_keys_text, rolled
from hub.vouchers.between.fingerprinting import ClaimFingerprints
from hub.vouchers.between.parts import VoucherParts
from hub.vouchers.between.proving import ServicesAbroad
from hub.vouchers.between.ring import ClaimRing
from hub.vouchers.question import ServiceChecks
from hub.vouchers.served import ServedVouchers
from hub.vouchers.service import VoucherDesk
from tests.databases import Spares, as_owner, opened
from tests.integration.vouchers.voucher_world import StatedServices, grant

PEER_SCOPES = ("catalogue:read", "voucher:claim")
CLAIMS = ("catalogue:read", "graphql:adhoc", "voucher:claim", "voucher:verify")
PEER_FILE = """adapter = "peer_hub"
owners = "any"
kind = "PEER"
authority = "hub:{name}/records"
[hub]
url = "{url}"
client_id = "hub-{own}"
key_file = "{key}"
homes = ["{home}", "{issuer}"]
asks_as = "hub-{name}"
"""


@dataclass(frozen=True, slots=True)
class ClaimPlace:
    """Where a hub is and what it keeps."""

    name: str
    url: str
    """Of its database."""
    port: int
    folder: str
    issuer: str
    provider: str

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return f"hub.{self.name}.example/records"

    def service(self, number: int) -> str:
        return f"{self.provider}/TEM-{number}/S-1"


def places_in(folder: Path, urls: Sequence[str], ports: Sequence[int]) -> list[ClaimPlace]:
    """Return as many hubs as there are databases."""
    names = ("anhui", "jiangsu", "shanghai", "zhejiang")
    return [
        ClaimPlace(name, url, port, str(folder / name), f"moe:1000{at}", f"moe:1030{at}")
        for at, (name, url, port) in enumerate(zip(names, urls, ports, strict=False))
    ]


async def prepare(places: Sequence[ClaimPlace], codes: int, fen: int) -> None:
    """Make keys and files, register the hubs with each other, and grant vouchers at each."""
    keys = claim_keys_text(rolled({}, 2026))
    for place in places:
        (Path(place.folder) / "sources").mkdir(parents=True)
        _write(Path(place.folder) / "claim.keys", keys)
    for place in places:
        async with opened(place.url) as database:
            store = DatabaseClientStore(database)
            for other in places:
                if other is not place:
                    await _acquaint(store, place, other)
            await _admit(store, place, f"office-{place.name}", place.issuer, ClientKind.PARTNER)
            for other in places:
                name = f"lab-{other.name}"
                await _admit(store, place, name, other.provider, ClientKind.UNIVERSITY)
            granted = [f"V-{at}" for at in range(codes)]
            last = (system_clock() + timedelta(days=366)).date()
            await grant(database, *granted, fen=fen, issuer=place.issuer, until=last)


async def _acquaint(store: DatabaseClientStore, here: ClaimPlace, other: ClaimPlace) -> None:
    """Let another hub ask here."""
    key = await _admit(store, here, f"hub-{other.name}", other.issuer, ClientKind.PEER)
    wanted = {"name": here.name, "own": other.name, "url": here.base, "home": here.provider}
    wanted["issuer"] = here.issuer
    file = Path(other.folder) / "sources" / f"{here.name}.toml"
    _write(file, PEER_FILE.format(key=key, **wanted))


async def _admit(
    store: DatabaseClientStore, here: ClaimPlace, name: str, party: str, kind: ClientKind
) -> Path:
    file = Path(here.folder) / f"{name}.pem"
    key = create_key(file)
    application = read_application(application_document(name, name, key.public))
    scopes = PEER_SCOPES if kind is ClientKind.PEER else CLAIMS
    await admit(store, application, ClientGrant(party, kind, scopes, ()), system_clock())
    return file


def client_at(place: ClaimPlace, name: str) -> HubClient:
    """Return a client of a hub: `office-<hub>` of its issuer, `lab-<hub>` of a hub's provider."""
    return HubClient(place.base, name, load_key(Path(place.folder) / f"{name}.pem"))


class ClaimHub:
    """One hub that runs. `checks`: looks at services otherwise than by what the test says."""

    def __init__(
        self, place: ClaimPlace, database: Database, checks: ServiceChecks | None = None
    ) -> None:
        self.place, self.database = place, database
        folder = Path(place.folder)
        self.services = StatedServices(origin=place.origin, owner=place.provider)
        checks = checks or self.services
        self.desk = VoucherDesk(
            database,
            checks,
            system_clock,
            party=f"hub:{place.origin}",
            issuers=frozenset({place.issuer}),
        )
        sources = LiveSources(folder / "sources")
        self.ring = ClaimRing(sources.all)
        prints = ClaimFingerprints(database, ClaimKeys(folder / "claim.keys"), place.origin)
        agreements, audit = Agreements(database, system_clock), Audit(database, system_clock)
        self.key = generate_key()
        self.attesting = AttestationDesk(
            database,
            checks,
            agreements,
            system_clock,
            base=place.base,
            origin=place.origin,
            key=lambda: self.key,
            abroad=ServicesAbroad(database, self.ring, audit, place.origin),
        )
        self.parts = VoucherParts.of(self.desk, prints, agreements, audit, self.ring)
        state, store = MemoryState(system_clock), DatabaseClientStore(database)
        self.access = Access(local_config(place.port), generate_key(), store, state, system_clock)
        engine = Engine(
            database,
            system_clock,
            Parts(
                facts=ServiceFacts(version="1", standard_version="1", sandbox=True),
                state=state,
                vouchers=ServedVouchers(
                    messages=self.desk,
                    attesting=self.attesting,
                    errands=self.parts.errands,
                    advance=self.parts.advance,
                ),
                audit=audit,
            ),
        )
        self.app = Application(
            {PATH: GraphQLEndpoint(engine, self.access)}, Starlette(routes=self.access.routes())
        )
        self.is_silent = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.is_silent:
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.app(scope, receive, send)

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return await self.database.writes.fetch_all(statement, values)

    async def rows_changed(self, statement: str) -> None:
        async with self.database.writes.connection() as connection:
            await connection.execute(statement.encode())


@asynccontextmanager
async def running(
    place: ClaimPlace, checks: Callable[[Database], ServiceChecks] | None = None
) -> AsyncIterator[ClaimHub]:
    """Run a hub in this process. `checks`: makes what looks at services in its database."""
    async with opened(place.url) as database:
        made = ClaimHub(place, database, None if checks is None else checks(database))
        async with serving(made, place.port):  # type: ignore[arg-type]
            try:
                yield made
            finally:
                await made.ring.aclose()


@asynccontextmanager
async def restored(hub: ClaimHub, file: Path, spares: Spares) -> AsyncIterator[ClaimHub]:
    """Let a hub come back from a backup on another database; it is asked in the hub's place."""
    with spares.lent() as url:
        async with Database(as_owner(url)) as owner:
            await restore(owner, file)
        async with (
            opened(url) as database,
            _in_place_of(hub, ClaimHub(hub.place, database)) as made,
        ):
            yield made


@asynccontextmanager
async def anew(hub: ClaimHub) -> AsyncIterator[ClaimHub]:
    """Let a hub begin a new epoch of its database, as one that was restored once more."""
    async with hub.database.writes.transaction() as connection:
        await begin_restored(connection)
    async with _in_place_of(hub, ClaimHub(hub.place, hub.database)) as made:
        yield made


@asynccontextmanager
async def _in_place_of(hub: ClaimHub, made: ClaimHub) -> AsyncIterator[ClaimHub]:
    former, hub.app = hub.app, made.app
    try:
        yield made
    finally:
        hub.app = former
        await made.ring.aclose()


@asynccontextmanager
async def all_running(places: Sequence[ClaimPlace]) -> AsyncIterator[list[ClaimHub]]:
    """Run hubs in this process."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(each)) for each in places]


def written(place: ClaimPlace) -> Path:
    """Write down where a hub is, for a program of its own."""
    file = Path(place.folder) / "place.json"
    _write(file, json.dumps(asdict(place)))
    return file


def _write(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text, "utf-8")

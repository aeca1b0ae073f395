"""`app`: the composition root: the only place that knows every part of the hub.

- Parts are built by constructor, once, from the settings; nothing is global.
- `Hub.asgi` is the application; `Hub.running()` keeps what runs beside it (the sequencer).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from hub.access.config import AccessConfig
from hub.access.keys import generate_key, key_from_pem
from hub.access.service import Access
from hub.access.store import DatabaseClientStore
from hub.clock import Clock
from hub.explorer.serve import explorer_routes, sandbox_routes
from hub.front import front_routes
from hub.intake.endpoint import BatchEndpoint
from hub.keys import load_or_make
from hub.ledger.endpoint import LogEndpoints
from hub.ledger.note import Signer, dump_private_key, load_private_key
from hub.ledger.policy import NONE, Policy
from hub.ledger.sequencer import Sequencer
from hub.proofs import ProofEndpoints
from hub.query.agreements import Agreements
from hub.settings import Settings
from hub.state import MemoryState, State
from hub.store.database import Database

STOP_TIMEOUT_S = 10.0
"""Longest wait for the sequencer to finish its turn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hub:
    """The parts of one running hub."""

    settings: Settings
    database: Database
    state: State
    access: Access
    sequencer: Sequencer
    asgi: Starlette

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the sequencer beside the application, and stop it in an orderly way."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.sequencer.run(stop), name="sequencer")
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait([task], timeout=STOP_TIMEOUT_S)
            task.cancel()


async def build(settings: Settings, database: Database, clock: Clock) -> Hub:
    """Assemble a hub on an open, migrated database."""
    state = MemoryState(clock)
    store = DatabaseClientStore(database)
    token_key = load_or_make(settings.token_key, generate_key, lambda key: key.pem(), key_from_pem)
    access = Access(access_config(settings), token_key, store, state, clock)
    log_key = load_or_make(
        settings.log_key, Ed25519PrivateKey.generate, dump_private_key, load_private_key
    )
    signer = Signer(settings.log_origin, log_key)
    policy = Policy((signer.key,), {}, {}, NONE)
    agreements = Agreements(database, clock)
    sequencer = Sequencer(
        database.url,
        signer,
        clock,
        settings.data_dir / "log",
    )
    routes: list[BaseRoute] = [
        *front_routes(database, sequencer),
        *access.routes(),
        *BatchEndpoint(database, access, clock).routes(),
        *ProofEndpoints(database, access, agreements, policy).routes(),
        *LogEndpoints(database, signer.key, policy).routes(),
        *explorer_routes(list),
        *(sandbox_routes(store, state, clock) if settings.sandbox else ()),
    ]
    return Hub(
        settings=settings,
        database=database,
        state=state,
        access=access,
        sequencer=sequencer,
        asgi=Starlette(routes=routes),
    )


def access_config(settings: Settings) -> AccessConfig:
    """Return what the access layer must know of the hub's own address."""
    parts = urlsplit(settings.base)
    hosts = {parts.netloc.lower()}
    if parts.hostname in ("127.0.0.1", "localhost"):
        hosts |= {f"127.0.0.1:{parts.port}", f"localhost:{parts.port}"}
    return AccessConfig(settings.base, frozenset(hosts), anonymous_reads=settings.anonymous)

"""`serve`: the hub as a process to be measured: `python -m bench.serve engine|live|shipped|vouchers|stormed|strawberry`.

- `engine`: the reading alone: no token, no routes, `Engine.answer` behind the least ASGI.
- `live`: the same, with sources that it asks while callers wait (`bench.live_hub`).
- `shipped`: what `deltahub serve` runs, with its sequencer. Two bounds are raised, because one
  machine asks for thousands: the page (W3 asks for 500 rows) and the cost a caller may spend; both
  are still checked and counted on every request.
- `vouchers`: the same, with invented rates, as keeper of the money of `bench.voucher_world`.
- `stormed`: the same with the bounds that it ships, and callers without a token.
- Address, port and data folder come from BENCH_URL, BENCH_PORT and BENCH_DATA_DIR.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

import hub.app
from hub.access.resource import Caller
from hub.cli.serve import listening, settle_collector
from hub.clock import system_clock
from hub.graphql.endpoint import read_request
from hub.graphql.hooks import ServiceFacts
from hub.graphql.request import Asking
from hub.graphql.service import Engine, Parts
from hub.query.plan.limits import QueryLimits
from hub.settings import Settings
from hub.store.database import Database

LIMITS = QueryLimits(page=500, cost_capacity=1_000_000_000, cost_refill_per_s=1_000_000.0)
SCOPES = frozenset({"catalogue:read", "graphql:adhoc"})
CALLER = Caller(None, None, None, SCOPES, anonymous=True)


def settings(url: str, port: int, data_dir: Path) -> Settings:
    """Return the settings of the hub that is measured."""
    return Settings(database_url=url, data_dir=data_dir, port=port)


def engine(database: Database) -> Engine:
    """Return the reading part with the benchmark's bounds, no state and no rates."""
    facts = ServiceFacts(version="bench", standard_version="1", sandbox=False)
    return Engine(database, system_clock, Parts(facts=facts), LIMITS)


class Bare:
    """The least ASGI application around the engine."""

    def __init__(self, made: Engine, caller: Caller = CALLER) -> None:
        self._engine = made
        self._asking = Asking(caller=caller, language="en")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        answer = await self._engine.answer(read_request(body), self._asking)
        length = str(len(answer.body)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def config(app: Any, port: int) -> uvicorn.Config:
    """Return uvicorn as the hub runs it."""
    return uvicorn.Config(
        app, host="127.0.0.1", port=port, http="httptools", loop="uvloop", lifespan="off",
        log_level="warning", access_log=False, server_header=False, backlog=1024,
    )  # fmt: skip


async def serve(mode: str, url: str, port: int) -> None:
    """Serve until told to stop."""
    if mode in ("strawberry", "httpx"):
        if mode == "strawberry":
            from bench.peers.strawberry_app import application
        else:
            from bench.peers.joining_httpx import application

        settle_collector()
        await uvicorn.Server(config(application(url), port)).serve()
        return
    async with Database(url) as database:
        if mode == "engine":
            app = Bare(engine(database))
            settle_collector()
            await uvicorn.Server(config(app, port)).serve()
            return
        if mode == "live":
            from bench.live_hub import READER, live_engine

            made, federation = live_engine(database)
            settle_collector()
            await uvicorn.Server(config(Bare(made, READER), port)).serve()
            await federation.aclose()
            return
        found = settings(url, port, Path(os.environ["BENCH_DATA_DIR"]))
        if mode == "vouchers":
            from bench.voucher_world import ISSUER, stated_rates

            folder = found.data_dir / "law"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "bench.toml").write_text(stated_rates(), encoding="utf-8")
            found = replace(found, voucher_issuers=(ISSUER,), law_dir=folder)
        if mode == "stormed":
            found = replace(found, anonymous=True)
        else:
            hub.app.Engine = partial(Engine, limits=LIMITS)  # type: ignore[assignment,misc]
        built = await hub.app.build(found, database, system_clock)
        settle_collector()
        async with listening(built) as server:
            await server.wait_closed()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], os.environ["BENCH_URL"], int(os.environ["BENCH_PORT"])))

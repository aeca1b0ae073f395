"""`storms`: how long a victim waits for an answer while others ask for as much as they can.

The hub is what `deltahub serve` runs, with the bounds that it ships. The victim asks W2 again and
again over its own client, a producer pushes batches, and a storm of others asks at the same time.
Strangers come from an address each, so that no bound on one address helps. The victim is a process
of its own: beside a hundred busy callers in one process it would wait for them and not for the hub.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from multiprocessing import get_context
from typing import Any

import httpx
from graphql import get_introspection_query

from bench.data import Data
from bench.partners import Partner, register
from bench.place import TOOLS, register_platform, serving
from bench.questions import TUESDAY, Question
from hub.client import CallRefusedError, HubClient
from hub.client.errors import ClientError
from hub.client.rows import record_row
from hub.clock import system_clock
from hub.crypto.keys import key_from_pem
from hub.query.plan.documents import registered
from hub.store.database import Database

SOURCE = "storms"
SECONDS = 6.0
"""For which the victim is measured under each storm."""
STRANGERS = 40
CALLERS = 12
BATCH_ROWS = 500
PAUSE_S = 0.01
"""Between two requests of the victim."""
READY_S = 60.0
VICTIM_STARTS_S = 3.0
"""From the beginning of a storm until the victim's first measured request."""
STORM_S = VICTIM_STARTS_S + SECONDS
"""How long a storm and the producer go on."""


@dataclass(slots=True)
class Storm:
    """What a victim and a producer found under one storm."""

    name: str
    waits: list[float] = field(default_factory=list)
    refused: int = 0
    """Requests of the victim that were not answered as asked."""
    pushed: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    """What the storm was answered."""

    @property
    def p99_ms(self) -> float:
        """The wait that one answer of a hundred exceeds."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, math.floor(len(ordered) * 0.99))] * 1000


Ask = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Victim:
    """Who is stormed, as its process is told: where, as whom, what it asks, and when (UNIX time)."""

    base: str
    client_id: str
    pem: bytes
    question: Question
    begins: float


async def storms(url: str, asked: dict[tuple[str, str], Question]) -> list[Storm]:
    """Measure the victim's wait under every storm."""
    folder = TOOLS / "hub-storms"
    async with Database(url) as database:
        await register_platform(database, SOURCE, system_clock())
        partners = await register(database, (SOURCE,), CALLERS + 2)
    with serving("stormed", url, folder) as running:
        base = f"http://{running.host}"
        async with AsyncExitStack() as stack:
            pool = stack.enter_context(ProcessPoolExecutor(1, mp_context=get_context("spawn")))
            clients = [
                await stack.enter_async_context(_client(base, each)) for each in partners[1:]
            ]
            strangers = [
                await stack.enter_async_context(_stranger(base, n)) for n in range(STRANGERS)
            ]
            await _ready(clients[0])
            rows = _rows()
            found = []
            victim = partial(
                Victim,
                base,
                partners[0].client.client_id,
                partners[0].key.pem(),
                asked["W2", "hub"],
            )
            for name, asks in _storms(clients[1:], strangers, asked).items():
                found.append(await _under(name, asks, (pool, victim), clients[0], rows))
            return found


def _client(base: str, partner: Partner) -> HubClient:
    return HubClient(base, partner.client.client_id, partner.key)


@asynccontextmanager
async def _stranger(base: str, number: int) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(local_address=f"127.0.1.{number + 1}")
    async with httpx.AsyncClient(base_url=base, transport=transport, timeout=30) as client:
        yield client


async def _ready(client: HubClient) -> None:
    """Wait until the hub takes proofs: one that has just started takes none for a while."""
    until = time.monotonic() + READY_S
    while True:
        try:
            await client.query("{ me { clientId } }")
        except ClientError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(1)
        else:
            return


def _storms(
    callers: list[HubClient],
    strangers: list[httpx.AsyncClient],
    asked: dict[tuple[str, str], Question],
) -> dict[str, list[Ask]]:
    free = next(name for name, text in registered().items() if "query FreeInstruments(" in text)
    code = asked["FREE4", "hub"].variables[0]["classes"][0]["under"]
    wanted = {"class": code, **TUESDAY, "hours": "4", "audience": "ENTERPRISE", "first": 20}
    search = {"documentId": free, "variables": wanted}
    dear = asked["FREE2", "hub"]
    counts = " ".join(
        f'a{n}: instruments(first: 20, search: "{n}") {{ totalCount nodes {{ name {{ zh }} '
        "institution { name { zh } } offers(first: 3) { code } } }"
        for n in range(12)
    )
    return {
        "nothing": [],
        "40 strangers search what is free": [_post(each, search) for each in strangers],
        "12 aliases": [_query(each, f"{{ {counts} }}") for each in callers],
        "introspection": [_query(each, get_introspection_query()) for each in callers],
        "one client asks what is dear": [
            _query(callers[0], dear.document, dear.variables[0]) for _ in range(CALLERS)
        ],
    }


def _post(client: httpx.AsyncClient, body: dict[str, Any]) -> Ask:
    async def ask() -> str:
        answer = await client.post("/graphql", json=body)
        return _told(answer.json())

    return ask


def _query(client: HubClient, document: str, variables: dict[str, Any] | None = None) -> Ask:
    async def ask() -> str:
        try:
            return _told(await client.query(document, variables))
        except CallRefusedError as error:
            return error.code

    return ask


def _told(answer: dict[str, Any]) -> str:
    errors = answer.get("errors")
    return str(errors[0]["extensions"]["code"]) if errors else "answered"


async def _under(
    name: str,
    asks: list[Ask],
    stormed: tuple[Executor, Callable[[float], Victim]],
    producer: HubClient,
    rows: Any,
) -> Storm:
    pool, victim = stormed
    storm, ends = Storm(name), time.monotonic() + STORM_S
    told, *_ = await asyncio.gather(
        asyncio.get_running_loop().run_in_executor(
            pool, _victim, victim(time.time() + VICTIM_STARTS_S)
        ),
        *(_again(ask, storm, ends) for ask in asks),
        _producer(producer, rows, storm, ends),
    )
    storm.waits, storm.refused = told
    print(f"  {name}: p99 {storm.p99_ms:.0f} ms, {storm.pushed} rows pushed", flush=True)
    return storm


async def _again(ask: Ask, storm: Storm, ends: float) -> None:
    while time.monotonic() < ends:
        told = await ask()
        storm.answers[told] += 1
        if told != "answered":
            await asyncio.sleep(0.05)


def _victim(victim: Victim) -> tuple[list[float], int]:
    """Ask again and again; return each wait, and how often the answer was another one."""
    return asyncio.run(_asked(victim))


async def _asked(victim: Victim) -> tuple[list[float], int]:
    waits: list[float] = []
    refused, variables = 0, victim.question.variables
    async with HubClient(victim.base, victim.client_id, key_from_pem(victim.pem)) as client:
        await client.query("{ me { clientId } }")
        await asyncio.sleep(victim.begins - time.time())
        ends = time.monotonic() + SECONDS
        for n in count():
            began = time.monotonic()
            if began >= ends:
                break
            ask = _query(client, victim.question.document, variables[n % len(variables)])
            refused += await ask() != "answered"
            waits.append(time.monotonic() - began)
            await asyncio.sleep(PAUSE_S)
    return waits, refused


async def _producer(client: HubClient, rows: Any, storm: Storm, ends: float) -> None:
    while time.monotonic() < ends:
        answer = await client.push(list(islice(rows, BATCH_ROWS)), source=SOURCE)
        storm.pushed += answer.body["counts"]["accepted"]


def _rows() -> Any:
    """Give new rows again and again: their numbers begin with the moment."""
    begun = int(time.time())
    for number, (_, record) in enumerate(Data(instruments=200_000).instrument_rows()):
        new = {**record, "localNo": f"S{begun}-{number}"}
        yield record_row("Instrument", new, producer=None, now=system_clock())

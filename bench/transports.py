"""`python -m bench.transports`: the own transport beside others, on the same pages in the same run (decision 0017).

    python -m bench.transports --requests 2000

Pages of a source (100 rows of an asset register) are asked of one server, a process of its own, four at a time: through the
own transport below httpx, straight over the same transport as a session asks (decision 0042), stock httpx, httpx on aiohttp, and aiohttp
alone without httpx. They take turns, round by round; what
counts is the ratio of processor time of this process, medians of the rounds. `httpx-aiohttp` and `aiohttp` are no
dependencies: they are installed below `.tools/` from `bench/peers/transports.txt`.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from statistics import median
from typing import Any, TypeAlias

import httpx

from bench.harvests import stand_in
from bench.place import ROOT
from connectors.http.session import HttpSession
from connectors.http.straight import StraightRoad
from connectors.http.transport import Transport, open_client
from connectors.limits import Limits
from hub.sandbox.asset_cloud import HEADER

WANTED = ROOT / "bench" / "peers" / "transports.txt"
INSTALLED = ROOT / ".tools" / "transports"
INSTALL_S = 300
OWN = "own"
AT_ONCE = 4
ROUNDS = 5
PAGE_ROWS = 100
INSTRUMENTS = 2_000
Ask: TypeAlias = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class TransportMeasured:
    """One transport: µs of processor time and of waiting for a request; medians of the rounds."""

    name: str
    requests: int
    cpu_us: float
    wall_us: float


def need_peers() -> None:
    """Install the other transports below `.tools/`, once for each list of versions."""
    wanted, stamp = sha256(WANTED.read_bytes()).hexdigest(), INSTALLED / ".installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        program = [sys.executable, "-m", "pip", "install", "-qq", "--target", str(INSTALLED)]
        program += ["--upgrade", "--only-binary", ":all:", "-r", str(WANTED)]
        subprocess.run(program, timeout=INSTALL_S, check=True)
        stamp.write_text(wanted)
    # Behind everything: what the hub has is the hub's.
    if str(INSTALLED) not in sys.path:
        sys.path.append(str(INSTALLED))


@asynccontextmanager
async def contestants(
    base: str, headers: Mapping[str, str], *, peers: bool
) -> AsyncIterator[dict[str, Ask]]:
    """Open a client of each kind; `peers`: those that are installed on demand too."""
    found: dict[str, Ask] = {}
    plain: dict[str, Any] = {"base_url": base, "trust_env": False}
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with AsyncExitStack() as opened:
        transport = Transport(Limits())
        own = await opened.enter_async_context(open_client(base, transport=transport))
        stock = await opened.enter_async_context(httpx.AsyncClient(**plain, limits=limits))
        found[OWN], found["stock httpx"] = _through(own), _through(stock)
        found["straight"] = _straight(HttpSession(OWN, StraightRoad(own, transport)))
        for each in (own, stock):
            each.headers.update(headers)
        if peers:
            need_peers()
            other = importlib.import_module("httpx_aiohttp")
            client = other.HttpxAiohttpClient(**plain, limits=limits, headers=headers)
            found["httpx-aiohttp"] = _through(await opened.enter_async_context(client))
            aiohttp: Any = importlib.import_module("aiohttp")
            session = await opened.enter_async_context(aiohttp.ClientSession(base, headers=headers))
            found["aiohttp alone"] = _bare(session)
        yield found


def _through(client: httpx.AsyncClient) -> Ask:
    async def ask(path: str) -> bytes:
        answer = await client.get(path)
        return answer.raise_for_status().content

    return ask


def _straight(session: HttpSession) -> Ask:
    async def ask(path: str) -> bytes:
        return (await session.get(path)).raw

    return ask


def _bare(session: Any) -> Ask:
    async def ask(path: str) -> bytes:
        async with session.get(path) as answer:
            answer.raise_for_status()
            return bytes(await answer.read())

    return ask


async def race(
    asks: Mapping[str, Ask], requests: int, rounds: int, rows: int = PAGE_ROWS
) -> list[TransportMeasured]:
    """Ask each in turn, round by round. RuntimeError where their pages differ."""
    pages = [
        f"/api/asset/v1/cards?pageNo={1 + n % (INSTRUMENTS // rows)}&pageSize={rows}"
        for n in range(requests)
    ]
    first = {name: await ask(pages[0]) for name, ask in asks.items()}
    if len(set(first.values())) != 1:
        raise RuntimeError("the transports gave different pages")
    cpu: dict[str, list[float]] = {name: [] for name in asks}
    wall: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(rounds):
        for name, ask in asks.items():
            used, began = time.process_time(), time.perf_counter()
            await _all(ask, pages)
            cpu[name].append((time.process_time() - used) / requests * 1e6)
            wall[name].append((time.perf_counter() - began) / requests * 1e6)
    return [
        TransportMeasured(name, requests * rounds, median(cpu[name]), median(wall[name]))
        for name in asks
    ]


async def _all(ask: Ask, pages: list[str]) -> None:
    left = iter(pages)

    async def some() -> None:
        for page in left:
            await ask(page)

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


def measure(
    requests: int, rounds: int = ROUNDS, *, peers: bool = True, rows: int = PAGE_ROWS
) -> list[TransportMeasured]:
    """Measure every transport on one server."""

    async def run(place: Mapping[str, str]) -> list[TransportMeasured]:
        headers = {HEADER: place["token"]}
        async with contestants(place["url"], headers, peers=peers) as asks:
            return await race(asks, requests, rounds, rows)

    with stand_in(INSTRUMENTS) as (_, place):
        return asyncio.run(run(place))


def told(found: list[TransportMeasured]) -> str:
    """Put it into words."""
    own = next(each.cpu_us for each in found if each.name == OWN)
    return "\n".join(
        f"{each.name:<16} {each.cpu_us:7.0f} µs of processor time and {each.wall_us:7.0f} µs a request; "
        f"{each.cpu_us / own:.2f} of the own"
        for each in found
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.transports", description=__doc__)
    parser.add_argument("--requests", type=int, default=400, help="of each, in each round")
    parser.add_argument("--rows", type=int, default=PAGE_ROWS, help="of a page")
    asked = parser.parse_args()
    print(told(measure(asked.requests, rows=asked.rows)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

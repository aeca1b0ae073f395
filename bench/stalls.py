"""`stalls`: how long one hostile request holds up the event loop of a hub, and by which.

The hub runs in this process as `deltahub serve` runs it; a probe in its event loop sleeps a
millisecond again and again and notes how late it wakes. The attacker is a thread that only sends
and receives. A busy machine makes everything late now and then, a request that stalls does so
each time: what is late is sent again, and the least of the times counts.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.hostile import Attack, Credentials, corpus
from bench.partners import Tokens, register
from bench.place import AS_OF, register_platform
from bench.reads import ports
from hub.app import build
from hub.cli.serve import listening
from hub.clock import system_clock
from hub.settings import Settings
from hub.store.database import Database

SOURCE = "hostile"
PERIOD_S = 0.001
ANSWER_S = 10.0
UNASKED_S = 0.3
"""Wait for an answer to what is no whole request; often none comes."""
LATE_S = 0.025
"""What holds the loop up for longer is sent again."""
TRIES = 3
CLIENTS = 8
TOKEN_AFTER_S = 1.1
"""Tokens of the second in which a client was registered are not taken."""
TOKEN_S = 120.0
"""Tokens are renewed after this long; they live five minutes."""


@dataclass(frozen=True, slots=True)
class Stall:
    """One attack: the longest lateness of the loop, the least over its tries, and the answer."""

    attack: Attack
    seconds: float
    processor_s: float
    """Processor time of the process in that while; little of it means that others were busy."""
    status: int
    """Of the last answer; 0 where the hub hung up without one."""


class Probe:
    """Notes how late a task of the event loop wakes."""

    def __init__(self) -> None:
        self.longest = (0.0, 0.0)

    async def run(self) -> None:
        """Sleep again and again."""
        while True:
            before, busy = time.perf_counter(), time.process_time()
            await asyncio.sleep(PERIOD_S)
            late = time.perf_counter() - before - PERIOD_S
            if late > self.longest[0]:
                self.longest = (late, time.process_time() - busy)

    async def settle(self) -> None:
        """Let it notice what has happened so far."""
        await asyncio.sleep(3 * PERIOD_S)


async def measure(
    database: Database, folder: Path, attacks: Iterable[Attack] | None = None, tries: int = TRIES
) -> list[Stall]:
    """Send every attack to a hub on this database, one after another; a late one `tries` times."""
    (port,) = ports(1)
    settings = Settings(data_dir=folder, port=port, sandbox=True, anonymous=True)
    await register_platform(database, SOURCE, AS_OF)
    partners = await register(database, (SOURCE,), CLIENTS)
    await asyncio.sleep(TOKEN_AFTER_S)
    hub = await build(settings, database, system_clock)
    tokens = Tokens(settings, partners)
    probe = Probe()
    found: list[Stall] = []
    async with listening(hub):
        watching = asyncio.create_task(probe.run())
        callers, made_at = _callers(settings, tokens), time.monotonic()
        for number, attack in enumerate(corpus() if attacks is None else attacks):
            if time.monotonic() - made_at > TOKEN_S:
                callers, made_at = _callers(settings, tokens), time.monotonic()
            found.append(await _tried(attack, callers[number % CLIENTS], port, (probe, tries)))
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    return found


def longest(found: Iterable[Stall]) -> Stall:
    """Return the attack that held up the loop for longest."""
    return max(found, key=lambda each: each.seconds)


def _callers(settings: Settings, tokens: Tokens) -> list[Credentials]:
    return [Credentials(settings.base, each.key, tokens.token(each)) for each in tokens.partners]


async def _tried(
    attack: Attack, caller: Credentials, port: int, watched: tuple[Probe, int]
) -> Stall:
    probe, tries = watched
    least, status = (float("inf"), 0.0), 0
    for _ in range(tries):
        wire = attack.wire(caller)
        await probe.settle()
        probe.longest = (0.0, 0.0)
        wait_s = ANSWER_S if attack.raw is None else UNASKED_S
        status = await asyncio.to_thread(_sent, wire, port, wait_s)
        await probe.settle()
        least = min(least, probe.longest)
        if least[0] <= LATE_S:
            break
    return Stall(attack, *least, status)


def _sent(wire: bytes, port: int, wait_s: float) -> int:
    """Send the bytes and return the status of the answer, 0 for none."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as connection:
        with suppress(OSError):
            connection.sendall(wire)
        answer = b""
        with suppress(OSError):
            while part := connection.recv(65_536):
                answer = (answer + part)[:64]
        words = answer.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0

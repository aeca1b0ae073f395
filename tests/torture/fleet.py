"""The hub as processes: PostgreSQL, workers, a sequencer; what dies is started again.

- Two `deltahub serve` with one address before them when there is a Redis for what they share, else
  one. Each serves and sequences; one more process does nothing but sequence.
- PostgreSQL belongs to the fleet, so that its death ends no hub process.
- Everything listens on 127.0.0.1 or on a socket in the fleet's folder.
- What the hub keeps is on `disk`, which may be small (`disk.py`); what the fleet notes is not.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from hub.clock import system_clock
from hub.embedded.errors import EmbeddedError
from hub.embedded.server import EmbeddedPostgres
from hub.settings import Settings
from hub.state import open_state
from tests.redis_server import RedisServer, binary
from tests.torture.schedule import Action, Target
from tests.torture.shifted import VARIABLE

ROOT = Path(__file__).parents[2]
READY_S = 150.0
POLL_S = 0.05
PAUSE_S = 0.2
"""Pause before what died is started again."""
POSTGRES_ATTEMPTS = 50
STOP_S = 20.0
COMMAND = "from hub.cli.main import main; main()"
SHIFTED = "from tests.torture.shifted import main; main()"
"""The same with a clock that `set_clock` moves."""


@dataclass(slots=True)
class Process:
    """One process of the fleet that is kept alive. `port` is None when it does not serve."""

    name: str
    command: list[str]
    environment: dict[str, str]
    port: int | None = None
    running: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def start(self, log: Path) -> None:
        self.starts += 1
        command = [part.replace("{starts}", str(self.starts)) for part in self.command]
        with log.open("ab") as output:
            self.running = subprocess.Popen(
                command,
                env={**os.environ, **self.environment},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def kill(self) -> bool:
        """Kill it; say whether it lived."""
        if self.running is None or self.running.poll() is not None:
            return False
        self.running.kill()
        return True

    def is_ready(self) -> bool:
        """Whether it takes connections, or at least lives."""
        if self.running is None or self.running.poll() is not None:
            return False
        if self.port is None:
            return True
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Fleet:
    """Every process of one hub under torture."""

    def __init__(
        self, folder: Path, seed: int, *, throwaway: bool, is_shifted: bool = False
    ) -> None:
        self.folder = folder
        self.disk = folder / "disk"
        self.disk.mkdir(exist_ok=True)
        self.data = self.disk / "data"
        self.data.mkdir()
        self.postgres = EmbeddedPostgres(self.disk / "postgres", throwaway=throwaway)
        self._clock = folder / "clock"
        self._command = SHIFTED if is_shifted else COMMAND
        program = binary()
        self._redis = None if program is None else RedisServer(program, folder)
        self.kills: Counter[str] = Counter()
        self.deaths: Counter[str] = Counter()
        self._seed = seed
        self._keeping: list[asyncio.Task[None]] = []
        self._postgres_is_down = asyncio.Event()
        self._is_stopping = False
        self.servers: list[Process] = []
        self._all: list[Process] = []
        self.base = ""

    @property
    def url(self) -> str:
        return self.postgres.url

    def ports(self) -> list[int]:
        """Where the workers listen."""
        return [each.port for each in self.servers if each.port is not None]

    async def start(self) -> None:
        """Start PostgreSQL, then the hub; what dies from now on is started again."""
        await asyncio.to_thread(self.postgres.start)
        if self._redis is not None:
            await asyncio.to_thread(self._redis.start)
            await _has_run_for_long(self._redis.url)
        ports = [_free_port() for _ in range(1 if self._redis is None else 2)]
        self.base = f"http://127.0.0.1:{ports[0]}"
        for port in ports:
            self.servers.append(
                Process(
                    f"worker-{port}",
                    [sys.executable, "-c", self._command, "serve"],
                    self.environment() | {"HUB_PORT": str(port)},
                    port,
                )
            )
        origin = Settings().log_origin
        module = [sys.executable, "-m", "tests.torture.sequencing", self.url, str(self.data)]
        seed = f"{self._seed} {{starts}}"
        self._all = [*self.servers, Process("sequencer", [*module, origin, seed], {})]
        self._keeping = [asyncio.create_task(self._keep(each)) for each in self._all]
        self._keeping.append(asyncio.create_task(self._keep_postgres()))
        await self.settle()

    def environment(self) -> dict[str, str]:
        """The settings of every hub process."""
        redis = {} if self._redis is None else {"HUB_REDIS_URL": self._redis.url}
        return {
            "HUB_DATA_DIR": str(self.data),
            "HUB_DATABASE_URL": self.url,
            "HUB_PUBLIC_BASE": self.base,
            VARIABLE: str(self._clock),
            **redis,
        }

    def pids(self) -> list[int]:
        """The processes of the hub that live."""
        return [each.running.pid for each in self._all if each.running and not each.running.poll()]

    def set_clock(self, seconds: float) -> None:
        """Shift the clock of the workers, where they were started with one that can be."""
        part = self._clock.with_suffix(".part")
        part.write_text(str(seconds))
        part.replace(self._clock)
        self._note(f"clock {seconds:+.0f} s")

    def lose_redis(self) -> None:
        """End Redis and do not start it again."""
        assert self._redis is not None
        self._redis.kill()
        self._note("Redis is gone")

    async def bring_redis_back(self) -> None:
        """Start Redis again, empty."""
        assert self._redis is not None
        await asyncio.to_thread(self._redis.start)
        self._note("Redis is back")

    async def restart_postgres(self, *, mode: str) -> None:
        """Stop PostgreSQL, `fast` or `immediate`, and start it again."""
        first = self._postmaster()
        self._postgres_is_down.set()
        if first is not None:
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        self._note(f"PostgreSQL is restarted, {mode}")
        await self.settle()

    def revive_postgres(self) -> None:
        """Start PostgreSQL where it died, as what watches over it would."""
        self._postgres_is_down.set()

    async def settle(self) -> None:
        """Wait until everything is up."""
        async with asyncio.timeout(READY_S):
            while not all(each.is_ready() for each in self._all) or self._postgres_is_down.is_set():
                self._check()
                await asyncio.sleep(POLL_S)

    async def kill(self, action: Action) -> None:
        """Carry out one kill; waits until there is something that is up to be killed."""
        async with asyncio.timeout(READY_S):
            while not self._kill(action):
                self._check()
                await asyncio.sleep(POLL_S)
        self.kills[action.target] += 1
        self._note(f"killed {action.target}")

    def _kill(self, action: Action) -> bool:
        if action.target in (Target.POSTGRES, Target.BACKEND):
            return self._kill_postgres(action)
        if action.target is Target.SEQUENCER:
            return self._all[-1].kill()
        ready = [each for each in self.servers if each.is_ready()]
        if not ready or (action.target is Target.WORKERS and len(ready) < len(self.servers)):
            return False
        chosen = ready if action.target is Target.WORKERS else [ready[action.pick % len(ready)]]
        killed = [each.kill() for each in chosen]
        return all(killed)

    def _kill_postgres(self, action: Action) -> bool:
        first = self._postmaster()
        if first is None or self._postgres_is_down.is_set():
            return False
        if action.target is Target.POSTGRES:
            self._postgres_is_down.set()
            return _kill(first)
        backends = sorted(_backends(first))
        return bool(backends) and _kill(backends[action.pick % len(backends)])

    def _postmaster(self) -> int | None:
        try:
            lines = (self.postgres.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return None
        return int(lines[0]) if len(lines) > 7 and lines[7].strip() == "ready" else None

    async def _keep(self, process: Process) -> None:
        log = self.folder / f"{process.name}.log"
        while True:
            if process.running is None or process.running.poll() is not None:
                if process.running is not None:
                    self.deaths[f"{process.name} {process.running.returncode}"] += 1
                    self._note(f"{process.name} ended with {process.running.returncode}")
                    await asyncio.sleep(PAUSE_S)
                process.start(log)
            await asyncio.sleep(POLL_S)

    async def _keep_postgres(self) -> None:
        while True:
            await self._postgres_is_down.wait()
            for attempt in range(POSTGRES_ATTEMPTS):
                try:
                    await asyncio.to_thread(self.postgres.start)
                    break
                except EmbeddedError:  # processes of the killed one still hold its memory
                    if attempt == POSTGRES_ATTEMPTS - 1:
                        raise
                    await asyncio.sleep(PAUSE_S)
            self._postgres_is_down.clear()
            self._note("PostgreSQL is back")

    def _note(self, event: str) -> None:
        with (self.folder / "events.log").open("a") as log:
            log.write(f"{system_clock().isoformat()} {event}\n")

    def _check(self) -> None:
        for task in self._keeping:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """End every process of the fleet."""
        for task in self._keeping:
            task.cancel()
        for task in self._keeping:
            with suppress(asyncio.CancelledError):
                await task
        for each in self._all:
            each.kill()
            if each.running is not None:
                await asyncio.to_thread(each.running.wait, STOP_S)
        if self._redis is not None:
            self._redis.kill()
        await asyncio.to_thread(self.postgres.stop)


async def _has_run_for_long(redis_url: str) -> None:
    """Let this Redis pass for one that the hub has known for a while.

    With one that it meets for the first time it believes no proof for some seconds.
    """
    state = open_state(redis_url, lambda: system_clock() - timedelta(minutes=5))
    try:
        await state.check()
    finally:
        await state.aclose()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _backends(postmaster: int) -> list[int]:
    """List the processes that serve connections of the hub's database."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            words = (folder / "cmdline").read_bytes()
            if int(parent) == postmaster and words.startswith(b"postgres: postgres hub "):
                found.append(int(folder.name))
    return found

"""Named troubles for a hub under load. Each ends with the trouble gone; no hand mends anything.

    python -m tests.torture --scenario full-disk

A scenario gets the running fleet while clients push, and notes what was seen and what was wrong.
 Afterwards the run waits until every client is answered again, and judges as after kills.
"""

from __future__ import annotations

import asyncio
import errno
import resource
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from hub.client import HubClient
from tests.torture.crowds import readers, slow_clients
from tests.torture.fleet import Fleet
from tests.torture.schedule import schedule

HOUR_S = 3_600
JUMPS_S = (HOUR_S, 0, -HOUR_S, 25 * HOUR_S, 90, 0)
RESTART_EVERY_S = 10.0
SPARE_DESCRIPTORS = 1
FILL_BYTES = (1 << 20, 4_096, 1)


@dataclass(slots=True)
class Scene:
    """What a scenario works on."""

    fleet: Fleet
    reader: HubClient
    """A client that may read and pushes nothing."""
    seed: int
    kills: int
    scale: float
    """1 for the whole form; less makes it shorter and smaller."""
    acknowledged: Callable[[], int]
    """Batches that were acknowledged so far, of all clients."""
    seen: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def hold(self, seconds: float, *, going_on: str = "") -> None:
        """Let time pass; where pushes must go on meanwhile, note when they do not."""
        before = self.acknowledged()
        await asyncio.sleep(max(seconds * self.scale, 3.0 if going_on else 1.0))
        done = self.acknowledged() - before
        self.seen["batches acknowledged meanwhile"] += done
        if going_on and not done:
            self.wrong.append(f"no batch was acknowledged during {going_on}")


async def kills(scene: Scene) -> None:
    """SIGKILL to every part, at the moments that the seed says."""
    for action in schedule(scene.seed, scene.kills):
        await asyncio.sleep(action.pause_s)
        await scene.fleet.kill(action)


async def full_disk(scene: Scene) -> None:
    """The disk of PostgreSQL, keys and log files is full, to the last byte, twice."""
    for _ in range(2):
        filler = scene.fleet.disk / "fill"
        scene.seen["MiB filled"] += await asyncio.to_thread(fill, filler)
        await scene.hold(15)
        filler.unlink()
        scene.fleet.revive_postgres()
        await scene.fleet.settle()
        await scene.hold(5)


def fill(file: Path) -> int:
    """Write until nothing goes in any more; return how many MiB went in."""
    with file.open("wb", buffering=0) as out:
        for size in FILL_BYTES:
            try:
                while True:
                    out.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return file.stat().st_size >> 20


async def no_descriptors(scene: Scene) -> None:
    """The processes of the hub may open nothing more than they have open."""
    for _ in range(2):
        before: dict[int, tuple[int, int]] = {}
        for pid in scene.fleet.pids():
            try:
                number = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()) + SPARE_DESCRIPTORS
                before[pid] = resource.prlimit(pid, resource.RLIMIT_NOFILE)
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (number, before[pid][1]))
            except OSError:
                continue
        await scene.hold(15)
        for pid, limits in before.items():
            try:
                resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
                scene.seen["processes without descriptors"] += 1
            except OSError:
                continue
        await scene.hold(5)


async def slow_and_half_open(scene: Scene) -> None:
    """Hundreds of connections that say nothing, go on for ever, or never read."""
    stop = asyncio.Event()
    number = max(int(400 * scene.scale), 40)
    crowd = asyncio.create_task(slow_clients(scene.fleet.ports(), number, stop))
    await scene.hold(30, going_on="slow and half-open clients")
    stop.set()
    scene.seen.update({f"connections {name}": n for name, n in (await crowd).items()})


async def storm_of_reads(scene: Scene) -> None:
    """Many callers who ask without a pause, while others push."""
    stop = asyncio.Event()
    number = max(int(40 * scene.scale), 8)
    random = Random(f"reads {scene.seed}")
    crowd = asyncio.create_task(readers(scene.reader, scene.fleet.base, number, random, stop))
    await scene.hold(30, going_on="a storm of reads")
    stop.set()
    answers, wrong = await crowd
    scene.seen.update({f"reads answered {name}": count for name, count in answers.items()})
    scene.wrong += wrong


async def clock_jumps(scene: Scene) -> None:
    """The clock of the hub jumps: by an hour, back, an hour back, by a day, by 90 s."""
    for seconds in JUMPS_S:
        scene.fleet.set_clock(seconds)
        scene.seen["jumps"] += 1
        await scene.hold(5)


async def redis_lost(scene: Scene) -> None:
    """What the workers share is away for an hour by their clock, and comes back empty."""
    scene.fleet.lose_redis()
    steps = 6
    for step in range(1, steps + 1):
        scene.fleet.set_clock(HOUR_S * step / steps)
        await scene.hold(3)
    await scene.fleet.bring_redis_back()
    scene.seen["minutes without Redis"] += HOUR_S // 60


async def postgres_restarts(scene: Scene) -> None:
    """PostgreSQL is restarted every ten seconds, `fast` and `immediate` in turn."""
    for number in range(max(int(6 * scene.scale), 2)):
        await scene.fleet.restart_postgres(mode=("fast", "immediate")[number % 2])
        scene.seen["restarts"] += 1
        await scene.hold(RESTART_EVERY_S)


SCENARIOS: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "kills": kills,
    "full-disk": full_disk,
    "no-descriptors": no_descriptors,
    "slow-clients": slow_and_half_open,
    "storm-of-reads": storm_of_reads,
    "clock-jumps": clock_jumps,
    "redis-lost": redis_lost,
    "postgres-restarts": postgres_restarts,
}
SHIFTED_SCENARIOS = frozenset({"clock-jumps", "redis-lost"})
"""Those whose workers have a clock that can be moved."""

"""`machine`: cores, processes and what they use, from /proc."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
STOP_TIMEOUT_S = 15


_CORES = sorted(os.sched_getaffinity(0))  # before anything is pinned


def cores_of_machine() -> list[int]:
    """Return the cores that the benchmark may use."""
    return _CORES


def cores() -> tuple[int, int]:
    """Return the core for the server and the core for the load; PostgreSQL may use both."""
    found = _CORES
    return found[0], found[1 if len(found) > 1 else 0]


def load() -> float:
    """Return how many processes ran or waited in the last minute."""
    return os.getloadavg()[0]


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def children_seconds(parent: int) -> float:
    """Return the processor time of all children of a process, those that have ended included."""
    fields = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()
    total = (int(fields[13]) + int(fields[14])) / TICK
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            total += (int(fields[11]) + int(fields[12])) / TICK
    return total


def memory_mib(pid: int) -> float:
    """Return the resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def postmaster(folder: Path) -> int:
    """Return the process id of the server that uses a data folder."""
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def pin(parent: int, core: Sequence[int]) -> None:
    """Keep a process and its children on some cores."""
    os.sched_setaffinity(parent, core)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == parent:
                    os.sched_setaffinity(int(entry.name), core)
            except OSError:
                continue


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    pid: int
    port: int
    started_s: float
    """Seconds from its start to its first answer."""

    @property
    def host(self) -> str:
        """Address as clients name it."""
        return f"127.0.0.1:{self.port}"


@contextmanager
def process(
    command: Sequence[str],
    environment: Mapping[str, str],
    port: int,
    log: Path,
    limit_s: float = 90,
) -> Iterator[Running]:
    """Run a server on the first core until the block ends; it answers when the block begins."""
    import socket

    core = cores()[0]
    began = time.monotonic()
    with log.open("ab") as output:
        started = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
    os.sched_setaffinity(started.pid, [core])
    try:
        while True:
            if started.poll() is not None:
                raise RuntimeError(f"{command[0]} ended at once; look at {log}")
            if time.monotonic() - began > limit_s:
                raise TimeoutError(f"{command[0]} did not answer within {limit_s} s")
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield Running(started.pid, port, time.monotonic() - began)
    finally:
        started.terminate()
        try:
            started.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait(STOP_TIMEOUT_S)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])

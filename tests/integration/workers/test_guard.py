"""Embedded servers end when the last of their users does, whatever it died of."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.embedded.guard import ENGINES
from hub.embedded.server import EmbeddedPostgres
from hub.embedded.sharing import open_own
from hub.embedded.valkey import EmbeddedValkey
from tests.conftest import PREFIX
from tests.eventually import until

USE = """
import sys, time
from pathlib import Path
from hub.embedded.guard import ENGINES
server = ENGINES[sys.argv[1]](Path(sys.argv[2]))
server.start()
print("started", flush=True)
time.sleep(600)
"""

Server = EmbeddedPostgres | EmbeddedValkey


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        made = ENGINES[request.param](Path(folder) / "server")
        yield made
        made.stop()


def user(server: Server) -> subprocess.Popen[str]:
    """Start another process that uses the server."""
    words = [sys.executable, "-c", USE, server.kind, str(server.folder)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def started(server: Server) -> subprocess.Popen[str]:
    process = user(server)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def guards(server: Server) -> list[int]:
    """List the guards of a server's folder."""
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True
    )
    ours = f"main() {server.kind} {server.folder} "
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if ours in line]


async def until_all_is_gone(server: Server) -> None:
    async def gone() -> bool:
        return not server.is_running() and not guards(server)

    await until(gone)


async def test_a_server_whose_only_user_was_killed_ends_and_so_does_its_guard(
    engine: Server,
) -> None:
    process = started(engine)
    assert engine.is_running()
    assert len(guards(engine)) == 1
    end(process)
    await until_all_is_gone(engine)


async def test_a_server_that_others_use_stays_when_one_of_them_is_killed(engine: Server) -> None:
    engine.start()
    process = started(engine)
    end(process)
    first = guards(engine)
    assert len(first) == 1

    async def is_free() -> bool:  # of the killed user, and the guard has looked since
        return process.poll() is not None

    await until(is_free)
    assert engine.is_running()
    engine.stop()
    assert not engine.is_running()
    await until_all_is_gone(engine)


async def test_what_ends_a_hub_does_not_end_the_guard(engine: Server) -> None:
    process = started(engine)
    (guard,) = guards(engine)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(guard, number)
    end(process)
    await until_all_is_gone(engine)


async def test_when_the_guard_was_killed_the_next_user_starts_another(engine: Server) -> None:
    process = started(engine)
    (first,) = guards(engine)
    os.kill(first, signal.SIGKILL)

    async def is_dead() -> bool:
        return first not in guards(engine)

    await until(is_dead)
    other = started(engine)
    assert guards(engine)
    end(process)
    end(other)
    await until_all_is_gone(engine)


@pytest.mark.parametrize("seen", ["users.lock", "guard.lock", "server.log"])
async def test_a_user_that_is_killed_while_it_starts_the_server_leaves_nothing(
    engine: Server, seen: str
) -> None:
    process = user(engine)

    async def is_so_far() -> bool:
        return (engine.folder / seen).exists()

    await until(is_so_far)
    end(process)
    await until_all_is_gone(engine)


async def test_a_process_that_inherits_the_presence_is_a_user(engine: Server) -> None:
    engine.start()
    assert engine.presence is not None
    heir = subprocess.Popen(["sleep", "600"], pass_fds=(engine.presence,))
    engine.stop()
    lock = open_own(engine.folder / "users.lock")
    with pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)
    heir.kill()
    heir.wait()
    await until_all_is_gone(engine)

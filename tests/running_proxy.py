"""A partner's proxy as its own process, before a hub that really runs: for programs of others."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import create_key
from hub.client.profile import Profile
from hub.clock import system_clock
from hub.store.database import Database
from tests.running_hub import FUDAN, running_hub

START_S = 30.0
STOP_S = 20.0
SCOPES = ("catalogue:read", "graphql:adhoc")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"{address} did not answer: {log.read_text('utf-8', 'replace')[-2000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running_proxy(
    url: str,
    folder: Path,
    scopes: Sequence[str] = SCOPES,
    more: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Run hub and proxy while the block runs; gives the proxy's address.

    The partner's profile is `profile.toml` in the folder; `more` is for the hub's environment.
    """
    key = create_key(folder / "key.pem")

    async def register() -> None:
        application = read_application(application_document("tools", "tools", key.public))
        grant = ClientGrant(FUDAN, ClientKind.PARTNER, tuple(scopes), ())
        async with Database(url) as database:
            await admit(DatabaseClientStore(database), application, grant, system_clock())

    with running_hub(url, folder, more) as base:
        asyncio.run(register())
        Profile(base, "tools", folder / "key.pem").write(folder / "profile.toml")
        port, log = free_port(), folder / "proxy.log"
        command = "from hub.cli.main import main; main()"
        arguments = ["client", "proxy", "--as", folder / "profile.toml", "--port", str(port)]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", command, *arguments], stdout=out, stderr=out
            )
        try:
            wait_for(f"http://127.0.0.1:{port}/log/vkey", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            stop(process)

"""Programs of others that ask through a partner's proxy; big to install, so `make suites` only."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import create_key
from hub.client.profile import Profile
from hub.clock import system_clock
from hub.store.database import Database
from tests.node_tools import ROOT, NodeTools, node_tools
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


@pytest.fixture(scope="session")
def tools() -> Path:
    if not os.environ.get("HUB_TEST_PROGRAMS"):
        pytest.skip(
            "big programs of others: HUB_TEST_PROGRAMS=1 installs them, as make suites does"
        )
    folder = ROOT / ".tools" / "programs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def gateways(tools: Path) -> NodeTools:
    """Apollo Gateway and Hive Gateway; the benchmark runs the same."""
    del tools  # it skips where big programs are not asked for
    return node_tools(ROOT / "bench" / "peers" / "gateways")


@pytest.fixture
def proxy(tools: Path, database_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of a proxy before a hub that really runs."""
    key = create_key(tmp_path / "key.pem")

    async def register() -> None:
        application = read_application(application_document("tools", "tools", key.public))
        grant = ClientGrant(FUDAN, ClientKind.PARTNER, SCOPES, ())
        async with Database(database_url) as database:
            await admit(DatabaseClientStore(database), application, grant, system_clock())

    with running_hub(database_url, tmp_path) as base:
        asyncio.run(register())
        Profile(base, "tools", tmp_path / "key.pem").write(tmp_path / "profile.toml")
        port, log = free_port(), tmp_path / "proxy.log"
        command = "from hub.cli.main import main; main()"
        arguments = ["client", "proxy", "--as", tmp_path / "profile.toml", "--port", str(port)]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", command, *arguments], stdout=out, stderr=out
            )
        try:
            wait_for(f"http://127.0.0.1:{port}/log/vkey", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            stop(process)

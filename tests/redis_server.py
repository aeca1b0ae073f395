"""A real Redis (or Valkey) server for tests, and where to find one.

`HUB_TEST_REDIS_URL` names one that runs (its keys of other names are left alone), else
`redis-server` or `valkey-server` on the PATH, else the Valkey that the hub itself starts.
Tests that kill and restart the server always start their own.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.embedded import valkey

_START_S = 20.0


def binary() -> str:
    """Return the path of a server program."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    return str(valkey.program())


class RedisServer:
    """One server on 127.0.0.1, on a port that stays its own over restarts; keeps nothing on disk
    unless `append_only` asks for it."""

    def __init__(self, program: str, folder: Path, *, append_only: bool = False) -> None:
        self._program = program
        self._folder = folder
        self._append_only = append_only
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        arguments = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        kept = ["--appendonly", "yes", "--appendfsync", "always"] if self._append_only else []
        self._process = subprocess.Popen(
            [self._program, *arguments, "--save", "", *kept],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                pytest.fail(f"{self._program} did not start")
            time.sleep(0.02)

    def kill(self) -> None:
        """End the server at once, as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as peer:
                peer.sendall(b"PING\r\n")
                return peer.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


@pytest.fixture(scope="session")
def redis_program() -> str:
    """The server program."""
    return binary()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis that every test of the session shares."""
    given = os.environ.get("HUB_TEST_REDIS_URL")
    if given:
        yield given
        return
    server = RedisServer(binary(), tmp_path_factory.mktemp("redis"))
    server.start()
    try:
        yield server.url
    finally:
        server.kill()


@pytest.fixture
def redis_server(redis_program: str, tmp_path: Path) -> Iterator[RedisServer]:
    """A running server of this test's own, which it may kill and start again, empty."""
    server = RedisServer(redis_program, tmp_path)
    server.start()
    try:
        yield server
    finally:
        server.kill()

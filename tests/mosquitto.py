"""`Mosquitto`: a real broker of a test's own on a port of 127.0.0.1; else its tests skip."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

START_S = 10.0
CAREFUL = ("autosave_interval 1", "autosave_on_changes true", "max_inflight_messages 256")
BURSTING = ("max_inflight_messages 0",)
"""Sends all that it has at once, and saves at its end only."""
WHERE = "/usr/local/sbin:/usr/sbin:" + os.environ.get("PATH", "")


def program() -> str:
    """Return the broker's program, or skip."""
    found = shutil.which("mosquitto", path=WHERE)
    if found is None:
        pytest.skip("no mosquitto (Debian: apt-get install mosquitto): sensors are not tested")
    return found


class Mosquitto:
    """A broker that keeps what it holds in a folder, so that it can be ended and begun again."""

    def __init__(self, folder: Path, *, more: str = "", is_bursting: bool = False) -> None:
        self._program = program()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        kept = folder / "kept"
        kept.mkdir(mode=0o700)
        lines = [
            f"listener {self.port} 127.0.0.1",
            "persistence true",
            f"persistence_location {kept}/",
            "max_queued_messages 100000",
            *(BURSTING if is_bursting else CAREFUL),
            f"log_dest file {self._log}",
            "log_type subscribe",
            more or "allow_anonymous true",
        ]
        if os.geteuid() == 0:
            lines.append("user root")  # it would change to a user that cannot read the folder
        self._config.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin it, and wait until it takes connections."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + START_S
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        pytest.fail("mosquitto did not start")

    def knows(self, topic: str) -> bool:
        """Say whether anybody has subscribed to a topic."""
        return self._log.exists() and topic in self._log.read_text("utf-8", "replace")

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it; it writes down what it holds, unless it is killed."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(START_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def mosquitto(folder: Path, *, more: str = "", is_bursting: bool = False) -> Iterator[Mosquitto]:
    """Run a broker while the block runs."""
    broker = Mosquitto(folder, more=more, is_bursting=is_bursting)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()

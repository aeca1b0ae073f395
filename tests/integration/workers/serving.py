"""`deltahub serve` as a process of its own, on the engines that it starts by itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from hub.embedded.server import EmbeddedPostgres
from hub.embedded.valkey import EmbeddedValkey
from tests.eventually import until

STOP_S_MAX = 60.0
COMMAND = """
import signal
signal.signal(signal.SIGHUP, signal.{hangup})  # whatever the terminal of the tests is like
from hub.cli.main import main
main()
"""


class Serving:
    """A hub whose data folder is `folder`; it may be started again after its end."""

    def __init__(self, folder: Path, log: str = "hub.log") -> None:
        self.folder = folder
        self.log = folder / log
        self.postgres = EmbeddedPostgres(folder / "data" / "postgres")
        self.valkey = EmbeddedValkey(folder / "data" / "valkey")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def start(self, workers: int, *, hangup: str = "SIG_DFL") -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        settings = {"HUB_DATA_DIR": str(self.folder / "data"), "HUB_PORT": str(self.port)}
        command = [sys.executable, "-c", COMMAND.format(hangup=hangup)]
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                [*command, "serve", "--workers", str(workers)],
                env={**kept, **settings, "HUB_ANONYMOUS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def told(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def workers(self) -> list[int]:
        """List the worker processes of this hub, orphans too."""
        found = subprocess.run(
            ["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True
        )
        workers = [line for line in found.stdout.splitlines() if "import worker; worker()" in line]
        return [pid for line in workers if self._serves(pid := int(line.split()[0]))]

    def _serves(self, pid: int) -> bool:
        try:
            return f"HUB_PORT={self.port}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False

    def answers(self, path: str = "/") -> bool:
        try:
            with urllib.request.urlopen(f"{self.base}{path}", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def accepts(self) -> bool:
        """Say whether anybody listens."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    async def until_it_answers(self, path: str = "/healthz") -> None:
        async def well() -> bool:
            assert self.process.poll() is None, self.told()
            return self.answers(path)

        await until(well)

    def wait(self) -> int:
        return self.process.wait(STOP_S_MAX)

    def clean_up(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self.wait()

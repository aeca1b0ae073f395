"""A NEMO that really runs: started as a process on a free port, with a database of its own."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import util
from pathlib import Path

import httpx

HERE = Path(__file__).parent
POLLS_MAX = 600
POLL_S = 0.1


def _load(name: str):
    """Load a neighbour by path: this folder is no package, NEMO's own Python runs in it too."""
    spec = util.spec_from_file_location(f"nemo_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


installation = _load("install")


@dataclass(frozen=True)
class Laboratory:
    """Where it listens and how to speak to it."""

    url: str
    folder: Path
    now: datetime
    """The full hour that everything seeded is relative to."""
    hub_token: str = "b" * 40
    writer_token: str = "a" * 40

    def begin_anew(self) -> None:
        """Put the seeded database back; NEMO opens the file afresh for each request."""
        fresh = self.folder / "fresh.db"
        shutil.copyfile(self.folder / "seeded.db", fresh)
        fresh.replace(self.folder / "sqlite.db")

    def post(self, path: str, body: object) -> httpx.Response:
        """Do what a user of the laboratory would do in its own pages."""
        headers = {"Authorization": f"Token {self.writer_token}"}
        return httpx.post(f"{self.url}{path}", json=body, headers=headers, trust_env=False)

    def patch(self, path: str, body: object) -> httpx.Response:
        headers = {"Authorization": f"Token {self.writer_token}"}
        return httpx.patch(f"{self.url}{path}", json=body, headers=headers, trust_env=False)


@contextmanager
def laboratory(folder: Path, now: datetime) -> Iterator[Laboratory]:
    """Seed a copy of the empty database and serve it until the block ends."""
    home = installation.install()
    (folder / "media").mkdir(parents=True)
    seeded = folder / "seeded.db"
    shutil.copyfile(home / "empty.db", folder / "sqlite.db")
    variables = installation.environment(folder) | {"NEMO_NOW": now.isoformat()}
    python = str(installation.PYTHON)
    installation.step("seed the laboratory", [python, str(HERE / "seed.py")], variables)
    shutil.copyfile(folder / "sqlite.db", seeded)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [python, "-m", "django", "runserver", "--noreload", "--skip-checks"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"127.0.0.1:{port}"],
            env=variables,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _await(url, process, folder)
        yield Laboratory(url, folder, now)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _await(url: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    for _ in range(POLLS_MAX):
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/health/", trust_env=False).status_code < 500:
                return
        except httpx.TransportError:
            time.sleep(POLL_S)
    raise AssertionError((folder / "server.log").read_text("utf-8", "replace")[-2000:])

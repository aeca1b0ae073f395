"""One hub that really runs, for every page and sample of the guides."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.databases import Spares
from tests.running_hub import running_hub


@dataclass(frozen=True)
class RunningHub:
    """Where the hub answers, its database, and its data folder: what its operator has."""

    base: str
    database_url: str
    data_dir: Path
    hook_port: int
    """Where a receiver of webhooks may listen on this machine."""


@pytest.fixture(scope="session")
def hub(spares: Spares, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    folder = tmp_path_factory.mktemp("hub")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    more = {"HUB_WEBHOOK_ORIGINS": f"http://127.0.0.1:{port}"}
    with spares.lent() as url, running_hub(url, folder, more) as base:
        yield RunningHub(base, url, folder / "data", port)

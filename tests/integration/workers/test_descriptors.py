"""Silent connections never take the open files that database and log need."""

from __future__ import annotations

import resource
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import PREFIX
from tests.integration.workers.serving import Serving

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="limits another process by prlimit"),
]
FILES = 600
SILENT = 1_100


@pytest.fixture
def hub() -> Iterator[Serving]:
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        served = Serving(Path(folder))
        yield served
        served.clean_up()


async def test_silent_connections_leave_open_files_to_database_and_log(hub: Serving) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * SILENT:
        pytest.skip(f"this process may open {hard} files only")
    hub.start(workers=1)
    resource.prlimit(hub.process.pid, resource.RLIMIT_NOFILE, (FILES, FILES))
    await hub.until_it_answers()
    assert "each process takes 172 connections" in hub.told()
    assert "relies on no proxy" in hub.told()
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        for n in range(SILENT):
            address = (f"127.0.0.{2 + n % 100}", 0)
            stack.enter_context(
                socket.create_connection(("127.0.0.1", hub.port), source_address=address)
            )
        assert hub.answers("/healthz")
        assert hub.answers("/log/checkpoint")
        files = len(list(Path(f"/proc/{hub.process.pid}/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert files < FILES

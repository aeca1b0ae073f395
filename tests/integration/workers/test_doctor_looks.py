"""What `deltahub doctor` says of the embedded servers of its own machine."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from hub.cli.engines import look, valkey_folder
from hub.embedded.valkey import EmbeddedValkey
from hub.settings import Settings
from tests.eventually import until


def test_where_no_server_was_started_it_says_nothing(tmp_path: Path) -> None:
    assert list(look(Settings(data_dir=tmp_path))) == []
    assert list(tmp_path.iterdir()) == []


async def test_it_tells_a_server_that_runs_from_one_that_ended_and_one_that_is_not_needed(
    valkey: EmbeddedValkey,
) -> None:
    here = Settings(data_dir=valkey.folder.parent)
    assert valkey_folder(here) == valkey.folder

    valkey.start()
    (found,) = look(here)
    assert (found.is_well, found.result) == (True, f"{valkey.folder}: runs")

    os.kill(int((valkey.folder / "server.pid").read_text()), signal.SIGKILL)

    async def ended() -> bool:
        return not valkey.is_alive()

    await until(ended)
    (found,) = look(here)
    assert not found.is_well
    assert str(valkey.log) in found.advice

    valkey.stop()
    (found,) = look(here)
    assert (found.is_well, found.result.split(": ")[1]) == (True, "does not run, no hub uses it")

"""Killed between any two steps, the log goes on where it was and never signs two histories."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from hub.ledger.checkpoint import read_checkpoint
from hub.ledger.failures import FencedError, LogFileError
from hub.ledger.leader import Step
from hub.ledger.log_files import CheckpointFile, log_signer
from tests.eventually import until

from .conftest import ORIGIN, Killed

ROOT = Path(__file__).parents[3]


def newest(log):
    return read_checkpoint(log.published()[-1], log.signer.key)


async def led(log) -> None:
    """Lead once; PostgreSQL gives the lock of a killed leader free when it sees that it is gone."""

    async def is_done() -> bool:
        with suppress(FencedError):
            await log.sequencer().catch_up()
            return True
        return False

    await until(is_done)


@pytest.mark.parametrize("step", Step)
async def test_a_kill_at_any_step_neither_forks_nor_loses(log, step) -> None:
    log.add(5)
    await led(log)
    log.add(4)
    with pytest.raises(Killed):
        await log.dying_at(step).catch_up()
    log.add(3)
    await led(log)
    assert len(log.leaves()) == 12
    assert newest(log).size == 12
    assert CheckpointFile(log.folder, ORIGIN).read() == log.published()[-1]
    log.assert_never_forked()


@pytest.mark.parametrize("step", Step)
async def test_a_kill_at_the_very_first_turn_can_be_survived(log, step) -> None:
    log.add(3)
    with pytest.raises(Killed):
        await log.dying_at(step).catch_up()
    await led(log)
    assert newest(log).size == 3
    log.assert_never_forked()


@pytest.mark.parametrize("step", [Step.FILE_SYNCED, Step.CHECKPOINT_STAGED])
async def test_a_checkpoint_that_only_the_file_has_is_published_by_the_next_leader(
    log, step
) -> None:
    log.add(5)
    with pytest.raises(Killed):
        await log.dying_at(step).catch_up()
    assert log.published() == []
    log.add(1)
    await led(log)
    assert [read_checkpoint(note, log.signer.key).size for note in log.published()] == [5, 6]


async def test_kill_after_kill_still_ends_in_one_history(log) -> None:
    for turn in range(4):
        for step in Step:
            log.add(1 + turn)
            with pytest.raises((Killed, FencedError)):
                await log.dying_at(step).catch_up()
    await led(log)
    assert newest(log).size == log.count == len(log.leaves())
    log.assert_never_forked()


@pytest.mark.parametrize("step", [Step.LEAVES_STAGED, Step.FILE_SYNCED, Step.CHECKPOINT_STAGED])
async def test_a_process_killed_with_signal_nine_is_followed_by_another(
    log, step, tmp_path
) -> None:
    log.add(6)
    code = f"""
import asyncio, os, signal
from datetime import UTC, datetime
from pathlib import Path
from hub.ledger.leader import Step
from hub.ledger.log_files import log_signer
from hub.ledger.sequencer import Sequencer
def die(step):
    if step is Step.{step.name}:
        os.kill(os.getpid(), signal.SIGKILL)
folder = Path(os.environ["LOG_FOLDER"])
signer = log_signer("hub.delta.example/records", folder)
clock = lambda: datetime(2026, 11, 23, 8, tzinfo=UTC)
asyncio.run(Sequencer(os.environ["LOG_URL"], signer, clock, folder, on_step=die).catch_up())
"""
    environment = {**os.environ, "LOG_FOLDER": str(log.folder), "LOG_URL": log.url}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    signer = log_signer("hub.delta.example/records", log.folder)
    before = CheckpointFile(log.folder, ORIGIN).read()
    for _ in range(100):  # until the server has noticed the end of the killed one's connection
        try:
            done = await log.sequencer(signer=signer).catch_up()
            break
        except FencedError:
            continue
    assert done.size == 6
    assert before is None or read_checkpoint(before, signer.key) == done


async def test_a_disk_that_takes_no_file_stops_signing_and_loses_nothing(log, monkeypatch) -> None:
    log.add(2)
    await led(log)
    log.add(2)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LogFileError) as refused:
        await led(log)
    assert refused.value.code == "LOG_FILE_UNUSABLE"
    assert newest(log).size == 2
    monkeypatch.undo()
    await led(log)
    assert newest(log).size == 4
    log.assert_never_forked()

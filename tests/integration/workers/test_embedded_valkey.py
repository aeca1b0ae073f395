"""The Valkey that a hub with several workers starts by itself."""

from __future__ import annotations

import os
import signal
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis import Redis

from hub.clock import system_clock
from hub.embedded import valkey as embedded
from hub.embedded.errors import EmbeddedError
from hub.embedded.valkey import EmbeddedValkey, program
from hub.state import StateRestartedError, open_state
from hub.state.limits import REDIS_CONNECTIONS
from tests.eventually import POLL_S, WAIT_S_MAX

USERS = 6


def run_id(valkey: EmbeddedValkey) -> str:
    with Redis.from_url(valkey.url) as redis:
        return str(redis.info("server")["run_id"])


def kill(valkey: EmbeddedValkey, number: signal.Signals = signal.SIGKILL) -> None:
    os.kill(int((valkey.folder / "server.pid").read_text()), number)


def until_it_is_gone(valkey: EmbeddedValkey) -> None:
    until = time.monotonic() + WAIT_S_MAX
    while valkey.is_alive():
        assert time.monotonic() < until
        time.sleep(POLL_S)


def test_it_starts_answers_and_stops(valkey: EmbeddedValkey) -> None:
    assert not valkey.is_running()
    valkey.start()
    assert valkey.is_running()
    assert valkey.answers()
    valkey.stop()
    assert not valkey.is_running()
    assert not valkey.answers()


def test_nobody_else_can_reach_it(valkey: EmbeddedValkey) -> None:
    valkey.start()
    with Redis.from_url(valkey.url) as redis:
        assert redis.config_get("port") == {"port": "0"}
        assert redis.config_get("bind")["bind"] in ("", "* -::*")
    assert stat.S_IMODE(valkey.socket_folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(valkey.socket.stat().st_mode) == 0o700
    if os.geteuid() == 0:
        assert valkey.socket.stat().st_uid != 0


async def test_it_is_a_state_that_forgets_nothing_and_is_told_of_no_more_than_it_holds(
    valkey: EmbeddedValkey,
) -> None:
    state = open_state(valkey.start(), system_clock)
    await state.check()
    await state.aclose()
    with Redis.from_url(valkey.url) as redis:
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert int(redis.config_get("maxmemory")["maxmemory"]) > 0
        assert int(redis.config_get("maxclients")["maxclients"]) >= 64 * (REDIS_CONNECTIONS + 1)


async def test_it_keeps_nothing_on_disk_and_a_proof_from_before_its_restart_is_not_taken(
    valkey: EmbeddedValkey,
) -> None:
    issued_at = system_clock().timestamp() + 60
    state = open_state(valkey.start(), system_clock)
    assert await state.reserve("used", 80, issued_at)
    assert not await state.reserve("used", 80, issued_at)
    await state.aclose()
    valkey.stop()
    kept = {file.name for file in valkey.folder.iterdir()}
    assert [name for name in kept if not name.endswith((".lock", ".log"))] == []

    again = open_state(valkey.start(), system_clock)
    with pytest.raises(StateRestartedError):
        await again.reserve("used", 80, system_clock().timestamp())
    await again.aclose()


def test_of_many_who_start_it_at_once_one_does_and_the_last_to_leave_stops_it(
    valkey: EmbeddedValkey,
) -> None:
    users = [EmbeddedValkey(valkey.folder) for _ in range(USERS)]
    with ThreadPoolExecutor(USERS) as pool:
        started = list(pool.map(lambda user: user.revive(), users))
    assert sorted(started) == [False] * (USERS - 1) + [True]
    assert len({run_id(user) for user in users}) == 1
    for user in users[1:]:
        user.stop()
        assert valkey.answers()
    users[0].stop()
    assert not valkey.is_running()


def test_one_that_was_killed_is_started_anew_by_whoever_uses_it(valkey: EmbeddedValkey) -> None:
    valkey.start()
    before = run_id(valkey)
    kill(valkey)
    until_it_is_gone(valkey)
    assert valkey.socket.exists()  # left behind
    assert valkey.revive()
    assert run_id(valkey) != before
    assert not valkey.revive()


def test_what_a_killed_one_left_behind_deceives_nobody(valkey: EmbeddedValkey) -> None:
    valkey.start()
    kill(valkey)
    until_it_is_gone(valkey)
    (valkey.folder / "server.pid").unlink()
    (valkey.folder / "server.pid").write_text(str(os.getpid()))
    assert not valkey.is_running()
    valkey.stop()
    valkey.start()
    assert valkey.answers()


def test_one_that_hangs_is_stopped_the_hard_way(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.embedded.valkey.ANSWER_TIMEOUT_S", 0.1)
    valkey.start()
    kill(valkey, signal.SIGSTOP)
    monkeypatch.setattr("hub.embedded.valkey.VALKEY_STOP_S", 0.1)
    valkey.stop()
    assert not valkey.is_running()


def test_a_long_path_gets_a_short_socket(valkey: EmbeddedValkey) -> None:
    far = EmbeddedValkey(valkey.folder.parent / ("long" * 30))
    assert far.socket_folder != far.folder
    far.start()
    assert far.answers()
    far.stop()
    assert not far.socket_folder.exists()


def test_a_path_with_blanks_and_ideographs_is_as_good_as_any(valkey: EmbeddedValkey) -> None:
    odd = EmbeddedValkey(valkey.folder.parent / "数据 1 %20")
    odd.start()
    assert run_id(odd)
    odd.stop()
    assert not odd.is_running()


def test_what_ends_at_its_start_says_why(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(embedded._SETTINGS, "port", "no number")
    with pytest.raises(EmbeddedError) as refused:
        valkey.start()
    assert refused.value.code.name == "STATE_UNAVAILABLE"
    assert "HUB_REDIS_URL" in refused.value.hint


def test_the_program_is_at_hand() -> None:
    assert os.access(program(), os.X_OK)
    assert Path(program()).name == "valkey-server"

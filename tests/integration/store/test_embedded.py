from __future__ import annotations

import os
import signal
import subprocess
import sys

import psycopg
import pytest

from hub.embedded.server import EmbeddedPostgres, binaries

pytestmark = pytest.mark.integration


def test_it_starts_answers_and_stops(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.start()) as connection:
        version, jit = connection.execute(
            "SELECT current_setting('server_version_num')::int, current_setting('jit')"
        ).fetchone() or (0, "")
    assert version >= 180000
    assert jit == "off"
    server.stop()
    assert not server.is_running()


def test_it_keeps_what_was_written_across_a_restart(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.start()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    server.stop()
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_it_recovers_from_being_killed(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.start()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    pid = int((server.data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_the_last_of_two_users_stops_it(server: EmbeddedPostgres) -> None:
    other = EmbeddedPostgres(server.folder, throwaway=True)
    server.start()
    other.start()
    server.stop()
    with psycopg.connect(other.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    other.stop()
    assert not other.is_running()


def test_a_user_that_was_killed_does_not_keep_it_up(server: EmbeddedPostgres) -> None:
    code = (
        "import os, signal; from pathlib import Path; "
        "from hub.embedded.server import EmbeddedPostgres; "
        f"EmbeddedPostgres(Path({str(server.folder)!r}), throwaway=True).start(); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    server.start()  # attaches, or starts it again where its guard was first
    assert server.is_running()
    server.stop()
    assert not server.is_running()


def test_a_long_path_gets_a_short_socket(server: EmbeddedPostgres) -> None:
    with EmbeddedPostgres(server.folder / ("long" * 30), throwaway=True) as far:
        assert far.socket_folder != far.folder
        with psycopg.connect(far.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not far.socket_folder.exists()


def test_nobody_else_may_enter_the_data_folder(server: EmbeddedPostgres) -> None:
    server.start()
    assert server.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("program", ["psql", "pgbench", "pg_dump"])
def test_the_programs_are_at_hand(program: str) -> None:
    assert os.access(binaries() / program, os.X_OK)

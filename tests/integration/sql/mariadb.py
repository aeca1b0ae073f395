"""`mariadb`: a MariaDB of the tests' own, on a free port of 127.0.0.1 and a socket, in a folder.

As root it runs as user mysql, who owns the folder then. It is ended by its process id.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

WAIT_S_MAX = 60
SERVER = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")
INSTALL = shutil.which("mariadb-install-db")
MISSING = "MariaDB is not installed: tests/integration/sql/install.sh brings it"


@dataclass(frozen=True)
class MariaDb:
    """A server that runs."""

    socket: Path
    port: int
    pid: int

    def execute(self, *statements: str, database: str | None = None) -> None:
        """Run statements as the one who may do everything."""
        with self._connect(database) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    def rows(self, statement: str) -> Any:
        """Return what a statement answers."""
        with self._connect(None) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def _connect(self, database: str | None) -> Any:
        return pymysql.connect(
            unix_socket=str(self.socket), user="root", database=database, charset="utf8mb4"
        )


@contextmanager
def running() -> Iterator[MariaDb]:
    """Start a server that is gone after the block."""
    assert SERVER is not None, MISSING
    assert INSTALL is not None, MISSING
    # The socket's path must be short, and user mysql must reach it.
    with tempfile.TemporaryDirectory(prefix="hub-mdb-") as name:
        folder = Path(name)
        is_root = os.getuid() == 0
        if is_root:
            shutil.chown(folder, "mysql", "mysql")
        as_user = ["--user=mysql"] if is_root else []
        data, place = folder / "data", folder / "s"
        subprocess.run(
            [
                INSTALL,
                "--no-defaults",
                f"--datadir={data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                *as_user,
            ],
            check=True,
            capture_output=True,
            timeout=WAIT_S_MAX,
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = folder / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [
                    SERVER,
                    "--no-defaults",
                    f"--datadir={data}",
                    f"--socket={place}",
                    "--bind-address=127.0.0.1",
                    f"--port={port}",
                    f"--pid-file={folder / 'pid'}",
                    "--innodb-buffer-pool-size=32M",
                    "--innodb-flush-log-at-trx-commit=0",
                    "--skip-log-bin",
                    "--sql-mode=",
                    *as_user,
                ],
                stdout=out,
                stderr=out,
            )
        try:
            made = MariaDb(place, port, process.pid)
            _until_up(made, process, log)
            yield made
        finally:
            process.terminate()
            try:
                process.wait(WAIT_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(WAIT_S_MAX)


def _until_up(made: MariaDb, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + WAIT_S_MAX
    while not made.socket.exists():  # it is there once the server takes connections
        assert process.poll() is None, log.read_text("utf-8", "replace")[-2_000:]
        assert time.monotonic() < until, "MariaDB does not start"
        time.sleep(0.05)
    made.execute("SELECT 1")

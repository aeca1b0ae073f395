"""`account`: the operating-system account under which the embedded servers run.

- PostgreSQL refuses to run as root, so root lends it the account `pgserver`, made when missing, and
  lends it to Valkey too. Anyone else runs them as themselves.
- A folder is given to the account only if it is the caller's or the account's already. A link that
  leads there must be the caller's own: others can plant folders and links where we look for ours.
- Root writes nothing into a folder that it has given away: the account itself does.
- A folder that the account must pass through gets the permission to be passed through, no more.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hub.embedded.errors import EmbeddedError
from hub.embedded.limits import ACCOUNT_TIMEOUT_S, COMMAND_TIMEOUT_S

ACCOUNT_NAME = "pgserver"


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The account the servers run under; `name` is None when it is the caller's own."""

    name: str | None
    uid: int
    gid: int

    @classmethod
    def current(cls) -> Account:
        """Return the caller's own account, or the lent one when the caller is root."""
        if os.geteuid() != 0:
            return cls(name=None, uid=os.geteuid(), gid=os.getegid())
        entry = _ensure_lent_account()
        return cls(name=ACCOUNT_NAME, uid=entry.pw_uid, gid=entry.pw_gid)

    def switch(self) -> dict[str, object]:
        """Return the arguments that make `subprocess` run under this account."""
        if self.name is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Make `folder` exist, private to this account and reachable by it."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            opened = _opened(folder)
        except OSError as error:
            raise EmbeddedError(
                f"{folder} is no folder of the hub's own: {error.strerror}",
                "Look who made it; remove it, or give HUB_DATA_DIR another folder.",
            ) from error
        try:
            self._take(folder, opened)
        finally:
            os.close(opened)
        self.let_through(folder)

    def _take(self, folder: Path, opened: int) -> None:
        """Give away what was opened and looked at, whatever its name leads to by now."""
        uid = os.fstat(opened).st_uid
        if not self.may_take(uid):
            raise EmbeddedError(
                f"The folder {folder} belongs to another user ({uid})",
                "Look who made it; give HUB_DATA_DIR a folder of your own.",
            )
        if uid != self.uid:
            os.fchown(opened, self.uid, self.gid)
        os.fchmod(opened, 0o700)

    def may_take(self, uid: int) -> bool:
        """Say whether a folder that belongs to `uid` may become this account's."""
        return uid in (os.geteuid(), self.uid)

    def write(self, file: Path, text: str, *, append: bool = False) -> None:
        """Write a file that anybody who gets there may read, with no more rights than the account.

        Whoever is this account may have put a link in its place; it leads to what is his anyway.
        """
        renewed = 'umask 022; rm -f -- "$0"; cat > "$0"'
        self._sh('cat >> "$0"' if append else renewed, file, text)

    def kill(self, pid: int) -> None:
        """Kill a process of this account, and of no other, whatever the number is by now."""
        self._sh('kill -9 "$0"', pid, "")

    def _sh(self, script: str, operand: Path | int, text: str) -> None:
        try:
            subprocess.run(  # noqa: S603 - a constant script
                ["/bin/sh", "-c", script, str(operand)],
                input=text.encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=COMMAND_TIMEOUT_S,
                check=True,
                **self.switch(),  # type: ignore[call-overload] # a dict of user and group
            )
        except (OSError, subprocess.SubprocessError) as error:
            words = getattr(error, "stderr", None) or str(error).encode()
            raise EmbeddedError(
                f"{operand}: {words.decode(errors='replace').strip()}",
                "Look at the folder's owner and at the space on its disk.",
            ) from error

    def let_through(self, path: Path) -> None:
        """Add the permission to pass through each folder above `path` (root only)."""
        if self.name is None:
            return
        for folder in path.resolve().parents:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(mode | stat.S_IXOTH)


def _opened(folder: Path) -> int:
    """Open a folder; through a link only if it is the caller's own."""
    if folder.is_symlink() and folder.lstat().st_uid == os.geteuid():
        folder = folder.resolve()
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _ensure_lent_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", ACCOUNT_NAME]
    try:
        subprocess.run(  # noqa: S603 - a constant command
            command, check=True, capture_output=True, timeout=ACCOUNT_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedError(
            f"The account {ACCOUNT_NAME} could not be made: {error}",
            "Run the hub as an ordinary user, or set HUB_DATABASE_URL.",
        ) from error
    return pwd.getpwnam(ACCOUNT_NAME)

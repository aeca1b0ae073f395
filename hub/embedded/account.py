"""`account`: the operating-system account under which the embedded PostgreSQL runs.

- PostgreSQL refuses to run as root, so root lends it the account `pgserver`, made when missing.
- Anyone else runs it as themselves.
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

ACCOUNT_NAME = "pgserver"
ACCOUNT_TIMEOUT_S = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The account PostgreSQL runs under; `name` is None when it is the caller's own."""

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
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.stat().st_uid != self.uid:
            if os.geteuid() != 0:
                raise EmbeddedError(
                    f"The folder {folder} belongs to another user",
                    "Give HUB_DATA_DIR a folder of your own.",
                )
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)
        self.let_through(folder)

    def let_through(self, path: Path) -> None:
        """Add the permission to pass through each folder above `path` (root only)."""
        if self.name is None:
            return
        for folder in path.resolve().parents:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(mode | stat.S_IXOTH)


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

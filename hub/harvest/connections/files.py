"""`FilesConnection`: a folder where a source leaves files, here or behind SFTP.

[folder]
path = "/srv/drop/zju"
settle_s = 60                   # a file is complete when it has not changed for so long

[sftp]
host = "sftp.example.edu.cn"
port = 22
user = "hub"
key_file = "/etc/hub/keys/zju"  # mode 0600
key_passphrase = "…"            # where the key is locked
host_key = "ssh-ed25519 AAAA…"  # of the server, as its operator told it
folder = "/outgoing"
settle_s = 60
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from connectors.drop.folder import Folder
from connectors.drop.session import DropSession
from connectors.drop.sftp import SftpServer, open_sftp
from connectors.limits import Limits
from hub.harvest.connections.connection import from_table, require_private_file

__all__ = ["FILES", "FolderConnection", "SftpConnection"]

SETTLE_S_MAX = 86_400
PORT_MAX = 65_535


@dataclass(frozen=True, kw_only=True)
class FolderConnection:
    """A folder of this machine."""

    path: str
    settle_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant; the folder itself may come later."""
        if not Path(str(self.path)).is_absolute():
            raise ValueError("[folder] path begins with /")
        _require_settling(self.settle_s, "folder")

    @property
    def place(self) -> str:
        """Its path."""
        return self.path

    @property
    def secrets(self) -> tuple[str, ...]:
        """None."""
        return ()

    @asynccontextmanager
    async def session(self, source: str, limits: Limits) -> AsyncIterator[DropSession]:
        """Nothing is open between two acts."""
        place = Folder(source, Path(self.path))
        yield DropSession(source=source, place=place, limits=limits, settle_s=self.settle_s)


@dataclass(frozen=True, kw_only=True)
class SftpConnection:
    """A folder of a server, which is known by its key as we are by ours."""

    host: str
    user: str
    key_file: str
    host_key: str
    folder: str
    port: int = 22
    key_passphrase: str | None = None
    settle_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name in ("host", "user", "key_file", "host_key", "folder"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value or not value.isprintable():
                raise ValueError(f"[sftp] {name} is a text")
        if type(self.port) is not int or not 0 < self.port <= PORT_MAX:
            raise ValueError(f"[sftp] port is a number from 1 to {PORT_MAX}")
        _require_settling(self.settle_s, "sftp")
        try:
            asyncssh.import_public_key(self.host_key)
        except asyncssh.KeyImportError:
            raise ValueError(
                "[sftp] host_key is the server's public key, `ssh-ed25519 AAAA…`: its operator "
                "tells it; never take it from the network unseen"
            ) from None
        require_private_file("sftp", "key_file", self.key_file)

    @property
    def place(self) -> str:
        """User, server and folder."""
        return f"sftp://{self.user}@{self.host}:{self.port}{self.folder}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What opens our key."""
        return (self.key_passphrase,) if self.key_passphrase else ()

    @asynccontextmanager
    async def session(self, source: str, limits: Limits) -> AsyncIterator[DropSession]:
        """Stay connected for as long as the block runs."""
        server = SftpServer(
            host=self.host,
            port=self.port,
            user=self.user,
            key_file=Path(self.key_file),
            host_key=self.host_key,
            passphrase=self.key_passphrase,
        )
        async with open_sftp(source, server, self.folder, limits) as place:
            yield DropSession(source=source, place=place, limits=limits, settle_s=self.settle_s)


def _require_settling(value: Any, table: str) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= SETTLE_S_MAX:
        raise ValueError(f"[{table}] settle_s is a number of seconds, 0 to {SETTLE_S_MAX}")


class _Files:
    members = frozenset({"folder", "sftp"})

    def read(self, source: str, content: Mapping[str, Any]) -> FolderConnection | SftpConnection:
        del source
        if ("folder" in content) == ("sftp" in content):
            raise ValueError("say where the files are left: either [folder] or [sftp]")
        if "folder" in content:
            return from_table(FolderConnection, "folder", content["folder"])
        return from_table(SftpConnection, "sftp", content["sftp"])


FILES = _Files()

"""Folders where a source leaves files: one of this machine, and one behind a real SSH server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

USER = "hub"


@dataclass
class Play:
    """What the server does besides its work."""

    fault: str = ""
    channels: int = 0
    """Channels that were asked for."""
    refuse_channels: bool = False
    opens_max: int | None = None
    """Files that are opened before it hangs up."""
    connections: list[Any] = field(default_factory=list)
    files: list[Any] = field(default_factory=list)
    """What was opened: asyncssh does not close it for a client that is cut off."""


class _Server(asyncssh.SSHServer):
    def __init__(self, play: Play) -> None:
        self._play = play
        self._connection: Any = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._play.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True


class _Files(asyncssh.SFTPServer):
    """Serves a folder; `play.fault` names what goes wrong."""

    def __init__(self, channel: Any, root: Path, play: Play) -> None:
        super().__init__(channel, chroot=str(root).encode())
        self._play = play
        self._channel = channel
        self._reads = 0

    async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        self._reads += 1
        if self._play.fault == "dies" and offset:
            self._channel.get_connection().abort()
        if self._play.fault == "slow":
            await asyncio.sleep(30)
        if self._play.fault == "grows" and self._reads == 1:
            with Path(file_obj.name.decode()).open("ab") as file:
                file.write(b"more\n")
        return super().read(file_obj, offset, size)

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        if self._play.fault == "full":
            raise asyncssh.SFTPNoSpaceOnFilesystem("no room")
        if self._play.fault == "quota":
            raise asyncssh.SFTPFailure("Disk quota exceeded")
        return super().write(file_obj, offset, data)

    def open(self, path: bytes, pflags: int, attrs: Any) -> Any:
        if self._play.fault == "read-only" and pflags & asyncssh.FXF_WRITE:
            raise asyncssh.SFTPPermissionDenied("read-only")
        if len(self._play.files) == self._play.opens_max:
            self._channel.get_connection().abort()
        opened = super().open(path, pflags, attrs)
        self._play.files.append(opened)
        return opened

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self._play.fault == "old-server":
            raise asyncssh.SFTPOpUnsupported("no such extension")
        super().posix_rename(oldpath, newpath)


@dataclass
class SftpDouble:
    """A server that runs."""

    port: int
    host_key: str
    key_file: Path
    play: Play


@asynccontextmanager
async def sftp_server(root: Path, keys: Path) -> AsyncIterator[SftpDouble]:
    """Serve a folder to whoever has the key, as long as the block runs."""
    play = Play()
    host, ours = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    key_file = keys / "id_hub"
    ours.write_private_key(key_file)
    key_file.chmod(0o600)
    known = asyncssh.import_authorized_keys(ours.export_public_key().decode())

    def files(channel: Any) -> _Files:
        play.channels += 1
        if play.refuse_channels:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many")
        return _Files(channel, root, play)

    server = await asyncssh.create_server(
        lambda: _Server(play),
        "127.0.0.1",
        0,
        server_host_keys=[host],
        authorized_client_keys=known,
        sftp_factory=files,
        allow_scp=False,
    )
    try:
        yield SftpDouble(
            server.get_port(), host.export_public_key().decode().strip(), key_file, play
        )
    finally:
        server.close()
        for each in play.connections:
            each.abort()
        for each in play.files:
            each.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await server.wait_closed()

"""`SftpFolder`: a folder behind SFTP, over asyncssh.

- The key of the server is pinned: another one is refused before anything of ours is sent. Nothing
  is read from files of the user (`~/.ssh`), no agent is asked, and only our key is offered.
- Names are bytes there; those that are not UTF-8 are told and left alone.
- A file is written back under a hidden name that is changed then; where the server cannot change a
  name onto one that is there, the old one is removed first.
"""

from __future__ import annotations

import asyncio
import secrets
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import asyncssh

from connectors.drop.entries import DropEntry, EntryKind, shown_name
from connectors.errors import (
    ConnectorError,
    PayloadError,
    SlowError,
    SourceRefusedError,
    SourceUnavailableError,
)
from connectors.limits import DROP_PIECE_BYTES, SFTP_CLOSING_S, Limits

__all__ = ["SftpFolder", "SftpServer", "open_sftp"]

NANOSECONDS = 1_000_000_000
CURRENT = (b".", b"..")


@dataclass(frozen=True, kw_only=True)
class SftpFolder:
    """Reads and writes in one folder of a connection."""

    source: str
    client: asyncssh.SFTPClient
    folder: bytes
    limits: Limits

    async def entries(self, most: int) -> list[DropEntry]:
        """Return what lies in it."""
        listed: list[DropEntry] = []
        async with self._asking("the folder"):
            async for each in self.client.scandir(self.folder):
                name = _bytes(each.filename)
                if name in CURRENT:
                    continue
                attributes = each.attrs
                if attributes.permissions is None or attributes.size is None:
                    attributes = await self.client.lstat(self._path(name))
                listed.append(_entry(name, attributes))
                if len(listed) > most:
                    break
        return listed

    async def fetch(self, name: str, into: IO[bytes], bytes_max: int) -> DropEntry | None:
        """Copy a file, piece by piece; each piece has its own time limit."""
        path = self._path(name.encode())
        async with self._asking(shown_name(name)):
            try:
                async with self._opened(path, "rb") as file:
                    left = bytes_max + 1
                    while left:
                        async with asyncio.timeout(self.limits.read_s):
                            piece = await file.read(min(DROP_PIECE_BYTES, left))
                        if not piece:
                            break
                        into.write(piece)
                        left -= len(piece)
                return _entry(name.encode(), await self.client.lstat(path))
            except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
                return None

    async def store(self, name: str, content: bytes, beside: str) -> None:
        """Write a file whole; who may read it is the server's to say."""
        del beside
        path = self._path(name.encode())
        hidden = self._path(f".{secrets.token_hex(8)}.tmp".encode())
        async with self._asking(shown_name(name), is_writing=True):
            try:
                async with self._opened(hidden, "wb") as file:
                    for at in range(0, len(content), DROP_PIECE_BYTES):
                        async with asyncio.timeout(self.limits.write_s):
                            await file.write(content[at : at + DROP_PIECE_BYTES])
                await self._rename(hidden, path)
            except BaseException:
                with suppress(asyncssh.Error, OSError, TimeoutError):
                    async with asyncio.timeout(self.limits.connect_s):
                        await self.client.remove(hidden)
                raise

    async def _rename(self, hidden: bytes, path: bytes) -> None:
        try:
            await self.client.posix_rename(hidden, path)
        except asyncssh.SFTPOpUnsupported:
            with suppress(asyncssh.SFTPNoSuchFile):
                await self.client.remove(path)
            await self.client.rename(hidden, path)

    @asynccontextmanager
    async def _opened(self, path: bytes, mode: str) -> AsyncIterator[Any]:
        """Open a file; a server that does not answer any more is not waited for to close it."""
        # One request at a time: reads that asyncssh sends in parallel outlive a connection.
        file: Any = await self.client.open(path, mode, encoding=None, block_size=0)
        try:
            yield file
        except BaseException:
            with suppress(asyncssh.Error, OSError, TimeoutError):
                async with asyncio.timeout(SFTP_CLOSING_S):
                    await file.close()
            raise
        await file.close()

    def _path(self, name: bytes) -> bytes:
        return self.folder.rstrip(b"/") + b"/" + name

    @asynccontextmanager
    async def _asking(self, place: str, *, is_writing: bool = False) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.limits.total_s):
                yield
        except TimeoutError as error:
            raise SlowError(self.source, f"{place}: the server did not answer in time") from error
        except asyncssh.SFTPError as error:
            raise _sftp_error(self.source, place, error, is_writing=is_writing) from error
        except (asyncssh.Error, OSError) as error:
            said = f"{place}: the connection broke ({type(error).__name__})"
            raise SourceUnavailableError(self.source, said) from error


def _sftp_error(
    source: str, place: str, error: asyncssh.SFTPError, *, is_writing: bool
) -> ConnectorError:
    said = f"{place}: {type(error).__name__}"
    if isinstance(error, asyncssh.SFTPPermissionDenied | asyncssh.SFTPWriteProtect):
        right = "write into" if is_writing else "read"
        hint = f"ask its operator to let our user {right} the folder 请授予相应权限"
        return SourceRefusedError(source, said, hint=hint)
    full = (asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded)
    if isinstance(error, full) or (is_writing and type(error) is asyncssh.SFTPFailure):
        hint = "ask its operator to make room: disk or quota is full, as a rule 磁盘或配额已满"
        return SourceUnavailableError(source, said, hint=hint)
    missing = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory)
    if isinstance(error, missing):
        hint = "correct folder in [sftp], or ask its operator to make it 请核对文件夹"
        return PayloadError(source, f"{said}: there is no such folder", hint=hint)
    return SourceUnavailableError(source, said)


def _bytes(name: str | bytes) -> bytes:
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")


def _entry(name: bytes, found: asyncssh.SFTPAttrs) -> DropEntry:
    mode = found.permissions or 0
    if stat.S_ISREG(mode) or found.type == asyncssh.FILEXFER_TYPE_REGULAR:
        kind = EntryKind.FILE
    elif stat.S_ISDIR(mode) or found.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
        kind = EntryKind.FOLDER
    else:
        is_link = stat.S_ISLNK(mode) or found.type == asyncssh.FILEXFER_TYPE_SYMLINK
        kind = EntryKind.LINK if is_link else EntryKind.OTHER
    modified = (found.mtime or 0) * NANOSECONDS + (found.mtime_ns or 0)
    return DropEntry(
        name=name.decode("utf-8", "surrogateescape"),
        size=found.size or 0,
        modified=modified,
        kind=kind,
    )


@dataclass(frozen=True, kw_only=True)
class SftpServer:
    """Where a server is, by which key it is known, and which of ours it knows."""

    host: str
    port: int
    user: str
    key_file: Path
    host_key: str
    """One line as in `known_hosts`, without the name: `ssh-ed25519 AAAA…`."""
    passphrase: str | None = None


@asynccontextmanager
async def open_sftp(
    source: str, server: SftpServer, folder: str, limits: Limits
) -> AsyncIterator[SftpFolder]:
    """Connect for as long as the block runs."""
    place = f"{server.user}@{server.host}:{server.port}"
    try:
        async with asyncio.timeout(limits.connect_s + limits.read_s):
            connection = await _connected(source, server, limits)
    except TimeoutError as error:
        raise SlowError(source, f"{place}: the server did not answer in time") from error
    except asyncssh.Error as error:
        raise _ssh_error(source, place, error) from error
    except OSError as error:
        said = f"{place}: {error.strerror or type(error).__name__}"
        raise SourceUnavailableError(source, said) from error
    try:
        client = await _client(source, place, connection, limits)
        yield SftpFolder(
            source=source, client=client, folder=folder.encode() or b".", limits=limits
        )
    finally:
        connection.abort()  # nothing is on its way any more: each act waits for its answer
        with suppress(asyncssh.Error, OSError, TimeoutError):
            async with asyncio.timeout(limits.connect_s):
                await connection.wait_closed()


async def _connected(
    source: str, server: SftpServer, limits: Limits
) -> asyncssh.SSHClientConnection:
    try:
        pinned = asyncssh.import_public_key(server.host_key)
        key = asyncssh.read_private_key(server.key_file, server.passphrase)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, OSError, ValueError) as error:
        raise SourceRefusedError(
            source,
            f"a key of [sftp] cannot be read: {type(error).__name__}",
            hint="host_key is one line (ssh-ed25519 AAAA…), key_file a private key of OpenSSH; "
            "key_passphrase opens it where it is locked (in PKCS8: ssh-keygen -p -m PKCS8 -f FILE)",
        ) from error
    return await asyncssh.connect(
        server.host,
        server.port,
        username=server.user,
        client_keys=[key],
        known_hosts=([pinned], [], []),
        server_host_key_algs=_algorithms(pinned),
        config=None,
        agent_path=None,
        password=None,
        preferred_auth="publickey",
        connect_timeout=limits.connect_s,
        login_timeout=limits.read_s,
        keepalive_interval=limits.read_s,
    )


def _algorithms(pinned: asyncssh.SSHKey) -> list[str]:
    """Return the names under which the server may prove that it has the pinned key."""
    name = pinned.get_algorithm()
    return ["rsa-sha2-512", "rsa-sha2-256"] if name == "ssh-rsa" else [name]


async def _client(
    source: str, place: str, connection: asyncssh.SSHClientConnection, limits: Limits
) -> asyncssh.SFTPClient:
    try:
        async with asyncio.timeout(limits.read_s):
            return await connection.start_sftp_client(path_encoding=None)
    except TimeoutError as error:
        raise SlowError(source, f"{place}: SFTP did not begin in time") from error
    except (asyncssh.Error, OSError) as error:
        raise SourceUnavailableError(
            source,
            f"{place}: the server gives no SFTP ({type(error).__name__})",
            hint="ask its operator for the subsystem sftp, or whether it has too many channels "
            "open; the next run asks again",
        ) from error


def _ssh_error(source: str, place: str, error: asyncssh.Error) -> ConnectorError:
    said = f"{place}: {type(error).__name__}"
    if isinstance(error, asyncssh.HostKeyNotVerifiable | asyncssh.KeyExchangeFailed):
        return SourceRefusedError(
            source,
            f"{said}: the server has not the key that is pinned",
            hint="it was set up anew, or somebody stands between: ask its operator for its key by "
            "another way, and write it into host_key 请向对方核实主机密钥后再更新 host_key",
        )
    if isinstance(error, asyncssh.PermissionDenied):
        return SourceRefusedError(
            source,
            f"{said}: the server does not know our key",
            hint="give its operator our public key again, or correct user and key_file",
        )
    return SourceUnavailableError(source, said)

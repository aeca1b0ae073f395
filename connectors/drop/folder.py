"""`Folder`: a folder on a disk of this machine.

Nothing is followed out of it: files are opened below the folder itself and never through a link,
and a pipe that lies there keeps nobody waiting.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from connectors.drop.entries import DropEntry, EntryKind
from connectors.errors import ConnectorError, SourceRefusedError, SourceUnavailableError
from connectors.limits import DROP_PIECE_BYTES

__all__ = ["Folder"]

READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
WRITING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True)
class Folder:
    """Reads and writes in one folder."""

    source: str
    path: Path

    async def entries(self, most: int) -> list[DropEntry]:
        """Return what lies in it."""
        return await asyncio.to_thread(self._entries, most)

    async def fetch(self, name: str, into: IO[bytes], bytes_max: int) -> DropEntry | None:
        """Copy a file."""
        return await asyncio.to_thread(self._fetch, name, into, bytes_max)

    async def store(self, name: str, content: bytes, beside: str) -> None:
        """Write a file whole."""
        await asyncio.to_thread(self._store, name, content, beside)

    def _entries(self, most: int) -> list[DropEntry]:
        with self._opened() as folder, os.scandir(folder) as found:
            listed = []
            for each in islice(found, most + 1):
                with suppress(FileNotFoundError):  # it went meanwhile
                    listed.append(_entry(each.name, each.stat(follow_symlinks=False)))
            return listed

    def _fetch(self, name: str, into: IO[bytes], bytes_max: int) -> DropEntry | None:
        with self._opened(name) as folder:
            try:
                handle = os.open(name, READING, dir_fd=folder)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ELOOP):
                    return None
                raise
            with os.fdopen(handle, "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    return None
                left = bytes_max + 1
                while left and (piece := file.read(min(DROP_PIECE_BYTES, left))):
                    into.write(piece)
                    left -= len(piece)
            with suppress(FileNotFoundError):
                return _entry(name, os.stat(name, dir_fd=folder, follow_symlinks=False))
        return None

    def _store(self, name: str, content: bytes, beside: str) -> None:
        with self._opened(name, is_writing=True) as folder:
            hidden = f".{secrets.token_hex(8)}.tmp"
            try:
                with os.fdopen(os.open(hidden, WRITING, 0o640, dir_fd=folder), "wb") as file:
                    _let_read(file.fileno(), beside, folder)
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.rename(hidden, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(hidden, dir_fd=folder)
                raise

    @contextmanager
    def _opened(self, name: str = "", *, is_writing: bool = False) -> Iterator[int]:
        try:
            folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                yield folder
            finally:
                os.close(folder)
        except OSError as error:
            raise self._error(error, name, is_writing=is_writing) from error

    def _error(self, error: OSError, name: str, *, is_writing: bool) -> ConnectorError:
        what = f"{name}: " if name else "the folder: "
        said = f"{what}{error.strerror or type(error).__name__}"
        if error.errno in REFUSED:
            right = "write into" if is_writing else "read"
            hint = f"let the hub's user {right} the folder 请授予 hub 用户相应权限"
            return SourceRefusedError(self.source, said, hint=hint)
        if error.errno in FULL:
            hint = "make room there: the disk or its quota is full 磁盘或配额已满，请清理"
            return SourceUnavailableError(self.source, said, hint=hint)
        return SourceUnavailableError(
            self.source, said, hint="make sure that the folder is there and mounted"
        )


def _let_read(handle: int, beside: str, folder: int) -> None:
    """Let those read a file who may read the one that it answers, as far as that can be given."""
    with suppress(OSError):
        like = os.stat(beside, dir_fd=folder, follow_symlinks=False)
        os.fchmod(handle, like.st_mode & 0o666)
        os.fchown(handle, like.st_uid if os.geteuid() == 0 else -1, like.st_gid)


def _entry(name: str, found: os.stat_result) -> DropEntry:
    mode = found.st_mode
    if stat.S_ISREG(mode):
        kind = EntryKind.FILE
    elif stat.S_ISDIR(mode):
        kind = EntryKind.FOLDER
    else:
        kind = EntryKind.LINK if stat.S_ISLNK(mode) else EntryKind.OTHER
    return DropEntry(name=name, size=found.st_size, modified=found.st_mtime_ns, kind=kind)

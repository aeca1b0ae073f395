"""`DropSession`: a folder where a source leaves files, and what is known of them.

A file is complete when it is marked (`<name>.ok`), or when it has looked the same for `settle_s` by
our clock. It is read whole, and refused for now when it looks otherwise afterwards.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Protocol

from connectors.drop.entries import RECEIPTS, DropEntry, SortedOut, shown_name, sorted_out
from connectors.drop.ledger import FileState, KnownFile, Ledger, MemoryLedger
from connectors.errors import PayloadError, SlowError
from connectors.limits import Limits

__all__ = ["DropPlace", "DropSession", "Look", "MovingFileError", "Spooled"]


class MovingFileError(PayloadError):
    """A file was written to, or went, while it was read."""


class DropPlace(Protocol):
    """Where the folder is. What it raises are `ConnectorError`s that name the source."""

    async def entries(self, most: int) -> list[DropEntry]:
        """Return what lies in the folder, at most one more than `most`."""

    async def fetch(self, name: str, into: IO[bytes], bytes_max: int) -> DropEntry | None:
        """Copy a file, at most one byte more than `bytes_max`; return what it looks like then.

        None: it is not there any more, or is no file.
        """

    async def store(self, name: str, content: bytes, beside: str) -> None:
        """Write a file so that nobody sees a part of it: under another name, which is changed.

        `beside`: the file that it answers; who may read that may read this.
        """


@dataclass(frozen=True, kw_only=True)
class Spooled:
    """A file as it was read."""

    entry: DropEntry
    path: Path
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a look at the folder found."""

    ready: tuple[DropEntry, ...] = ()
    """Files that are complete and new, in the order of their time."""
    unanswered: tuple[DropEntry, ...] = ()
    """Files whose rows are in, with nothing written back yet."""
    refused: tuple[tuple[DropEntry, KnownFile], ...] = ()
    watched: tuple[DropEntry, ...] = ()
    """Files that may still be growing."""
    notes: tuple[str, ...] = ()
    """Of names that are not taken: why, and what to do."""
    known: dict[str, KnownFile] = field(default_factory=dict)


@dataclass
class DropSession:
    """What a reader of files needs of its source; `ledger` is given by whoever keeps one."""

    source: str
    place: DropPlace
    limits: Limits = field(default_factory=Limits)
    settle_s: float = 60.0
    ledger: Ledger = field(default_factory=MemoryLedger)
    answers: dict[str, bytes] = field(default_factory=dict)
    """What became of the rows of a document, by the name of its file, from whoever took them."""

    async def look(self) -> Look:
        """Look at the folder once."""
        entries = await self._bounded(self.place.entries(self.limits.files_max), "the folder")
        if len(entries) > self.limits.files_max:
            raise PayloadError(
                self.source,
                f"文件夹中超过 {self.limits.files_max} 个名称 "
                f"the folder holds over {self.limits.files_max} names",
                hint="move what was answered to an archive elsewhere 请将已处理的文件移走",
            )
        found = sorted_out(entries)
        known = dict(await self.ledger.watch(found.files))
        return self._sorted(found, known)

    def _sorted(self, found: SortedOut, known: dict[str, KnownFile]) -> Look:
        by_state: dict[FileState, list[DropEntry]] = {each: [] for each in FileState}
        watched = []
        for file in found.files:
            of_file = known[file.name]
            is_still = of_file.still >= timedelta(seconds=self.settle_s)
            if of_file.state is FileState.SEEN and not is_still and file.name not in found.marked:
                watched.append(file)
            else:
                by_state[of_file.state].append(file)
        return Look(
            ready=tuple(by_state[FileState.SEEN]),
            unanswered=tuple(by_state[FileState.TAKEN]),
            refused=tuple((each, known[each.name]) for each in by_state[FileState.REFUSED]),
            watched=tuple(watched),
            notes=found.notes,
            known=known,
        )

    @asynccontextmanager
    async def spooled(self, file: DropEntry, bytes_max: int) -> AsyncIterator[Spooled]:
        """Read a file whole into a temporary one, which is gone after the block.

        Raises `MovingFileError` where it is not the file any more that was looked at.
        """
        name = shown_name(file.name)
        if file.size > bytes_max:
            raise self._too_large(name, bytes_max)
        with tempfile.TemporaryDirectory(prefix="hub-drop-") as folder:
            path = Path(folder, file.name)  # by its name some tables are known, and told of
            # Not in a thread: one that is left behind when this is cancelled would leave it open.
            with path.open("wb") as spool:  # noqa: ASYNC230 - a new local file
                after = await self._bounded(self.place.fetch(file.name, spool, bytes_max), name)
                size = spool.tell()
            if size > bytes_max:
                raise self._too_large(name, bytes_max)
            if after is None or after.looks != file.looks or size != file.size:
                raise MovingFileError(
                    self.source,
                    f"{name}: 读取期间文件发生了变化 it changed while it was read",
                    hint="it is read again once it stands still; write <name>.ok when it is whole",
                )
            yield Spooled(entry=file, path=path, digest=await asyncio.to_thread(_digest, path))

    async def store(self, file: DropEntry, suffix: str, content: bytes) -> None:
        """Write an answer beside a file, whole or not at all."""
        name = f"{file.name}{suffix}"
        if len(content) > self.limits.write_back_bytes_max:
            raise self._too_large(shown_name(name), self.limits.write_back_bytes_max)
        await self._bounded(self.place.store(name, content, file.name), shown_name(name))

    async def settle(self, file: DropEntry, digest: bytes) -> None:
        """Note that the rows of a file are in, and write beside it what became of them.

        Raises `ConnectorError` where that cannot be written; it is tried again with the next look.
        """
        await self.ledger.note(file, FileState.TAKEN, digest)
        answer = self.answers.pop(file.name, None)
        if answer is not None:
            await self.store(file, RECEIPTS, answer)
        await self.ledger.note(file, FileState.ANSWERED, digest)

    def _too_large(self, name: str, bytes_max: int) -> PayloadError:
        return PayloadError(
            self.source,
            f"{name}: 超过 {bytes_max >> 20} MiB it has over {bytes_max} bytes",
            hint="leave it in parts 请拆分后重新放入",
        )

    async def _bounded(self, work: Any, place: str) -> Any:
        try:
            async with asyncio.timeout(self.limits.total_s):
                return await work
        except TimeoutError as error:
            limit = self.limits.total_s
            raise SlowError(self.source, f"{place}: no end in {limit:g} s") from error


def _digest(path: Path) -> bytes:
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.digest()

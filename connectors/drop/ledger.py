"""`Ledger`: what is known of the files of a folder; `MemoryLedger` forgets it with the session.

A file is known by its name and by what it looks like (size and time of change): when it looks
otherwise it is another file. How long it has stood still is told by the clock of the hub, from the
first look at which it looked so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from time import monotonic
from typing import Protocol

from connectors.drop.entries import DropEntry

__all__ = ["FileState", "KnownFile", "Ledger", "MemoryLedger"]


class FileState(StrEnum):
    """What became of a file."""

    SEEN = "SEEN"
    """It was there; nothing of it was read."""
    TAKEN = "TAKEN"
    """Its rows are in; what became of them is not written back yet."""
    ANSWERED = "ANSWERED"
    SAME = "SAME"
    """Its bytes had been taken before, under this name or another one."""
    REFUSED = "REFUSED"
    """It cannot be read as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFile:
    """What is known of a file."""

    state: FileState
    still: timedelta
    """How long it has stood still, as far as it was looked at."""
    since: timedelta = timedelta()
    """How long it has had its state."""
    road: bytes = b""
    """By what it was refused: SHA-256 of the mapping."""
    message: str = ""


class Ledger(Protocol):
    """Keeps what is known of the files of one source."""

    async def watch(self, files: Sequence[DropEntry]) -> Mapping[str, KnownFile]:
        """Note what the files of the folder look like now; return what is known of each name."""

    async def name_of(self, digest: bytes) -> str | None:
        """Return the name under which these bytes were taken; None: they never were."""

    async def note(
        self,
        file: DropEntry,
        state: FileState,
        digest: bytes,
        *,
        road: bytes = b"",
        message: str = "",
    ) -> None:
        """Keep what became of a file."""


@dataclass
class MemoryLedger:
    """Keeps it as long as it lives."""

    clock: Callable[[], float] = monotonic
    _seen: dict[tuple[str, tuple[int, int]], float] = field(default_factory=dict)
    _noted: dict[tuple[str, tuple[int, int]], KnownFile] = field(default_factory=dict)
    _digests: dict[bytes, str] = field(default_factory=dict)

    async def watch(self, files: Sequence[DropEntry]) -> Mapping[str, KnownFile]:
        """Note what the files look like now."""
        now = self.clock()
        there = {(each.name, each.looks) for each in files}
        self._seen = {key: min(self._seen.get(key, now), now) for key in there}
        known = {}
        for key in there:
            still = timedelta(seconds=now - self._seen[key])
            noted = self._noted.get(key, KnownFile(state=FileState.SEEN, still=still))
            known[key[0]] = replace(noted, still=still)
        return known

    async def name_of(self, digest: bytes) -> str | None:
        """Return the name under which these bytes were taken."""
        return self._digests.get(digest)

    async def note(
        self,
        file: DropEntry,
        state: FileState,
        digest: bytes,
        *,
        road: bytes = b"",
        message: str = "",
    ) -> None:
        """Keep what became of a file."""
        self._noted[file.name, file.looks] = KnownFile(
            state=state, still=timedelta(), road=road, message=message
        )
        if state in (FileState.TAKEN, FileState.ANSWERED):
            self._digests.setdefault(digest, file.name)

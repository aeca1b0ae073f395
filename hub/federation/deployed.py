"""`LiveSources`: the sources of this hub, read from the operator's files; which can be asked live.

A file that did not change stays the same source, with the token that it has at its system. What is
wrong with a file the schedule of harvests reports; here it is only left out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hub.errors import SettingsError
from hub.federation.limits import SOURCES_KEPT_S
from hub.harvest.config import load_source, sources_in
from hub.harvest.source import HarvestSource

__all__ = ["LiveSources"]

_Stamp = tuple[int, int]


class LiveSources:
    """Sources by their ids. `added`: those that the program itself hands over."""

    def __init__(
        self, folder: Path | None, added: Callable[[], Mapping[str, HarvestSource]] = dict
    ) -> None:
        self._folder = folder
        self._added = added
        self._read: dict[str, tuple[_Stamp, HarvestSource]] = {}
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def now(self) -> dict[str, HarvestSource]:
        """Return the sources that can be asked live."""
        sources = await self.all()
        return {name: each for name, each in sources.items() if each.adapter.live is not None}

    async def all(self) -> dict[str, HarvestSource]:
        """Return every source of this hub whose file can be read."""
        async with self._lock:
            if self._folder is not None and time.monotonic() >= self._until:
                self._read = await asyncio.to_thread(_look, self._folder, self._read)
                self._until = time.monotonic() + SOURCES_KEPT_S
        sources = {name: source for name, (_, source) in self._read.items()}
        return sources | dict(self._added())


def _look(
    folder: Path, before: Mapping[str, tuple[_Stamp, HarvestSource]]
) -> dict[str, tuple[_Stamp, HarvestSource]]:
    found: dict[str, tuple[_Stamp, HarvestSource]] = {}
    try:
        files = sources_in(folder)
    except SettingsError:
        return found
    for name, path in files.items():
        try:
            stat = path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            known = before.get(name)
            is_known = known is not None and known[0] == stamp
            found[name] = known if known and is_known else (stamp, load_source(path))
        except Exception:  # noqa: BLE001, S112 - one file stops no other; the schedule reports it
            continue
    return found

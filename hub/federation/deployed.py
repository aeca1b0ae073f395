"""`LiveSources`: the sources of this hub, read from the operator's files; which can be asked live.

A file that did not change stays the same source, with the token that it has at its system. What is
wrong with a file the schedule of harvests reports; here it is only left out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from hub.federation.limits import SOURCES_KEPT_S
from hub.harvest.config import load_source, load_sources
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
        self._sources: dict[str, HarvestSource] = {}
        self._loaded: dict[Path, tuple[_Stamp, HarvestSource]] = {}
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def now(self) -> dict[str, HarvestSource]:
        """Return the sources that can be asked live."""
        sources = await self.all()
        return {name: each for name, each in sources.items() if each.adapter.live is not None}

    async def all(self) -> dict[str, HarvestSource]:
        """Return every source of this hub whose file can be read."""
        async with self._lock:
            if time.monotonic() >= self._until:
                self._sources, _ = await asyncio.to_thread(load_sources, self._folder, self._load)
                self._loaded = {
                    path: kept for path, kept in self._loaded.items() if path.stem in self._sources
                }
                self._until = time.monotonic() + SOURCES_KEPT_S
        return self._sources | dict(self._added())

    def _load(self, path: Path) -> HarvestSource:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        known = self._loaded.get(path)
        if known is None or known[0] != stamp:
            known = self._loaded[path] = (stamp, load_source(path))
        return known[1]

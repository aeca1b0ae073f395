"""`memory`: the most memory that processes held, each with all its descendants.

Proportional set size: pages that several processes share (PostgreSQL's buffers) count once in all.
A tree is looked at a few times a second, so what is held for less is missed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

LOOK_S = 0.2
KIB = 1024


def parents() -> dict[int, int]:
    """Return the parent of every process of the machine."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError, ValueError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                found[int(entry.name)] = int(fields[1])
    return found


def tree(root: int, of: Mapping[int, int]) -> set[int]:
    """Return a process and its descendants."""
    found, more = set(), {root}
    while more:
        found |= more
        more = {pid for pid, parent in of.items() if parent in more} - found
    return found


def held_mib(pids: set[int]) -> float:
    """Return what processes hold now; one that has ended holds nothing."""
    kib = 0
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kib += int(line.split()[1])
    return kib / KIB


def own_peak_mib() -> float:
    """Return the most that this process held since it began (`getrusage` counts its parent's as well)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / KIB
    return 0.0


class Peaks:
    """Looks at trees of processes as long as the block runs; `mib` has the most of each."""

    def __init__(self, **roots: int) -> None:
        self.mib = dict.fromkeys(roots, 0.0)
        self._roots = dict(roots)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def add(self, name: str, root: int) -> None:
        """Look at another tree from now on."""
        self.mib.setdefault(name, 0.0)
        self._roots = {**self._roots, name: root}

    def look(self) -> None:
        """Look once."""
        of = parents()
        for name, root in self._roots.items():
            self.mib[name] = max(self.mib[name], held_mib(tree(root, of)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_S):
            self.look()

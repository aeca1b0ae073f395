"""A small disk: a file system in memory, mounted for one run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = "700m"
MOUNT_S = 20


class NoDiskError(Exception):
    """Nothing can be mounted here: it takes root, or a container that may."""


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a small file system on a new folder; it is gone afterwards."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={SIZE},mode=755", "torture", str(folder)]
    mounted = _run("mount", *options)
    if mounted.returncode != 0:
        raise NoDiskError(mounted.stderr.strip())
    try:
        yield
    finally:
        if _run("umount", str(folder)).returncode != 0:
            _run("umount", "--lazy", str(folder))  # a process that is ending has a file open


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=MOUNT_S, check=False)
    except OSError as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))

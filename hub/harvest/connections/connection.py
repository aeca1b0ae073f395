"""`SourceConnection`: what every way to a source has in common."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar

from connectors.limits import Limits
from connectors.reader import Session

__all__ = ["ConnectionKind", "SourceConnection", "from_table", "require_private_file"]

MadeT = TypeVar("MadeT")


class SourceConnection(Protocol):
    """Where a source is, and what lets us in."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never stand in a log."""

    @property
    def place(self) -> str:
        """Where it is, in words for the operator, without a secret."""

    def session(self, source: str, limits: Limits) -> AbstractAsyncContextManager[Session]:
        """Reach it for as long as the block runs."""


class ConnectionKind(Protocol):
    """Reads a connection from the operator's file."""

    members: frozenset[str]
    """Names of the file's top level that are its own."""

    def read(self, source: str, content: Mapping[str, Any]) -> SourceConnection:
        """Return it; `ValueError` says what is wrong with the file."""


def require_private_file(table: str, name: str, path: str) -> None:
    """Refuse a file of secrets that is not there or that others may read: `ValueError`."""
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"[{table}] {name}: there is no such file")
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise ValueError(f"[{table}] {name} can be read by others; run: chmod 600 {file}")


def from_table(made: type[MadeT], name: str, table: Any, **known: Any) -> MadeT:
    """Return a dataclass from the table of the file that has its name and its members.

    `known`: what does not come from the file. `ValueError` says what is unknown or missing.
    """
    if not isinstance(table, Mapping):
        raise ValueError(f"[{name}] is a table")  # noqa: TRY004 - a mistake in a file
    items = fields(made)  # type: ignore[arg-type]  # a dataclass
    of_class = {one.name: one for one in items if one.init and one.name not in known}
    unknown = sorted(set(table) - set(of_class))
    if unknown:
        raise ValueError(f"[{name}] does not know {', '.join(unknown)}")
    missing = [
        each.name
        for each in of_class.values()
        if each.default is MISSING and each.default_factory is MISSING and each.name not in table
    ]
    if missing:
        raise ValueError(f"[{name}] lacks {', '.join(missing)}")
    return made(**table, **known)

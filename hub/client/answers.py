"""`answers`: what a client gets back that is more than JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """The hub's answer to a push. `base`: the bytes that it signed, as evidence."""

    status: int
    body: dict[str, Any]
    idempotency_key: str
    base: bytes


@dataclass(frozen=True, slots=True)
class FetchedReceipt:
    """A receipt as text, and how the record stands at its source when it was fetched."""

    text: str
    standing: str
    """CURRENT, SUPERSEDED or WITHDRAWN."""
    successor: str | None
    """The entry that stands instead."""

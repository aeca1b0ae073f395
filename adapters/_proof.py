"""`LogProof`: what the receipt of a record proves of it, as its source's log tells; pure.

A mapping is given a judge by whoever knows which log is trusted (`Context.judge`). It has no part
in how a proof is checked, and decides alone what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Disproved", "Judge", "LogProof"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LogProof:
    """A record that is in the log of its source."""

    word: str
    """In which way: with witnesses or without."""
    record_type: str
    key: str
    revision: int
    origin: str
    """Name of the log."""
    leaf_index: int
    log_size: int
    """Leaves under the checkpoint that proves it."""


@dataclass(frozen=True, slots=True)
class Disproved:
    """A receipt that does not prove its record: in one word, and why in English."""

    word: str
    detail: str


Judge: TypeAlias = Callable[[str, str], LogProof | Disproved]
"""Judges a receipt (tlog-proof text) for the canonical bytes of a record, as text."""

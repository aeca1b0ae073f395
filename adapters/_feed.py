"""`Feed`: how a source tells of one record type: who begins, how often, how good it stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

__all__ = ["Feed", "Mode"]


class Mode(StrEnum):
    """Who begins."""

    HARVEST = "HARVEST"
    """The hub asks, on a schedule."""
    LIVE = "LIVE"
    """The hub asks when somebody asks the hub."""
    PUSH = "PUSH"
    """The source sends, when it likes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """What an adapter declares of one record type."""

    record_type: str
    mode: Mode
    every: timedelta | None
    """Time between two readings; None where nobody asks."""
    promised_freshness: timedelta
    """How old what it said may be before it counts as stale."""

"""`Feed`: how a source delivers one record type: pushed or harvested, how often, how fresh."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

__all__ = ["Feed", "Mode"]


class Mode(StrEnum):
    """Which side starts a transfer."""

    HARVEST = "HARVEST"
    """The hub asks, on a schedule."""
    LIVE = "LIVE"
    """The hub asks when somebody asks the hub, and on a schedule as well."""
    PUSH = "PUSH"
    """The source sends, when it likes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Feed:
    """What an adapter declares about the delivery of one record type."""

    record_type: str
    mode: Mode
    every: timedelta | None
    """Time between two readings; None where nobody asks."""
    promised_freshness: timedelta
    """How old what it said may be before it counts as stale."""
    stale_max: timedelta | None = None
    """How long an answer may be shown where keeping it is forbidden; None: it may be kept."""

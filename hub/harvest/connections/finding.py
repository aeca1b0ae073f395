"""`SourceFinding`: one line of `deltahub source check`: what was looked at, how it is, what to do.

A connection that can say more of its way to the source than "it opened" has `reach` (`Reaching`):
names, certificates, clocks. Every other connection is opened, and a failure of that is the finding.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from connectors.limits import Limits
from hub.clock import Clock

__all__ = ["CheckVerdict", "Reaching", "SourceFinding"]


class CheckVerdict(StrEnum):
    """How it is."""

    OK = "OK"
    WARN = "WARN"
    """It works; somebody should look at it."""
    FAIL = "FAIL"
    """It does not work, or what comes cannot be relied on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceFinding:
    """One line."""

    about: str
    """What was looked at, one or two words."""
    verdict: CheckVerdict
    zh: str
    en: str
    to_do: tuple[str, str] = ("", "")
    """What to do, Chinese and English; empty where nothing is."""


@runtime_checkable
class Reaching(Protocol):
    """A connection that looks at its own way to the source."""

    def reach(self, source: str, limits: Limits, clock: Clock) -> AsyncIterator[SourceFinding]:
        """Yield what is found on the way to the source, before anything of it is read.

        It ends after the first step that failed, since those after it cannot succeed.
        """

"""`Plausible`: in which bounds a value is believed; one outside goes in with a warning.

- What contradicts itself or breaks a form is refused (`schema.conform`); what is only unlikely is a
  mistake in most cases and a fact in some, so its sender is told and decides.
- A rule is data: it stands in the declaration of its item or record, with its reason.
- Bounds of time are counted from the moment at which a record comes in; a date that is less exact
  than a day is judged by its first day.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from schema.identifiers import Flaw

__all__ = ["BelievedUntil", "Plausible", "Unlikely"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plausible:
    """Bounds of one item: numbers and amounts of money by value, dates and times by distance."""

    zh: str
    """Why a value beyond is doubted, in Chinese."""
    en: str
    """The same in English."""
    low: float = -math.inf
    high: float = math.inf
    currency: str | None = None
    """Amounts of another currency are not judged."""
    days_ahead: int = 0
    """How far in the future a date or time is believed."""

    @property
    def flaw(self) -> Flaw:
        """What is said of a value outside."""
        return Flaw("IMPLAUSIBLE", self.zh, self.en)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unlikely:
    """A rule over several items of a record: `find` returns the item to look at, or None."""

    find: Callable[[Mapping[str, Any]], str | None]
    zh: str
    en: str

    @property
    def flaw(self) -> Flaw:
        """What is said of a record for which it holds."""
        return Flaw("IMPLAUSIBLE", self.zh, self.en)


class BelievedUntil:
    """The latest dates that are believed at one moment, as the standard writes them."""

    __slots__ = ("latest",)

    def __init__(self, now: datetime) -> None:
        self.latest = _Latest(now.astimezone(UTC))


class _Latest(dict[int, str]):
    """By days ahead the last moment that is believed; texts of dates and times compare with it."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self._now = now

    def __missing__(self, days: int) -> str:
        self[days] = (self._now + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self[days]

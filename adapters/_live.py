"""`Live`: what a source can be asked while a caller waits: the calendar of one instrument; pure.

The lists are those that a harvest reads, asked for a part of them, and their rows are mapped by the
same functions. The time that is asked for is the window of harvests (`Context.window_start`,
`window_end`), whatever part of it the caller looks at: so the coverage that follows is the record
that stands, and a question that finds nothing new writes nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from connectors.reader import Window

if TYPE_CHECKING:
    from adapters._adapter import Collection, Context, Mapped

__all__ = ["Covered", "Live", "LiveList", "WantedCalendar"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveList:
    """One list that is read for a question, and the part of it that is asked for."""

    collection: str
    window: Window


@dataclass(frozen=True, slots=True)
class WantedCalendar:
    """How fresh a caller wants a calendar, and how long he waits: what a source may pass on."""

    max_staleness_s: float
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Covered:
    """A coverage that a source states in its own words, and since when it knows nothing newer."""

    coverage: Mapped
    as_of: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """How a source is asked for what stands of one record type at one instrument."""

    record_type: str
    """What is asked for: what takes time (trait `Occupies`)."""
    accepts: Callable[[Context, str], bool]
    """Whether the source can be asked of the instrument with this key, in its own words."""
    question: Callable[[Context, str], Iterable[LiveList]]
    """Every list that may hold something of this instrument, after the look-up lists were read."""
    look_ups: tuple[str, ...] = ()
    """Lists that tell what the question needs; what they say is kept for some minutes."""
    covers: Callable[[Context, str], Covered | None] | None = None
    """What the answer says of how well the calendar is known; None of it: not at all. Without this
    an answer that came whole stands for the window of harvests, as of the question."""
    lists: tuple[Collection, ...] = ()
    """Lists that no harvest reads, only a question."""
    complete_within: bool = False
    """Whether an answer without any row is believed: that the instrument is not taken at all. Only
    where the source is known to refuse a question that it does not understand. One that says of
    which instruments it reports, in rows, is believed where it names the instrument."""
    is_steady: bool = False
    """Whether what its rows say depends on the window alone and not on the moment in it. The same
    bytes then say the same, and need not be read again. One whose rows hold what goes on now, and
    until when at least, is not steady."""

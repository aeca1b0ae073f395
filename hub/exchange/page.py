"""`page`: requests to the change feed and its answers, as values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.access.resource import Caller
from hub.exchange.limits import PAGE_DEFAULT


class ChangeKind(StrEnum):
    """What a follower has to do."""

    CHANGED = "CHANGED"
    """Read the item again."""
    REMOVED = "REMOVED"
    """The follower may not, or no longer, see the item: drop it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The present revision of an item: its place in the ledger without its content."""

    key: str
    owner: str
    source: str
    revision: int
    entry_id: int
    accepted_at: datetime
    withdrawn: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """An item to read again, or to drop.

    `header` is None where the follower may only learn that the item is no longer visible to it.
    """

    kind: ChangeKind
    record_type: str
    item_id: str
    header: Header | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangesRequest:
    """The page that a follower asks for. `types` None: every type that it may see."""

    caller: Caller
    after: str | None = None
    types: frozenset[str] | None = None
    owner: str | None = None
    """Only records of this party, to read them again after it came in `resync`."""
    first: int = PAGE_DEFAULT


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangePage:
    """One page of the feed."""

    changes: list[Change] = field(default_factory=list)
    resync: list[str] = field(default_factory=list)
    """Owners of whose data the follower may now see more, or less."""
    end_cursor: str
    has_more: bool
    retry_after_s: int = 0


FollowChanges = Callable[[ChangesRequest], Awaitable[ChangePage]]
"""Answers one request to the change feed."""

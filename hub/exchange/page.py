"""`page`: what the change feed is asked and what it answers, as values."""

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
    """Look at the item again."""
    REMOVED = "REMOVED"
    """It is not there for this follower, or no longer: drop it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What stands now: nothing of its content, all of its place in the ledger."""

    key: str
    owner: str
    source: str
    revision: int
    entry_id: int
    accepted_at: datetime
    withdrawn: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """An item that is to be looked at again, or dropped.

    `header` is None for who may know no more than that the item is not for him any longer.
    """

    kind: ChangeKind
    record_type: str
    item_id: str
    header: Header | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a follower asks for. `types` None: every type that it may see."""

    caller: Caller
    after: str | None = None
    types: frozenset[str] | None = None
    owner: str | None = None
    """Only what is this party's: to read it again after its name came in `resync`."""
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


FollowChanges = Callable[[Asked], Awaitable[ChangePage]]
"""Answers the page that is asked for."""

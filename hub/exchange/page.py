"""`page`: requests to the change feed and its answers, as values."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.access.resource import Caller
from hub.errors import ErrorCode, RefusedError
from hub.exchange.limits import PAGE_DEFAULT, PAGE_MAX

_PARTY = re.compile(r"[a-z][a-z0-9]*:\S+")
"""The key of a party: a scheme and a value."""


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


def wanted_types(request: ChangesRequest, known: Sequence[str]) -> frozenset[str]:
    """Return the record types that a request asks for; what means nothing is BAD_USER_INPUT.

    Refused are types that nobody knows and an owner that is no key: who follows it would wait for
    ever. An empty list is no mistake: its follower hears of `resync` alone.
    """
    if not 1 <= request.first <= PAGE_MAX:
        raise _meaningless(f"first 在 1 至 {PAGE_MAX} 之间。", f"first is from 1 to {PAGE_MAX}.")
    if request.owner is not None and not _PARTY.fullmatch(request.owner):
        raise _meaningless(
            "owner 为单位主键，如 moe:10335。", "owner is the key of a party, such as moe:10335."
        )
    if request.types is None:
        return frozenset(known)
    if not request.types <= frozenset(known):
        names = ", ".join(known)
        raise _meaningless(f"types 取自：{names}。", f"types are some of: {names}.")
    return request.types


def _meaningless(zh: str, en: str) -> RefusedError:
    return RefusedError(ErrorCode.BAD_USER_INPUT, hint=en, hint_zh=zh)

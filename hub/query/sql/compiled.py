"""`compiled`: the result of compiling an operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.query.plan.binding import Bind, Check, Env
from hub.query.plan.cost import Cost
from hub.query.plan.errors import FieldDenied, FieldFault, Narrowed

if TYPE_CHECKING:
    from hub.query.plan.reach import ReachOf
    from hub.query.sql.touching import Touch


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement with `$n` parameters, the checks before it and the denials that go with it."""

    sql: bytes
    binds: tuple[Bind, ...]
    checks: tuple[Check, ...]
    cost: Cost
    denied: tuple[FieldDenied, ...]
    records: frozenset[str]
    guarded: bool
    """Some value may be hidden by an agreement."""
    narrowed: tuple[Narrowed, ...] = ()
    identities: tuple[Callable[[Env], list[str]], ...] = ()
    """Functions that return the ids in the arguments of a request."""
    faults: tuple[Callable[[Env], list[FieldFault]], ...] = ()
    """Functions that return what is null because of the values of a request."""
    protected: bool = False
    """Rows are marked of which something is not for everybody (`hub.query.sql.marks`)."""
    asked: frozenset[tuple[str, str, str]] = frozenset()
    """Grade, scope and name of protected items by which rows are chosen, sorted or counted."""
    touched: frozenset[str] = frozenset()
    """Response keys of root fields that look at calendars …"""
    moving: frozenset[str] = frozenset()
    """… and of those whose rows depend on them."""
    reaches: tuple[ReachOf | None, ...] = (None,)
    """Whom each field of the root that reads records is about; None: anybody."""
    touches: tuple[Touch, ...] = ()
    """Root fields that can say how fresh they must be, where a request may."""
    looked_up: Compiled | None = None
    """The statement for the keys of those of them that look one up, where there are several."""

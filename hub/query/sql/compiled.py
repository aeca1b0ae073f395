"""`compiled`: what the compiler makes of an operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hub.query.plan.binding import Bind, Check, Env
from hub.query.plan.cost import Cost
from hub.query.plan.errors import FieldDenied


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement with `$n` parameters, and what must happen around it."""

    sql: bytes
    binds: tuple[Bind, ...]
    checks: tuple[Check, ...]
    cost: Cost
    denied: tuple[FieldDenied, ...]
    records: frozenset[str]
    guarded: bool
    """Some value may be hidden by an agreement."""
    identities: tuple[Callable[[Env], list[str]], ...] = ()
    """What gives the ids that a request asks for."""

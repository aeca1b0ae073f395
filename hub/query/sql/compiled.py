"""`compiled`: what the compiler makes, and where in a document it stands while it makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphql import FieldNode, GraphQLObjectType

from hub.query.plan.binding import Bind, Check, Env
from hub.query.plan.cost import Cost
from hub.query.plan.errors import FieldDenied

Path = tuple[str, ...]
"""Response keys from the root."""


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


@dataclass(frozen=True, slots=True)
class Place:
    """A field in the tree: its nodes, the type it belongs to, and the row it is read from."""

    nodes: list[FieldNode]
    kind: GraphQLObjectType
    alias: str
    path: Path
    cost: Cost

"""`writer`: where in a document a field stands, and who writes what is below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from graphql import FieldNode, GraphQLObjectType

from hub.query.plan.arguments import Argument
from hub.query.plan.cost import Cost
from hub.query.plan.selection import Selected, Selection
from hub.query.sql.model import Model
from hub.query.sql.statement import Statement

Path = tuple[str, ...]
"""Response keys from the root."""


@dataclass(frozen=True, slots=True)
class ParameterPlace:
    """A field in the tree: its nodes, the type it belongs to, and the row it is read from."""

    nodes: list[FieldNode]
    kind: GraphQLObjectType
    alias: str
    path: Path
    cost: Cost


class Writer(Protocol):
    """Writes the selection sets of one statement; `hub.query.sql.compile` is the one there is."""

    @property
    def model(self) -> Model:
        """What each field is in SQL."""
        ...

    @property
    def selection(self) -> Selection:
        """What the document asks for."""
        ...

    @property
    def out(self) -> Statement:
        """What is gathered for the statement."""
        ...

    def object(
        self, selected: Selected, kind: GraphQLObjectType, alias: str, path: Path, cost: Cost
    ) -> str:
        """Return the JSON text of an object of this type, read from the row `alias`."""
        ...

    def inner(self, nodes: list[FieldNode], name: str, alias: str, path: Path, cost: Cost) -> str:
        """Return the JSON text of what stands below fields of one key, of the type of that name."""
        ...

    def argument(self, here: ParameterPlace, name: str) -> Argument | None:
        """Return an argument of the field at a place."""
        ...

"""`writer`: the place of a field in a document, and what writes the fields below it."""

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
class FieldPlace:
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
        """The selections of the document."""
        ...

    @property
    def out(self) -> Statement:
        """The statement that is being written."""
        ...

    def object(
        self, selected: Selected, kind: GraphQLObjectType, alias: str, path: Path, cost: Cost
    ) -> str:
        """Return the JSON text of an object of this type, read from the row `alias`."""
        ...

    def inner(self, nodes: list[FieldNode], name: str, alias: str, path: Path, cost: Cost) -> str:
        """Return the JSON text of the selections below fields of one key; `name` is their type."""
        ...

    def argument(self, here: FieldPlace, name: str) -> Argument | None:
        """Return an argument of the field at a place."""
        ...

"""What a query costs by the directives of a subgraph's text alone, as a gateway reckons it.

Written from the IBM GraphQL cost specification and Apollo's page on demand control, not from the
hub: objects count 1, scalars 0, unless `@cost` says otherwise; a list counts its members, by
`@listSize`. A sized field of a connection takes the size of its parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldDefinitionNode,
    FieldNode,
    InputObjectTypeDefinitionNode,
    InterfaceTypeDefinitionNode,
    ListTypeNode,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TypeNode,
    parse,
    value_from_ast_untyped,
)

Directives = dict[str, dict[str, Any]]


def _directives(node: Any) -> Directives:
    return {
        each.name.value: {
            a.name.value: value_from_ast_untyped(a.value) for a in each.arguments or ()
        }
        for each in node.directives or ()
    }


def _named(kind: TypeNode) -> tuple[str, bool]:
    """Return the name of a type, and whether it is a list of it."""
    if isinstance(kind, NonNullTypeNode):
        return _named(kind.type)
    if isinstance(kind, ListTypeNode):
        return _named(kind.type)[0], True
    return kind.name.value, False  # type: ignore[attr-defined]


class PrintedCosts:
    """The cost of queries by the text of a subgraph."""

    def __init__(self, text: str) -> None:
        self._types = {
            each.name.value: each
            for each in parse(text).definitions
            if isinstance(
                each,
                ObjectTypeDefinitionNode
                | InterfaceTypeDefinitionNode
                | InputObjectTypeDefinitionNode,
            )
        }

    def of(self, query: str, variables: Mapping[str, Any]) -> int:
        """Return the cost of the one operation of a document without fragments."""
        document: DocumentNode = parse(query)
        (operation,) = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        return self._inside(operation.selection_set, "Query", variables, {})

    def _inside(
        self,
        selection: SelectionSetNode,
        kind: str,
        values: Mapping[str, Any],
        sizes: dict[str, int],
    ) -> int:
        total = 0
        for node in selection.selections:
            assert isinstance(node, FieldNode)
            if node.name.value != "__typename":
                total += self._field(node, self._field_of(kind, node.name.value), values, sizes)
        return total

    def _field_of(self, kind: str, name: str) -> Any:
        return next(each for each in self._types[kind].fields or () if each.name.value == name)

    def _field(
        self,
        node: FieldNode,
        declared: FieldDefinitionNode,
        values: Mapping[str, Any],
        sizes: dict[str, int],
    ) -> int:
        name, is_list = _named(declared.type)
        directives = _directives(declared)
        listed = directives.get("listSize", {})
        size = self._size(node, listed, values)
        own = int(name in self._types)
        own = _directives(self._types[name]).get("cost", {"weight": own})["weight"] if own else 0
        own = directives.get("cost", {"weight": own})["weight"]
        below = 0
        if node.selection_set is not None:
            passed = dict.fromkeys(listed.get("sizedFields", ()), size)
            below = self._inside(node.selection_set, name, values, passed)
        times = sizes.get(node.name.value, size) if is_list else 1
        return self._arguments(node, declared) + times * (own + below)

    def _size(self, node: FieldNode, listed: Mapping[str, Any], values: Mapping[str, Any]) -> int:
        asked = [
            value_from_ast_untyped(each.value, dict(values))
            for each in node.arguments or ()
            if each.name.value in listed.get("slicingArguments", ())
        ]
        given = [each for each in asked if isinstance(each, int)]
        return max(given, default=listed.get("assumedSize", 1))

    def _arguments(self, node: FieldNode, declared: FieldDefinitionNode) -> int:
        total = 0
        for each in node.arguments or ():
            argument = next(a for a in declared.arguments or () if a.name.value == each.name.value)
            total += _directives(argument).get("cost", {"weight": 0})["weight"]
            if isinstance(each.value, ObjectValueNode):
                total += self._members(each.value, _named(argument.type)[0])
        return total

    def _members(self, value: ObjectValueNode, kind: str) -> int:
        weights = [_directives(self._field_of(kind, each.name.value)) for each in value.fields]
        return sum(each.get("cost", {"weight": 0})["weight"] for each in weights)

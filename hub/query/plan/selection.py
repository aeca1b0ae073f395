"""`selection`: which fields a selection set asks for, of which type.

GraphQL specification, October 2021, §6.3.2 (CollectFields), §3.13.1-2 (@skip, @include).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    is_abstract_type,
)

from hub.query.plan.arguments import Sample, from_literal
from hub.query.plan.errors import NotCompilableError

Fragments = Mapping[str, FragmentDefinitionNode]
Selected = dict[str, list[FieldNode]]
"""Fields by response key; those of one key are to be merged."""


class Selection:
    """Reads the selection sets of one operation."""

    def __init__(self, schema: GraphQLSchema, fragments: Fragments, sample: Sample) -> None:
        self._schema = schema
        self._fragments = fragments
        self._sample = sample

    def _included(self, directives: Iterable[DirectiveNode]) -> bool:
        for directive in directives:
            name = directive.name.value
            if name not in ("skip", "include"):
                raise NotCompilableError(f"@{name}")
            declared = self._schema.get_directive(name)
            assert declared is not None
            assert directive.arguments, "validated"
            condition = from_literal(
                name, directive.arguments[0].value, declared.args["if"].type, self._sample
            )
            on = condition is not None and bool(condition.read(self._sample.values))
            if on is (name == "skip"):
                return False
        return True

    def collect(self, sets: Iterable[SelectionSetNode | None], kind: GraphQLObjectType) -> Selected:
        """Return the fields that some selection sets ask of an object of this type.

        The sets are one set that is merged: a fragment counts once in all of them, or fragments
        that are spread twice below the same field would double at every level.
        """
        selected: Selected = {}
        seen: set[str] = set()
        for each in sets:
            if each is not None:
                self._collect_into(selected, each.selections, kind, seen)
        return selected

    def _collect_into(
        self,
        selected: Selected,
        selections: Iterable[SelectionNode],
        kind: GraphQLObjectType,
        seen: set[str],
    ) -> None:
        for node in selections:
            if not self._included(node.directives or ()):
                continue
            if isinstance(node, FieldNode):
                selected.setdefault((node.alias or node.name).value, []).append(node)
                continue
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in seen:
                    continue
                seen.add(node.name.value)
                fragment: FragmentDefinitionNode | InlineFragmentNode = self._fragments[
                    node.name.value
                ]
            else:
                assert isinstance(node, InlineFragmentNode)
                fragment = node
            if self._applies(fragment, kind):
                self._collect_into(selected, fragment.selection_set.selections, kind, seen)

    def _applies(
        self, fragment: FragmentDefinitionNode | InlineFragmentNode, kind: GraphQLObjectType
    ) -> bool:
        if fragment.type_condition is None:
            return True
        condition = self._schema.get_type(fragment.type_condition.name.value)
        if condition is kind:
            return True
        return is_abstract_type(condition) and self._schema.is_sub_type(condition, kind)

    def type(self, name: str) -> GraphQLObjectType:
        """Return the object type of that name."""
        kind = self._schema.get_type(name)
        assert isinstance(kind, GraphQLObjectType)
        return kind

    def subfields(self, nodes: list[FieldNode], name: str) -> Selected:
        """Return the fields selected below the fields of one response key."""
        return self.collect((node.selection_set for node in nodes), self.type(name))

"""`arguments`: arguments of a field, read from literals or variables, whatever their values are.

- Only the shape of an argument (which members are present, how many objects a list has, which
  orders it names) may decide the text of a statement; every value becomes a parameter.
- An absent argument and an explicit null are the same: None.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    coerce_input_literal,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Undefined

from hub.query.plan.references import ANY, record_types

Read = Callable[[VariableValues], Any]
NOTHING = VariableValues({}, {})


@dataclass(slots=True)
class Sample:
    """Variables of the shape that a plan is made for.

    Forgotten when the plan is complete, so that no cached plan keeps a caller's values.
    """

    values: VariableValues

    def forget(self) -> None:
        """Forget the values."""
        self.values = NOTHING


@dataclass(frozen=True, slots=True, eq=False)
class Argument:
    """A present, non-null value. `read` takes it from the variables of a request."""

    name: str
    key: Hashable
    """Equal for values that are equal in every request."""
    type: GraphQLInputType
    read: Read
    node: ValueNode | None
    """The literal, or None for what came in a variable."""
    sample: Sample

    @property
    def is_constant(self) -> bool:
        """Whether the value is written in the document, so that it is the same in every request."""
        return self.node is not None and not _has_variable(self.node)

    def get(self, name: str) -> Argument | None:
        """Return a member of an input object; None when it is absent, null or not declared."""
        kind = get_named_type(self.type)
        assert isinstance(kind, GraphQLInputObjectType)
        field = kind.fields.get(name)
        if field is None:
            return None
        where = f"{self.name}.{name}"
        if isinstance(self.node, ObjectValueNode):
            literal = next((f.value for f in self.node.fields if f.name.value == name), None)
            return from_literal(where, literal, field.type, self.sample)
        return self._inside(where, name, field.type)

    def members(self) -> list[Argument]:
        """Return the members of a list; a single value is a list of itself, as GraphQL says."""
        kind = get_nullable_type(self.type)
        assert is_list_type(kind)
        inner: GraphQLInputType = kind.of_type
        if isinstance(self.node, ListValueNode):
            nodes: list[ValueNode] = list(self.node.values)
        elif self.node is not None:
            nodes = [self.node]
        else:
            count = len(self.read(self.sample.values))
            arguments = [self._inside(f"{self.name}.{n}", n, inner) for n in range(count)]
            return [each for each in arguments if each is not None]
        literals = [
            from_literal(f"{self.name}.{n}", node, inner, self.sample)
            for n, node in enumerate(nodes)
        ]
        return [each for each in literals if each is not None]

    def _inside(self, where: str, step: str | int, kind: GraphQLInputType) -> Argument | None:
        read = self.read

        def inner(variables: VariableValues) -> Any:
            holder = read(variables)
            return holder.get(step) if isinstance(holder, Mapping) else holder[step]

        if inner(self.sample.values) is None:
            return None
        return Argument(where, (self.key, step), kind, inner, None, self.sample)


def from_literal(
    name: str, node: ValueNode | None, kind: GraphQLInputType, sample: Sample
) -> Argument | None:
    """Return the argument that a literal or a variable gives, or None for nothing and null."""
    if node is None or isinstance(node, NullValueNode):
        return None
    if isinstance(node, VariableNode):
        variable = node.name.value

        def take(variables: VariableValues) -> Any:
            return variables.coerced.get(variable)

        if take(sample.values) is None:
            return None
        return Argument(name, ("$", variable), kind, take, None, sample)
    if _has_variable(node):

        def evaluate(variables: VariableValues) -> Any:
            return coerce_input_literal(node, kind, variables)

        return Argument(name, ("literal", id(node)), kind, evaluate, node, sample)
    constant = coerce_input_literal(node, kind)
    return Argument(name, ("literal", id(node)), kind, lambda _: constant, node, sample)


def argument_of(node: FieldNode, field: GraphQLField, name: str, sample: Sample) -> Argument | None:
    """Return an argument of a field, or its declared default."""
    declared = field.args.get(name)
    if declared is None:
        return None
    where = f"{node.name.value}.{name}"
    literal = next((a.value for a in node.arguments or () if a.name.value == name), None)
    absent = literal is None or (
        isinstance(literal, VariableNode) and literal.name.value not in sample.values.coerced
    )
    if absent:
        default = declared.default_value
        if default is Undefined or default is None:
            return None
        return Argument(
            where, ("default", repr(default)), declared.type, lambda _: default, None, sample
        )
    return from_literal(where, literal, declared.type, sample)


def _has_variable(node: ValueNode) -> bool:
    if isinstance(node, VariableNode):
        return True
    if isinstance(node, ListValueNode):
        return any(_has_variable(value) for value in node.values)
    if isinstance(node, ObjectValueNode):
        return any(_has_variable(field.value) for field in node.fields)
    return False


Shape = Callable[[Any], Hashable]
STRUCTURAL = ("Order", "Facet")
"""Ends of the names of enums whose values shape a statement."""


@lru_cache(maxsize=1024)
def shape_of(kind: GraphQLInputType) -> Shape:
    """Return the function that reduces a coerced value of a type to what may shape a statement.

    Presence, null, emptiness, booleans, blankness of a text and orders stay; all else is a mark.
    """
    plain = get_nullable_type(kind)
    if is_list_type(plain):
        return _list_shape(plain.of_type)
    if isinstance(plain, GraphQLInputObjectType):
        fields = plain.fields

        def of_object(value: Any) -> Hashable:
            if value is None:
                return None
            return tuple((name, shape_of(fields[name].type)(value[name])) for name in value)

        return of_object
    if isinstance(plain, GraphQLEnumType) and plain.name.endswith(STRUCTURAL):
        return lambda value: None if value is None else value.value
    if getattr(plain, "name", "") == "Boolean":
        return lambda value: value
    if getattr(plain, "name", "") == "String":  # a blank search does not narrow anything
        return lambda value: None if value is None else "*" if value.strip() else ""
    return lambda value: None if value is None else "*"


def _list_shape(inner: GraphQLInputType) -> Shape:
    member = get_nullable_type(inner)
    if getattr(member, "name", "") == ANY:
        return lambda value: None if value is None else record_types(value)
    structural = isinstance(member, GraphQLInputObjectType) or (
        isinstance(member, GraphQLEnumType) and member.name.endswith(STRUCTURAL)
    )
    if not structural:
        return lambda value: None if value is None else "*" if value else ()
    shape = shape_of(inner)
    return lambda value: None if value is None else tuple(shape(each) for each in value)

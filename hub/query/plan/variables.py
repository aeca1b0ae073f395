"""`variables`: the values of an operation's variables, read by graphql-core's rules.

What a request sends is nearly always of the very types that its document declares. That is seen in
one walk over the values, prepared with the document; whatever is not plainly right (another type, a
single value for a list, a default of the document, too deep) is read by graphql-core, which has the
words for what is wrong too. So nothing is accepted here that it would not accept, and what is
accepted comes out the same (GraphQL specification §3.5-3.12 "Input Coercion", §6.1.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.pyutils import Undefined
from graphql.utilities.coerce_input_value import coerce_default_value

from hub.query.plan.limits import PLAIN_DEPTH_MAX

_INT = range(-(2**31), 2**31)
_Reading: TypeAlias = Callable[[Any, int], Any]
_EXACT: Mapping[Any, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}


class _NotPlainlyRightError(Exception):
    """A value has to be looked at by graphql-core."""


@dataclass(frozen=True, slots=True)
class _Declared:
    name: str
    signature: GraphQLVariableSignature
    read: _Reading
    is_needed: bool


class VariableReader:
    """Reads the variables of one operation."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._nodes = operation.variable_definitions or ()
        self._declared = _declared(schema, operation)

    def read(self, variables: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """Return the values, or what is wrong with the first that is."""
        if self._declared is not None:
            try:
                return _plain(self._declared, variables)
            except _NotPlainlyRightError:
                pass
        return get_variable_values(
            self._schema, self._nodes, dict(variables), max_errors=1, hide_suggestions=True
        )


def _plain(declared: tuple[_Declared, ...], variables: Mapping[str, Any]) -> VariableValues:
    sources: dict[str, VariableValueSource] = {}
    coerced: dict[str, Any] = {}
    for each in declared:
        value = variables.get(each.name, Undefined)
        if value is not Undefined:
            sources[each.name] = VariableValueSource(each.signature, value)
            coerced[each.name] = each.read(value, 0)
        elif each.is_needed:
            raise _NotPlainlyRightError
        else:
            sources[each.name] = VariableValueSource(each.signature)
    return VariableValues(sources, coerced)


def _declared(
    schema: GraphQLSchema, operation: OperationDefinitionNode
) -> tuple[_Declared, ...] | None:
    """Return the variables of an operation; None where one is for graphql-core alone."""
    found = []
    known: dict[GraphQLInputObjectType, _Reading] = {}
    for node in operation.variable_definitions or ():
        signature = get_variable_signature(schema, node)
        if isinstance(signature, GraphQLError) or node.default_value is not None:
            return None
        kind = signature.type
        read = _reading(kind, known)
        found.append(_Declared(signature.name, signature, read, isinstance(kind, GraphQLNonNull)))
    return tuple(found)


def _reading(kind: Any, known: dict[GraphQLInputObjectType, _Reading]) -> _Reading:
    """Return what reads values of a type, which may be made of types that name it."""
    if isinstance(kind, GraphQLNonNull):
        return _needed(_reading(kind.of_type, known))
    if isinstance(kind, GraphQLList):
        return _list(_reading(kind.of_type, known))
    if isinstance(kind, GraphQLInputObjectType):
        if kind not in known:
            known[kind] = _ObjectReading(kind, known)
        return known[kind]
    if kind is GraphQLInt:
        return _whole_number
    return _exactly(_EXACT[kind]) if kind in _EXACT else _leaf(kind)


def _needed(read: _Reading) -> _Reading:
    def needed(value: Any, depth: int) -> Any:
        if value is None:
            raise _NotPlainlyRightError
        return read(value, depth)

    return needed


def _exactly(kind: type) -> _Reading:
    def exactly(value: Any, _depth: int) -> Any:
        if value is not None and type(value) is not kind:
            raise _NotPlainlyRightError
        return value

    return exactly


def _whole_number(value: Any, _depth: int) -> Any:
    if value is not None and (type(value) is not int or value not in _INT):
        raise _NotPlainlyRightError
    return value


def _leaf(kind: Any) -> _Reading:
    coerce = kind.coerce_input_value

    def leaf(value: Any, _depth: int) -> Any:
        if value is None:
            return None
        try:
            made = coerce(value)
        except Exception as error:  # whatever a scalar raises, graphql-core says what is wrong
            raise _NotPlainlyRightError from error
        if made is Undefined:
            raise _NotPlainlyRightError
        return made

    return leaf


def _list(read: _Reading) -> _Reading:
    def whole(value: Any, depth: int) -> Any:
        if value is None:
            return None
        if type(value) is not list or depth >= PLAIN_DEPTH_MAX:
            raise _NotPlainlyRightError
        return [read(each, depth + 1) for each in value]

    return whole


class _ObjectReading:
    """Reads the values of one input type; its members are found when the first value comes."""

    def __init__(
        self, kind: GraphQLInputObjectType, known: dict[GraphQLInputObjectType, _Reading]
    ) -> None:
        self._kind = kind
        self._known = known
        self._members: list[tuple[str, str, _Reading, bool, Any]] | None = None

    def __call__(self, value: Any, depth: int) -> Any:
        if value is None:
            return None
        if type(value) is not dict or depth >= PLAIN_DEPTH_MAX:
            raise _NotPlainlyRightError
        if self._members is None:
            self._members = self._found()
        made: dict[str, Any] = {}
        came = 0
        for name, out_name, read, is_needed, default in self._members:
            if name in value:
                made[out_name] = read(value[name], depth + 1)
                came += 1
            elif is_needed:
                raise _NotPlainlyRightError
            elif default is not Undefined:
                made[out_name] = default
        if came != len(value):  # it has members that the type has not
            raise _NotPlainlyRightError
        if self._kind.is_one_of and (came != 1 or None in made.values()):
            raise _NotPlainlyRightError
        return self._written(made)

    def _written(self, made: dict[str, Any]) -> Any:
        try:
            return self._kind.out_type(made)
        except Exception as error:
            raise _NotPlainlyRightError from error

    def _found(self) -> list[tuple[str, str, _Reading, bool, Any]]:
        return [
            (
                name,
                each.out_name or name,
                _reading(each.type, self._known),
                is_required_input_field(each),
                coerce_default_value(each),
            )
            for name, each in self._kind.fields.items()
        ]

"""`plain_fields`: operations of one root field that takes and gives plain data, run as they stand.

What a mutation is sent and what it gives is plain: an input of values, and a payload whose fields
are attributes. How such an operation is run follows from its document alone, so it is found once
and kept with the document; a request then costs no walk over types and nodes, which took a third of
what the road of a signed message costs the hub (decision 0052).

- Variables were read by the planner (`hub.query.plan.variables`), arguments by graphql-core here:
  nothing that was sent is read twice. Inputs become what Strawberry would make of them.
- A payload is completed as the GraphQL specification has it (§6.4.3): leaves by the scalars and
  enums of the schema, errors with their path, a null that may not be goes up to what may be null.
- Whatever is not plain is left to graphql-core (`hub.graphql.service`): several root fields,
  directives, interfaces, fields or arguments that are resolved in a way of their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from typing import Any, TypeAlias

from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    InlineFragmentNode,
    NamedTypeNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    is_leaf_type,
    located_error,
)
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path, is_awaitable
from strawberry.types import Info
from strawberry.types.base import StrawberryMaybe

from hub.query.plan.documents import GraphDocument
from hub.query.sql.planner import Plan

DEFINITION = "strawberry-definition"
"""Where graphql-core's types and fields name what Strawberry made them of."""
AnswerPath: TypeAlias = tuple[str | int, ...]
_ReadValue: TypeAlias = Callable[[Any], Any]
_Complete: TypeAlias = Callable[[Any, AnswerPath, list[GraphQLError]], Any]


class _NotPlainError(Exception):
    """An operation has to be left to graphql-core."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainField:
    """The one root field of an operation, and how it is asked and answered."""

    key: str
    """Under which it stands in the answer."""
    nodes: list[FieldNode]
    parent: GraphQLObjectType
    definition: GraphQLField
    strawberry: Any
    """Strawberry's definition of the field."""
    ask: Callable[..., Awaitable[Any]]
    takes_self: bool
    takes_info: str | None
    """The argument that is Strawberry's info."""
    inputs: tuple[tuple[str, str, _ReadValue], ...]
    """Arguments: their names in GraphQL and in Python, and what becomes of their values."""
    complete: _Complete

    async def run(self, plan: Plan, context: Any) -> ExecutionResult:
        """Return what graphql-core's executor would: data, and errors where they happened."""
        errors: list[GraphQLError] = []
        data: dict[str, Any] | None
        try:
            given = get_argument_values(
                self.definition, self.nodes[0], plan.values, hide_suggestions=True
            )
            value = await self._asked(given, self._info(plan, context))
            data = {self.key: self.complete(value, (self.key,), errors)}
        except Exception as error:  # noqa: BLE001 - whatever a resolver raises is its field's error
            errors.append(located_error(error, self.nodes, [self.key]))
            is_needed = isinstance(self.definition.type, GraphQLNonNull)
            data = None if is_needed else {self.key: None}
        return ExecutionResult(data, errors or None)

    def _asked(self, given: Mapping[str, Any], info: Info[Any, Any]) -> Awaitable[Any]:
        arguments = {
            python: read(given[name]) for name, python, read in self.inputs if name in given
        }
        if self.takes_info is not None:
            arguments[self.takes_info] = info
        return self.ask(None, **arguments) if self.takes_self else self.ask(**arguments)

    def _info(self, plan: Plan, context: Any) -> Info[Any, Any]:
        document = plan.document
        raw = GraphQLResolveInfo(
            field_name=self.nodes[0].name.value,
            field_nodes=self.nodes,
            return_type=self.definition.type,
            parent_type=self.parent,
            path=Path(None, self.key, self.parent.name),
            schema=document.schema,
            fragments=dict(document.fragments),
            root_value=None,
            operation=plan.operation,
            variable_values=plan.values,
            context=context,
            is_awaitable=is_awaitable,
            abort_signal=None,
            async_helpers=None,  # type: ignore[arg-type]  # no resolver here begins other work
        )
        return Info(_raw_info=raw, _field=self.strawberry)


def plain_field(plan: Plan) -> PlainField | None:
    """Return how the operation of a plan is run without an executor; None: it needs one."""
    document = plan.document
    name = plan.operation.name.value if plan.operation.name else None
    if name not in document.plain:
        try:
            document.plain[name] = _found(plan)
        except _NotPlainError:
            document.plain[name] = None
    found: PlainField | None = document.plain[name]
    return found


def _found(plan: Plan) -> PlainField:
    document, operation = plan.document, plan.operation
    kind = operation.operation
    parent = document.schema.get_root_type(kind)
    if parent is None or kind is OperationType.SUBSCRIPTION or operation.directives:
        raise _NotPlainError
    fields = _gathered(document, parent, operation.selection_set.selections)
    if len(fields) != 1:
        raise _NotPlainError
    ((key, nodes),) = fields.items()
    definition = parent.fields.get(nodes[0].name.value)
    made = None if definition is None else definition.extensions.get(DEFINITION)
    if definition is None or made is None or made.base_resolver is None or made.extensions:
        raise _NotPlainError
    resolver = made.base_resolver
    if not resolver.is_async or resolver.parent_parameter or resolver.root_parameter:
        raise _NotPlainError
    info = resolver.info_parameter
    return PlainField(
        key=key,
        nodes=nodes,
        parent=parent,
        definition=definition,
        strawberry=made,
        ask=resolver.wrapped_func,
        takes_self=resolver.self_parameter is not None,
        takes_info=None if info is None else info.name,
        inputs=tuple(_argument(name, each) for name, each in definition.args.items()),
        complete=_completing(document, definition.type, nodes),
    )


# -- what is sent --------------------------------------------------------------------------------


def _argument(name: str, argument: Any) -> tuple[str, str, _ReadValue]:
    made = argument.extensions.get(DEFINITION)
    if made is None or made.is_maybe:
        raise _NotPlainError
    return name, made.python_name, _reading(argument.type)


def _reading(kind: Any) -> _ReadValue:
    """Return what makes of a value that graphql-core has read what a resolver takes."""
    if isinstance(kind, GraphQLNonNull):
        return _reading(kind.of_type)
    if is_leaf_type(kind):
        return _as_it_is
    if isinstance(kind, GraphQLList):
        read_each = _reading(kind.of_type)
        return lambda values: None if values is None else [read_each(each) for each in values]
    if isinstance(kind, GraphQLInputObjectType):
        return _reading_of(kind)
    raise _NotPlainError


def _as_it_is(value: Any) -> Any:
    return value


def _reading_of(kind: GraphQLInputObjectType) -> _ReadValue:
    made = kind.extensions.get(DEFINITION)
    if made is None or made.from_input is not None:
        raise _NotPlainError
    members = [
        (name, each.extensions[DEFINITION].python_name, _reading(each.type))
        for name, each in kind.fields.items()
    ]
    if any(isinstance(each.type, StrawberryMaybe) for each in made.fields):
        raise _NotPlainError
    blank: dict[str, Any] = {
        each.python_name: None
        for each in made.fields
        if each.default_value is MISSING and each.default_factory is MISSING
    }
    make = made.origin

    def read(value: Mapping[str, Any] | None) -> Any:
        if value is None:
            return None
        given = {python: each(value[name]) for name, python, each in members if name in value}
        return make(**{**blank, **given})

    return read


# -- what is given -------------------------------------------------------------------------------


def _gathered(
    document: GraphDocument, parent: GraphQLObjectType, selections: Iterable[SelectionNode]
) -> dict[str, list[FieldNode]]:
    """Return the fields that are asked of an object by their keys, in the order of the answer."""
    found: dict[str, list[FieldNode]] = {}
    spread: set[str] = set()

    def inside(condition: NamedTypeNode | None, selected: SelectionSetNode) -> None:
        if condition is not None and condition.name.value != parent.name:
            raise _NotPlainError
        for each in selected.selections:
            gather(each)

    def gather(each: SelectionNode) -> None:
        if each.directives:
            raise _NotPlainError
        if isinstance(each, FieldNode):
            found.setdefault((each.alias or each.name).value, []).append(each)
        elif isinstance(each, InlineFragmentNode):
            inside(each.type_condition, each.selection_set)
        elif isinstance(each, FragmentSpreadNode) and each.name.value not in spread:
            spread.add(each.name.value)
            part = document.fragments[each.name.value]
            inside(part.type_condition, part.selection_set)

    for each in selections:
        gather(each)
    return found


def _completing(document: GraphDocument, kind: Any, nodes: Sequence[FieldNode]) -> _Complete:
    """Return what makes of a resolver's value the part of the answer that the nodes ask for."""
    if isinstance(kind, GraphQLNonNull):
        return _needed(_completing(document, kind.of_type, nodes))
    if isinstance(kind, GraphQLList):
        return _list(kind, _completing(document, kind.of_type, nodes), nodes)
    if isinstance(kind, GraphQLScalarType | GraphQLEnumType):
        return _leaf(kind)
    if isinstance(kind, GraphQLObjectType) and kind.is_type_of is None:
        return _object(document, kind, nodes)
    raise _NotPlainError


def _needed(complete: _Complete) -> _Complete:
    def needed(value: Any, path: AnswerPath, errors: list[GraphQLError]) -> Any:
        made = complete(value, path, errors)
        if made is None:
            raise TypeError("null where the interface promises a value")
        return made

    return needed


def _leaf(kind: GraphQLScalarType | GraphQLEnumType) -> _Complete:
    written = _names_of(kind) if isinstance(kind, GraphQLEnumType) else {}

    def leaf(value: Any, _path: AnswerPath, _errors: list[GraphQLError]) -> Any:
        if value is None:
            return None
        name = written.get(value) if written else None
        made = kind.coerce_output_value(value) if name is None else name
        if made is None:
            raise TypeError(f"{kind} wrote nothing for a value")
        return made

    return leaf


def _names_of(kind: GraphQLEnumType) -> dict[Any, str]:
    """Return the names of an enum's members, which graphql-core looks for one by one."""
    members = getattr(kind, "wrapped_cls", ())
    return {each: kind.coerce_output_value(each) for each in members}


def _list(kind: GraphQLList[Any], complete: _Complete, nodes: Sequence[FieldNode]) -> _Complete:
    is_needed = isinstance(kind.of_type, GraphQLNonNull)

    def whole(value: Any, path: AnswerPath, errors: list[GraphQLError]) -> Any:
        if value is None:
            return None
        if not isinstance(value, list | tuple):
            raise TypeError("a list is promised")
        made: list[Any] = []
        for at, each in enumerate(value):
            try:
                made.append(complete(each, (*path, at), errors))
            except Exception as error:  # noqa: BLE001 - it is the error of this place
                made.append(None)
                _tell(error, nodes, (*path, at), errors, is_needed=is_needed)
        return made

    return whole


def _object(
    document: GraphDocument, kind: GraphQLObjectType, nodes: Sequence[FieldNode]
) -> _Complete:
    asked = [each for node in nodes if node.selection_set for each in node.selection_set.selections]
    fields = [
        (key, *_attribute(document, kind, found), found)
        for key, found in _gathered(document, kind, asked).items()
    ]

    def whole(value: Any, path: AnswerPath, errors: list[GraphQLError]) -> Any:
        if value is None:
            return None
        made: dict[str, Any] = {}
        for key, attribute, complete, is_needed, found in fields:
            try:
                made[key] = complete(
                    kind.name if attribute is None else getattr(value, attribute),
                    (*path, key),
                    errors,
                )
            except Exception as error:  # noqa: BLE001 - it is the error of this field
                made[key] = None
                _tell(error, found, (*path, key), errors, is_needed=is_needed)
        return made

    return whole


def _attribute(
    document: GraphDocument, kind: GraphQLObjectType, nodes: Sequence[FieldNode]
) -> tuple[str | None, _Complete, bool]:
    """Return which attribute a field is (None: the name of its type), and how it is completed."""
    name = nodes[0].name.value
    if name == "__typename":
        return None, lambda value, _path, _errors: value, True
    definition = kind.fields[name]
    made = definition.extensions.get(DEFINITION)
    if made is None or not made.is_basic_field or definition.args:
        raise _NotPlainError
    is_needed = isinstance(definition.type, GraphQLNonNull)
    return made.python_name, _completing(document, definition.type, nodes), is_needed


def _tell(
    error: Exception,
    nodes: Sequence[FieldNode],
    path: AnswerPath,
    errors: list[GraphQLError],
    *,
    is_needed: bool,
) -> None:
    """Note the error of a place that may be null, or hand it up from one that may not."""
    located = located_error(error, list(nodes), list(path))
    if is_needed:
        raise located from error
    errors.append(located)

"""`require_values`: a condition of a filter has a value, or the request is refused.

A condition that is null, an empty list or an empty object says nothing, so it would match every
row: the variable that somebody forgot would answer with the whole catalogue. It is refused alike
as a literal, in a variable and for a variable that was not sent. A filter without any condition, or
none at all, is what it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import ListValueNode, NullValueNode, ObjectValueNode, ValueNode, VariableNode

from hub.errors import ErrorCode
from hub.query.plan.arguments import Argument
from hub.query.plan.errors import QueryError

__all__ = ["require_values"]

ABOUT_ZH = "条件没有值（null 或为空）：请填写值，或去掉该条件"
ABOUT_EN = "the condition has no value (null or empty): give one, or leave the condition out"


def require_values(filtered: Argument | None) -> None:
    """Refuse a filter argument of which a condition has no value: `QueryError` BAD_USER_INPUT."""
    if filtered is None:
        return
    if isinstance(filtered.node, ObjectValueNode):
        found = next(_in_literal(filtered.node, filtered.sample.values.coerced), None)
    else:
        found = next(_in_value(filtered.read(filtered.sample.values)), None)
    if found:  # the filter itself may be empty
        where = ".".join((filtered.name, *found))
        raise QueryError(ErrorCode.BAD_USER_INPUT, f"{where}：{ABOUT_ZH}", f"{where}: {ABOUT_EN}")


Path = tuple[str, ...]


def _in_literal(node: ValueNode, variables: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the paths below a literal at which there is no value."""
    if isinstance(node, VariableNode):
        yield from _in_value(variables.get(node.name.value))
        return
    parts: list[tuple[str, ValueNode]] | None = None
    if isinstance(node, ObjectValueNode):
        parts = [(field.name.value, field.value) for field in node.fields]
    elif isinstance(node, ListValueNode):
        parts = [(str(number), each) for number, each in enumerate(node.values)]
    if parts == [] or isinstance(node, NullValueNode):
        yield ()
    for name, part in parts or ():
        for path in _in_literal(part, variables):
            yield (name, *path)


def _in_value(value: Any) -> Iterator[Path]:
    """Yield the paths below a value of a variable at which there is none."""
    parts: list[tuple[str, Any]] | None = None
    if isinstance(value, Mapping):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = [(str(number), part) for number, part in enumerate(value)]
    if parts == [] or value is None:
        yield ()
    for name, part in parts or ():
        for path in _in_value(part):
            yield (name, *path)

"""`order`: what an export is asked to hold: a document of one list, or a list by name; pure.

A list by name is turned into the document that asks for every value of its rows, so that both are
the same from there on, and the manifest says exactly what was read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLNonNull, GraphQLObjectType, get_named_type, is_leaf_type

from hub.access.resource import Caller
from hub.errors import ErrorCode
from hub.exchange.exports.formats import ExportFormat
from hub.intake.batch import Idempotency
from hub.query.plan.errors import QueryError
from hub.query.sql.model import Connected, Inside, Interface, Known, Nested, Plain, Same, Stored

OF_THE_ROW = (Plain, Stored, Inside, Nested, Same, Known)
"""Kinds of fields that are values of the row itself."""
OPERATION = "Export"
NAME_SHOWN = 80
"""Characters of an unknown name that its refusal repeats."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportOrder:
    """What a client asks for: `query` with `variables`, or `list` with `filter`."""

    caller: Caller
    idempotency: Idempotency
    format: ExportFormat
    query: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    list: str | None = None
    filter: Mapping[str, Any] | None = None


def asked_for(order: ExportOrder, interface: Interface) -> tuple[str, Mapping[str, Any]]:
    """Return the document of an order and its variables.

    Raises `QueryError` for an order that names neither or both, or a list that is not there.
    """
    if (order.query is None) == (order.list is None):
        raise _wrong("query 与 list 给出其一", "give query or list, one of them")
    if order.query is not None:
        if order.filter is not None:
            raise _wrong("filter 只与 list 同用", "filter goes with list")
        return order.query, order.variables
    assert order.list is not None, "one of them is there"
    if order.variables:
        raise _wrong("variables 只与 query 同用", "variables go with query")
    variables = {} if order.filter is None else {"filter": order.filter}
    return document_of(interface, order.list), variables


def document_of(interface: Interface, name: str) -> str:
    """Return the document that asks for every value of the rows of a list."""
    root = interface.schema.query_type
    assert root is not None, "there is a root"
    listed = interface.model.fields[root.name].get(name)
    if not isinstance(listed, Connected):
        known, asked = ", ".join(sorted(lists_of(interface))), name[:NAME_SHOWN]
        raise _wrong(f"没有列表 {asked}；有：{known}", f"no list {asked}; there are: {known}")
    filtered = root.fields[name].args["filter"].type
    kind = interface.schema.get_type(listed.record)
    assert isinstance(kind, GraphQLObjectType), "a list is of records"
    fields = " ".join(_fields(interface, kind))
    return (
        f"query {OPERATION}($filter: {filtered}) "
        f"{{ {name}(filter: $filter) {{ nodes {{ {fields} }} }} }}"
    )


def lists_of(interface: Interface) -> Iterator[str]:
    """Yield the names of the lists that can be exported."""
    root = interface.schema.query_type
    assert root is not None, "there is a root"
    fields = interface.model.fields[root.name]
    return (name for name, field in fields.items() if isinstance(field, Connected))


def _fields(interface: Interface, kind: GraphQLObjectType) -> Iterator[str]:
    known = interface.model.fields.get(kind.name, {})
    for name, declared in kind.fields.items():
        needs = any(isinstance(each.type, GraphQLNonNull) for each in declared.args.values())
        if needs or not isinstance(known.get(name), OF_THE_ROW):
            continue
        inner = get_named_type(declared.type)
        if is_leaf_type(inner):
            yield name
        elif isinstance(inner, GraphQLObjectType):
            yield f"{name} {{ {' '.join(_fields(interface, inner))} }}"


def _wrong(zh: str, en: str) -> QueryError:
    return QueryError(ErrorCode.BAD_USER_INPUT, zh, en)

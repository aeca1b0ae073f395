"""`streaming`: one list of a document as a statement that gives a row of text for each record.

- What a row shows, and which rows there are, is written by the same code as for an answer: rights,
  marks and hidden values are the same.
- It has no pages: all matching rows come, in the order of their identities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from graphql import (
    FieldNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from hub.errors import ErrorCode
from hub.query.plan.cost import Cost
from hub.query.plan.errors import QueryError, ScopeMissingError
from hub.query.plan.selection import Selection
from hub.query.sql.compile import Compiler
from hub.query.sql.compiled import Compiled
from hub.query.sql.connection import streamed
from hub.query.sql.model import Connected
from hub.query.sql.related_fields import page_at
from hub.query.sql.writer import FieldPlace

PAGED_BY = ("first", "after", "last", "before", "orderBy", "priceFor")
"""Arguments of a list that make no sense where all of it comes."""
_WHOLE_NUMBERS = frozenset({"Int", "SafeInt"})


class ColumnKind(StrEnum):
    """What a column of a stream holds."""

    TEXT = "TEXT"
    """Texts, codes, dates, instants with offset, decimals as they are written."""
    INTEGER = "INTEGER"
    FLAG = "FLAG"
    JSON = "JSON"
    """A list."""


@dataclass(frozen=True, slots=True)
class StreamColumn:
    """A value of each row: where it stands in the row, and what it is."""

    path: tuple[str, ...]
    kind: ColumnKind

    @property
    def name(self) -> str:
        """Its dotted name; response keys have no dots."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class RowStream:
    """A statement that gives the JSON text of each row, and what a row is made of."""

    compiled: Compiled
    record: str
    columns: tuple[StreamColumn, ...]


def row_stream(compiler: Compiler, operation: OperationDefinitionNode) -> RowStream:
    """Compile an operation that asks for one list with `nodes` and nothing else.

    Raises `QueryError` for any other, `NotCompilableError` for a field that no statement gives.
    """
    if operation.operation is not OperationType.QUERY:
        raise _unfit("导出的是查询", "an export is of a query")
    root = compiler.root
    selected = compiler.selection.collect((operation.selection_set,), root)
    if len(selected) != 1:
        raise _unfit("只能有一个顶层字段", "it has one field at its root")
    ((key, nodes),) = selected.items()
    name = nodes[0].name.value
    field = compiler.model.fields.get(root.name, {}).get(name)
    if not isinstance(field, Connected):
        raise _unfit(f"{name} 不是列表", f"{name} is no list of records")
    here = FieldPlace(nodes, root, "", (key,), Cost())
    for argument in PAGED_BY:
        if compiler.argument(here, argument) is not None:
            raise _unfit(f"{name} 不能带 {argument}：导出全部行", f"{name}: without {argument}")
    spec = compiler.model.registry[field.record]
    if not compiler.out.authority.may_list(spec):
        raise ScopeMissingError(spec.scope, name)
    connection = compiler.selection.subfields(nodes, f"{spec.name}Connection")
    if len(connection) != 1 or next(iter(connection.values()))[0].name.value != "nodes":
        raise _unfit(f"{name} 下只能有 nodes", f"{name} has nothing but nodes inside")
    ((inside, rows),) = connection.items()
    page = page_at(compiler, field, here)
    body = compiler.inner(rows, spec.name, page.alias, (key, inside), here.cost.part())
    kind = compiler.selection.type(spec.name)
    columns = tuple(_columns(compiler.selection, rows, kind, ()))
    if not columns:
        raise _unfit("没有要导出的字段", "it asks for no field")
    compiled = compiler.compiled(streamed(page, body), here.cost)
    return RowStream(compiled, spec.name, columns)


def _columns(
    selection: Selection, nodes: list[FieldNode], kind: GraphQLObjectType, path: tuple[str, ...]
) -> Iterator[StreamColumn]:
    for key, fields in selection.subfields(nodes, kind.name).items():
        name, here = fields[0].name.value, (*path, key)
        if name == "__typename":
            yield StreamColumn(here, ColumnKind.TEXT)
            continue
        declared = kind.fields[name].type
        named = get_named_type(declared)
        if is_list_type(get_nullable_type(declared)):
            yield StreamColumn(here, ColumnKind.JSON)
        elif isinstance(named, GraphQLObjectType):
            yield from _columns(selection, fields, named, here)
        elif not is_leaf_type(named):
            yield StreamColumn(here, ColumnKind.JSON)
        elif named.name in _WHOLE_NUMBERS:
            yield StreamColumn(here, ColumnKind.INTEGER)
        else:
            is_flag = named.name == "Boolean"
            yield StreamColumn(here, ColumnKind.FLAG if is_flag else ColumnKind.TEXT)


def _unfit(zh: str, en: str) -> QueryError:
    return QueryError(ErrorCode.BAD_USER_INPUT, f"导出的文档：{zh}", f"the document: {en}")

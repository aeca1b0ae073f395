"""`compile`: a GraphQL selection set as one SQL statement whose only value is the response's text.

- Aliases, field merging, fragments, @skip and @include, lists, connections, the Node interface.
- Nothing of a document enters the statement but response keys, which are GraphQL names, and sizes
  of pages that stand in it, which are numbers; every other value is a parameter.
- A field that the caller's scopes do not reveal is null, with one `FieldDenied`; a value that an
  agreement hides is a marked null (`hub.query.jsontext`).
- What is not in the model raises `NotCompilableError`, and the executor takes the operation.

GraphQL specification, October 2021, §6.3 (CollectFields).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLObjectType,
    GraphQLSchema,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues

from hub.errors import ErrorCode
from hub.query import binding, jsontext
from hub.query.arguments import Argument, Sample, argument_of
from hub.query.authorise import PUBLIC_SCOPE, Authority
from hub.query.availability import availability_row, window
from hub.query.binding import Bind
from hub.query.connection import Parts, connection, page_of, page_size, visible
from hub.query.cost import Cost
from hub.query.errors import FieldDenied, NotCompilableError, QueryError, ScopeMissingError
from hub.query.limits import (
    AVAILABILITY_COST,
    AVAILABLE_FILTER_COST,
    LIST_DEFAULT,
    PAGE_DEFAULT,
    STATEMENT_MAX,
    QueryLimits,
)
from hub.query.lookup import identities, named
from hub.query.model import (
    MODEL,
    ByIdentity,
    ByKey,
    Computed,
    Connected,
    Field,
    Forward,
    Inside,
    Listed,
    Nested,
    Plain,
    Same,
    Sources,
    Stored,
    Windows,
    table,
)
from hub.query.price import price_row
from hub.query.selection import Fragments, Selected, Selection
from hub.query.sources import sources_row
from hub.query.statement import Check, Statement
from schema.item import Kind, RecordSpec
from schema.records import RECORDS

Path = tuple[str, ...]
Others = Forward | Listed | Connected | Computed | ByKey | ByIdentity | Sources


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement with `$n` parameters, and what must happen around it."""

    sql: bytes
    binds: tuple[Bind, ...]
    checks: tuple[Check, ...]
    cost: Cost
    denied: tuple[FieldDenied, ...]
    records: frozenset[str]
    guarded: bool
    """Some value may be hidden by an agreement."""


class Compiler:
    """Writes one statement for one operation, or for some fields of its root."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Fragments,
        sample: VariableValues,
        authority: Authority,
        limits: QueryLimits,
        *,
        marked: bool = False,
    ) -> None:
        self._schema = schema
        self._sample = Sample(sample)
        self._selection = Selection(schema, fragments, self._sample)
        self._out = Statement(authority, limits, marked=marked)
        self._guarded = False

    def operation(self, selection: SelectionSetNode) -> Compiled:
        """Compile the selection set of a query."""
        root = self._schema.query_type
        assert root is not None
        return self.fields(self._selection.collect((selection,), root))

    def fields(self, selected: Selected) -> Compiled:
        """Compile some fields of the root."""
        root = self._schema.query_type
        assert root is not None
        cost = Cost(own=0)
        body = self._object(selected, root, "", (), cost)
        out = self._out
        if out.records and PUBLIC_SCOPE not in out.authority.scopes:
            raise ScopeMissingError(PUBLIC_SCOPE, "reading records")
        self._sample.let_go()
        sql, used, unused = out.numbered(f"SELECT {body}")
        if len(sql) > STATEMENT_MAX:
            detail = (
                f"its statement has {len(sql)} characters, at most {STATEMENT_MAX}; ask for less"
            )
            raise QueryError(ErrorCode.TOO_MANY_FIELDS, detail)
        return Compiled(
            sql=sql.encode(),
            binds=used,
            checks=(*out.checks, *unused),
            cost=cost.settled(),
            denied=tuple(out.denied.values()),
            records=frozenset(out.records),
            guarded=self._guarded,
        )

    def _object(
        self, selected: Selected, kind: GraphQLObjectType, alias: str, path: Path, cost: Cost
    ) -> str:
        """Return the JSON text of an object of this type, read from the row `alias`."""
        return jsontext.obj(
            [
                (key, self._value(nodes, kind, alias, (*path, key), cost))
                for key, nodes in selected.items()
            ]
        )

    def _inner(self, nodes: list[FieldNode], name: str, alias: str, path: Path, cost: Cost) -> str:
        return self._object(
            self._selection.subfields(nodes, name), self._selection.type(name), alias, path, cost
        )

    # -- fields --------------------------------------------------------------------------------

    def _value(
        self, nodes: list[FieldNode], kind: GraphQLObjectType, alias: str, path: Path, cost: Cost
    ) -> str:
        node = nodes[0]
        name = node.name.value
        if name == "__typename":
            return jsontext.constant(kind.name)
        field: Field | None = MODEL.get(kind.name, {}).get(name)
        if field is None:
            raise NotCompilableError(f"{kind.name}.{name}")
        here = _Place(nodes, kind, alias, path, cost)
        if isinstance(field, Plain):
            return field.sql.format(t=alias)
        if isinstance(field, Stored | Inside | Same | Nested | Windows):
            return self._of_row(field, here)
        return self._of_others(field, here)

    def _of_row(self, field: Stored | Inside | Same | Nested | Windows, here: _Place) -> str:
        """Return what stands in the row itself."""
        if isinstance(field, Stored):
            return self._stored(field, here)
        if isinstance(field, Inside):
            return self._member(field, here)
        if isinstance(field, Same):
            return self._inner(here.nodes, field.type, here.alias, here.path, here.cost.part())
        if isinstance(field, Windows):
            return self._windows(field, here)
        column = field.sql.format(t=here.alias)
        return self._nested(here.nodes, field.type, column, here.path, here.cost)

    def _of_others(self, field: Others, here: _Place) -> str:
        """Return what other rows say, or what is computed from them."""
        write: dict[type, Callable[[Any, _Place], str]] = {
            Forward: self._forward,
            Listed: self._listed,
            Connected: self._connected,
            Computed: self._computed,
            ByKey: self._by_key,
            ByIdentity: self._by_identity,
            Sources: self._all_sources,
        }
        return write[type(field)](field, here)

    def _argument(self, here: _Place, name: str) -> Argument | None:
        node = here.nodes[0]
        return argument_of(node, here.kind.fields[node.name.value], name, self._sample)

    def _stored(self, field: Stored, here: _Place) -> str:
        item, spec = field.item, RECORDS[here.kind.name]
        authority = self._out.authority
        if not authority.may_read(item):
            if item.scope == PUBLIC_SCOPE:
                raise ScopeMissingError(PUBLIC_SCOPE, ".".join(here.path))
            self._out.denied.setdefault(here.path, FieldDenied(here.path, item.scope))
            return "'null'"
        column = f"{here.alias}.{item.name}"
        if item.kind is not Kind.VALUE:
            made = jsontext.column(item, column)
        elif item.many:
            assert item.value is not None
            made = self._values(here.nodes, item.value.name, column, here.path, here.cost)
        else:
            assert item.value is not None
            made = self._nested(here.nodes, item.value.name, column, here.path, here.cost)
        guard = authority.guard(spec, item, here.alias, self._out)
        if guard is None:
            return made
        self._guarded = True
        return f"CASE WHEN {guard} THEN {made} ELSE E'null\\t' END"

    def _member(self, field: Inside, here: _Place) -> str:
        item = field.item
        if item.value is None:
            return jsontext.member(item, here.alias)
        column = f"({here.alias}->'{item.wire}')"
        write = self._values if item.many else self._nested
        return write(here.nodes, item.value.name, column, here.path, here.cost)

    def _nested(
        self, nodes: list[FieldNode], name: str, column: str, path: Path, cost: Cost
    ) -> str:
        """Return a nested value; inside it the alias is the jsonb expression itself."""
        body = self._inner(nodes, name, column, path, cost.part())
        return f"CASE WHEN {column} IS NULL THEN 'null' ELSE {body} END"

    def _values(
        self, nodes: list[FieldNode], name: str, column: str, path: Path, cost: Cost
    ) -> str:
        alias = self._out.alias("v")
        body = self._inner(nodes, name, f"{alias}.j", path, cost.part())
        rows = f"jsonb_array_elements({column}) WITH ORDINALITY AS {alias}(j,n)"
        return f"(SELECT {jsontext.listed(body, f'{alias}.n')} FROM {rows})"

    def _windows(self, field: Windows, here: _Place) -> str:
        alias = self._out.alias("w")
        body = self._inner(here.nodes, "Window", alias, here.path, Cost())
        rows = f"unnest({field.sql.format(t=here.alias)}) AS {alias}(r)"
        return f"(SELECT {jsontext.listed(body, f'{alias}.r')} FROM {rows})"

    # -- other rows ----------------------------------------------------------------------------

    def _one(self, spec: RecordSpec, where: list[str], alias: str, here: _Place) -> str:
        """Return one record or null; where several sources know it, the one that spoke last."""
        where = [*where, *visible(spec, alias, self._out)]
        body = self._inner(here.nodes, spec.name, alias, here.path, here.cost.part())
        return (
            f"coalesce((SELECT {body} FROM {table(spec)} {alias} WHERE {' AND '.join(where)}"
            f" ORDER BY {alias}.as_of DESC,{alias}.item_id LIMIT 1),'null')"
        )

    def _forward(self, field: Forward, here: _Place) -> str:
        alias = self._out.alias()
        return self._one(
            RECORDS[field.record], [field.on.format(a=alias, t=here.alias)], alias, here
        )

    def _listed(self, field: Listed, here: _Place) -> str:
        spec, alias = RECORDS[field.record], self._out.alias()
        first = self._argument(here, "first")
        size = page_size(first, LIST_DEFAULT, self._out)
        where = [field.on.format(a=alias, t=here.alias), *visible(spec, alias, self._out)]
        cost = here.cost.part(own=0, times=first or LIST_DEFAULT).part()
        body = self._inner(here.nodes, spec.name, alias, here.path, cost)
        rows = (  # the text is written inside, so that no other column passes through the sort
            f"(SELECT {body} AS j FROM {table(spec)} {alias} WHERE {' AND '.join(where)}"
            f" ORDER BY {alias}.key,{alias}.item_id LIMIT {size}) {alias}r"
        )
        return f"(SELECT {jsontext.listed(f'{alias}r.j')} FROM {rows})"

    def _connected(self, field: Connected, here: _Place) -> str:
        spec = RECORDS[field.record]
        coordinate = f"{here.kind.name}.{here.nodes[0].name.value}"
        on = field.on.replace("{t}", here.alias) if field.on else ""
        page = page_of(spec, on, coordinate, lambda name: self._argument(here, name), self._out)
        asked = self._argument(here, "first") or self._argument(here, "last")
        cost = here.cost.part(own=1 + (AVAILABLE_FILTER_COST if page.heavy else 0))
        each = cost.part(own=0, times=asked or PAGE_DEFAULT)

        def node(nodes: list[FieldNode], alias: str, key: str) -> str:
            name = "nodes" if nodes[0].name.value == "nodes" else "edges"
            path = (*here.path, key) if name == "nodes" else (*here.path, name, key)
            return self._inner(nodes, spec.name, alias, path, each.part())

        parts = Parts(
            subfields=self._selection.subfields,
            node=node,
            sources=lambda nodes: self._sources(nodes, spec.name, here.path, cost),
        )
        name = f"{spec.name}Connection"
        return connection(page, self._selection.subfields(here.nodes, name), name, parts, self._out)

    def _computed(self, field: Computed, here: _Place) -> str:
        alias = self._out.alias("c")
        key = f"{here.alias}.key"
        if field.how == "availability":
            start, end = self._argument(here, "from"), self._argument(here, "until")
            assert start is not None
            assert end is not None
            row = availability_row(key, window(start, end, self._out))
            cost = here.cost.part(own=AVAILABILITY_COST)
        else:
            names = ("audience", "hours", "samples", "on")
            given = {name: self._argument(here, name) for name in names}
            row = price_row(key, given, self._out)
            cost = here.cost.part()
        body = self._inner(here.nodes, field.type, alias, here.path, cost)
        return f"(SELECT {body} FROM ({row} OFFSET 0) {alias})"

    def _sources(self, nodes: list[FieldNode], record: str, path: Path, cost: Cost) -> str:
        alias = self._out.alias("s")
        body = self._inner(nodes, "SourceStatus", alias, path, cost.part(times=PAGE_DEFAULT))
        row = sources_row(record, self._out.bind_now())
        return f"(SELECT {jsontext.listed(body, f'{alias}.source_id')} FROM ({row}) {alias})"

    def _all_sources(self, field: Sources, here: _Place) -> str:
        return self._sources(here.nodes, field.record, here.path, here.cost)

    def _by_key(self, field: ByKey, here: _Place) -> str:
        spec, alias = RECORDS[field.record], self._out.alias()
        by = self._argument(here, "by")
        assert by is not None
        where = [named(by, alias, self._out)]
        return self._one(spec, where, alias, here)

    def _by_identity(self, field: ByIdentity, here: _Place) -> str:
        """Return any record: the prefix of an identity names its type, so one table is read."""
        if not field.many:
            asked = self._argument(here, "id")
            assert asked is not None
            return self._any(self._out.bind(asked, binding.plain, "text"), here, here.cost)
        asked = self._argument(here, "ids")
        assert asked is not None
        ids = self._out.bind(asked, identities, "text[]")
        alias = self._out.alias("i")
        each = here.cost.part(own=0, times=asked)
        body = self._any(f"{alias}.id", here, each)
        return (
            f"(SELECT {jsontext.listed(body, f'{alias}.n')} FROM unnest({ids})"
            f" WITH ORDINALITY AS {alias}(id,n))"
        )

    def _any(self, identity: str, here: _Place, cost: Cost) -> str:
        branches = []
        choice = cost.part()
        for spec in RECORDS.values():
            kind, alias = self._selection.type(spec.name), self._out.alias()
            selected = self._selection.collect((n.selection_set for n in here.nodes), kind)
            body = self._object(selected, kind, alias, here.path, choice.choice())
            if self._out.marked:
                body = self._mark(body, spec.name)
            where = [f"{alias}.item_id = {identity}", *visible(spec, alias, self._out)]
            branches.append(
                f"WHEN '{spec.prefix}' THEN coalesce((SELECT {body} FROM {table(spec)} {alias}"
                f" WHERE {' AND '.join(where)} LIMIT 1),'null')"
            )
        return f"CASE split_part({identity},'_',1) {' '.join(branches)} ELSE 'null' END"

    @staticmethod
    def _mark(body: str, name: str) -> str:
        """Add the type's name under a key that no document can use, for the executor."""
        return f"""concat('{{"@type":"{name}","@of":',{body},'}}')"""


@dataclass(frozen=True, slots=True)
class _Place:
    """A field in the tree: its nodes, the type it belongs to, and the row it is read from."""

    nodes: list[FieldNode]
    kind: GraphQLObjectType
    alias: str
    path: Path
    cost: Cost

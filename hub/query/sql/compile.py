"""`compile`: a GraphQL selection set as one SQL statement whose only value is the response's text.

- Aliases, field merging, fragments, @skip and @include, lists, connections, the Node interface.
- Nothing of a document enters the statement but response keys, which are GraphQL names, and sizes
  of pages that stand in it, which are numbers; every other value is a parameter.
- A field that the caller's scopes do not reveal is null, with one `FieldDenied`, whether it is an
  item or a list of records; a value that an agreement hides is a marked null
  (`hub.query.sql.jsontext`).
- What is not in the model raises `NotCompilableError`, and the executor takes the operation.

GraphQL specification, October 2021, §6.3 (CollectFields).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from graphql import FieldNode, GraphQLObjectType, SelectionSetNode
from graphql.execution.values import VariableValues

from hub.query.computed.rows import computed_row
from hub.query.plan.arguments import Argument, Sample, argument_of
from hub.query.plan.cost import Cost
from hub.query.plan.errors import FieldDenied, NotCompilableError, ScopeMissingError
from hub.query.plan.limits import (
    AVAILABLE_FILTER_COST,
    CLAIMS_COST,
    LIST_DEFAULT,
    PAGE_DEFAULT,
    QueryLimits,
)
from hub.query.plan.selection import Fragments, Selected, Selection
from hub.query.sql import claims, jsontext
from hub.query.sql.authorise import PUBLIC_SCOPE, Authority
from hub.query.sql.compiled import Compiled, Path, Place
from hub.query.sql.connection import Parts, connection, page_of, page_size, visible
from hub.query.sql.lookup import identities, named
from hub.query.sql.model import (
    ByIdentity,
    ByKey,
    Chosen,
    Claims,
    Computed,
    Connected,
    Field,
    Forward,
    Inside,
    Interface,
    Known,
    Listed,
    Nested,
    Plain,
    Same,
    Sources,
    Stored,
    Whole,
    Windows,
)
from hub.query.sql.sources import sources_row
from hub.query.sql.statement import Statement
from schema.item import Item, Kind, RecordSpec
from schema.values import OriginalText

OfRow = Whole | Stored | Inside | Same | Nested | Windows | Known | Chosen
Others = Forward | Listed | Connected | Computed | ByKey | ByIdentity | Sources | Claims


class Compiler:
    """Writes one statement for one operation, or for some fields of its root."""

    def __init__(
        self,
        interface: Interface,
        fragments: Fragments,
        sample: VariableValues,
        authority: Authority,
        limits: QueryLimits,
        *,
        marked: bool = False,
    ) -> None:
        self._schema = interface.schema
        self._model = interface.model
        self._sample = Sample(sample)
        self._selection = Selection(interface.schema, fragments, self._sample)
        self._out = Statement(interface.model, authority, limits, marked=marked)

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
        return Compiled(
            sql=sql.encode(),
            binds=used,
            checks=(*out.checks, *unused),
            cost=cost.settled(),
            denied=tuple(out.denied.values()),
            records=frozenset(out.records),
            guarded=out.is_guarded,
            identities=tuple(out.identities),
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

    def _value(
        self, nodes: list[FieldNode], kind: GraphQLObjectType, alias: str, path: Path, cost: Cost
    ) -> str:
        node = nodes[0]
        name = node.name.value
        if name == "__typename":
            return jsontext.constant(kind.name)
        field: Field | None = self._model.fields.get(kind.name, {}).get(name)
        if field is None:
            raise NotCompilableError(f"{kind.name}.{name}")
        here = Place(nodes, kind, alias, path, cost)
        if isinstance(field, Plain):
            return field.sql.format(t=alias)
        if isinstance(field, OfRow):
            return self._of_row(field, here)
        return self._of_others(field, here)

    def _of_row(self, field: OfRow, here: Place) -> str:
        """Return what stands in the row itself."""
        if isinstance(field, Known | Chosen | Whole):
            return self._of_claim(field, here)
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

    def _of_others(self, field: Others, here: Place) -> str:
        """Return what other rows say, or what is computed from them."""
        write: dict[type, Callable[[Any, Place], str]] = {
            Forward: self._forward,
            Listed: self._listed,
            Connected: self._connected,
            Computed: self._computed,
            ByKey: self._by_key,
            ByIdentity: self._by_identity,
            Sources: lambda f, at: self._sources(at.nodes, f.record, at.path, at.cost),
            Claims: self._claims,
        }
        return write[type(field)](field, here)

    def _argument(self, here: Place, name: str) -> Argument | None:
        node = here.nodes[0]
        return argument_of(node, here.kind.fields[node.name.value], name, self._sample)

    def _stored(self, field: Stored, here: Place) -> str:
        item, spec = field.item, field.spec
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
            made = self._values(item, here, column, self._original(field, here.alias))
        else:
            assert item.value is not None
            made = self._nested(here.nodes, item.value.name, column, here.path, here.cost)
        return self._shown(made, authority.guard(spec, item, here.alias, self._out))

    def _shown(self, made: str, guard: str | None) -> str:
        """Return a value that is hidden, and counted as hidden, unless a condition holds."""
        if guard is None:
            return made
        self._out.is_guarded = True
        return f"CASE WHEN {guard} THEN {made} ELSE E'null\\t' END"

    def _original(self, field: Stored, alias: str) -> Callable[[str], str | None] | None:
        """Return the condition on a member of an item that keeps original texts of others."""
        if field.item.value is None or field.item.value.cls is not OriginalText:
            return None
        authority = self._out.authority
        return lambda member: authority.original(field.spec, f"{member}->>'path'", alias, self._out)

    def _member(self, field: Inside, here: Place) -> str:
        item = field.item
        if item.value is None:
            return jsontext.member(item, here.alias)
        column = f"({here.alias}->'{item.wire}')"
        if item.many:
            return self._values(item, here, column)
        return self._nested(here.nodes, item.value.name, column, here.path, here.cost)

    def _nested(
        self, nodes: list[FieldNode], name: str, column: str, path: Path, cost: Cost
    ) -> str:
        """Return a nested value; inside it the alias is the jsonb expression itself."""
        body = self._inner(nodes, name, column, path, cost.part())
        return f"CASE WHEN {column} IS NULL THEN 'null' ELSE {body} END"

    def _values(
        self,
        item: Item,
        here: Place,
        column: str,
        condition: Callable[[str], str | None] | None = None,
    ) -> str:
        """Return a list of nested values, of those for which a condition on the member holds."""
        assert item.value is not None
        alias = self._out.alias("v")
        body = self._inner(here.nodes, item.value.name, f"{alias}.j", here.path, here.cost.part())
        rows = f"jsonb_array_elements({column}) WITH ORDINALITY AS {alias}(j,n)"
        shown = None if condition is None else condition(f"{alias}.j")
        if shown is not None:
            rows += f" WHERE {shown}"
        return f"(SELECT {jsontext.listed(body, f'{alias}.n')} FROM {rows})"

    def _windows(self, field: Windows, here: Place) -> str:
        alias = self._out.alias("w")
        body = self._inner(here.nodes, "Window", alias, here.path, Cost())
        rows = f"unnest({field.sql.format(t=here.alias)}) AS {alias}(r)"
        return f"(SELECT {jsontext.listed(body, f'{alias}.r')} FROM {rows})"

    def _of_claim(self, field: Known | Chosen | Whole, here: Place) -> str:
        """Return what is told of where the row comes from, beyond its columns."""
        spec, alias = self._out.rows[here.alias], here.alias
        if isinstance(field, Whole):
            whole = self._out.authority.whole(spec, alias, self._out)
            return self._shown(field.sql.format(t=alias), whole)
        if isinstance(field, Known):
            return claims.known(spec, alias)
        if not spec.golden:
            return "'[]'"
        row = self._out.alias("e")
        body = self._inner(here.nodes, "ItemSource", row, here.path, here.cost.part())
        found = claims.chosen(spec, alias, row, self._out)
        return f"(SELECT {jsontext.listed(body, f'{row}.item')} FROM {found})"

    def _claims(self, _: Claims, here: Place) -> str:
        """Return what every source says of the row's item, by its header alone."""
        row = self._out.alias("k")
        body = self._inner(here.nodes, "Claim", row, here.path, here.cost.part(times=CLAIMS_COST))
        found = claims.stated(self._model.sources[self._out.rows[here.alias].name], here.alias)
        return f"(SELECT {jsontext.listed(body, f'{row}.n')} FROM ({found}) {row})"

    def _one(self, spec: RecordSpec, where: list[str], alias: str, here: Place) -> str:
        """Return one record or null."""
        where = [*where, *visible(spec, alias, self._out)]
        body = self._inner(here.nodes, spec.name, alias, here.path, here.cost.part())
        return (
            f"coalesce((SELECT {body} FROM {self._table(spec)} {alias} WHERE {' AND '.join(where)}"
            f" ORDER BY {alias}.item_id LIMIT 1),'null')"
        )

    def _table(self, spec: RecordSpec) -> str:
        return self._model.tables[spec.name]

    def _denied(self, spec: RecordSpec, here: Place) -> bool:
        """Say whether the caller's scopes reveal no row of a record, and note it as denied."""
        if self._out.authority.may_list(spec):
            return False
        if spec.scope == PUBLIC_SCOPE:
            raise ScopeMissingError(PUBLIC_SCOPE, ".".join(here.path))
        self._out.denied.setdefault(here.path, FieldDenied(here.path, spec.scope))
        return True

    def _forward(self, field: Forward, here: Place) -> str:
        spec, alias = self._model.registry[field.record], self._out.alias()
        if self._denied(spec, here):
            return "'null'"
        return self._one(spec, [field.on.format(a=alias, t=here.alias)], alias, here)

    def _listed(self, field: Listed, here: Place) -> str:
        spec, alias = self._model.registry[field.record], self._out.alias()
        if self._denied(spec, here):
            return "'null'"
        first = self._argument(here, "first")
        size = page_size(first, LIST_DEFAULT, self._out)
        where = [field.on.format(a=alias, t=here.alias), *visible(spec, alias, self._out)]
        cost = here.cost.part(own=0, times=first or LIST_DEFAULT).part()
        body = self._inner(here.nodes, spec.name, alias, here.path, cost)
        rows = (  # the text is written inside, so that no other column passes through the sort
            f"(SELECT {body} AS j FROM {self._table(spec)} {alias} WHERE {' AND '.join(where)}"
            f" ORDER BY {alias}.key,{alias}.item_id LIMIT {size}) {alias}r"
        )
        return f"(SELECT {jsontext.listed(f'{alias}r.j')} FROM {rows})"

    def _connected(self, field: Connected, here: Place) -> str:
        spec = self._model.registry[field.record]
        if self._denied(spec, here):
            return "'null'"
        coordinate = f"{here.kind.name}.{here.nodes[0].name.value}"
        on = field.on.replace("{t}", here.alias) if field.on else ""
        page = page_of(spec, on, coordinate, lambda name: self._argument(here, name), self._out)
        asked = self._argument(here, "first") or self._argument(here, "last")
        cost = here.cost.part(own=1 + (AVAILABLE_FILTER_COST if page.heavy else 0))
        each = cost.part(own=0, times=asked or PAGE_DEFAULT)

        def node(nodes: list[FieldNode], alias: str, keys: Path) -> str:
            return self._inner(nodes, spec.name, alias, (*here.path, *keys), each.part())

        parts = Parts(
            subfields=self._selection.subfields,
            node=node,
            sources=lambda nodes: self._sources(nodes, spec.name, here.path, cost),
        )
        name = f"{spec.name}Connection"
        return connection(page, self._selection.subfields(here.nodes, name), name, parts, self._out)

    def _computed(self, field: Computed, here: Place) -> str:
        alias, given = self._out.alias("c"), partial(self._argument, here)
        row, own = computed_row(field.how, f"{here.alias}.key", given, self._out)
        cost = here.cost.part(own=own)
        body = self._inner(here.nodes, field.type, alias, here.path, cost)
        return f"(SELECT {body} FROM ({row} OFFSET 0) {alias})"

    def _sources(self, nodes: list[FieldNode], record: str, path: Path, cost: Cost) -> str:
        alias = self._out.alias("s")
        body = self._inner(nodes, "SourceStatus", alias, path, cost.part(times=PAGE_DEFAULT))
        row = sources_row(self._model.sources.get(record), self._out.bind_now())
        return f"(SELECT {jsontext.listed(body, f'{alias}.source_id')} FROM ({row}) {alias})"

    def _by_key(self, field: ByKey, here: Place) -> str:
        spec, alias = self._model.registry[field.record], self._out.alias()
        if self._denied(spec, here):
            return "'null'"
        by = self._argument(here, "by")
        assert by is not None
        where = [named(spec, by, alias, self._out)]
        return self._one(spec, where, alias, here)

    def _by_identity(self, field: ByIdentity, here: Place) -> str:
        """Return any record: the prefix of an identity names its type, so one table is read."""
        if not field.many:
            asked = self._argument(here, "id")
            assert asked is not None
            return self._any(self._out.bind_identities(asked, "text"), here, here.cost)
        asked = self._argument(here, "ids")
        assert asked is not None
        ids = identities(asked, self._out)
        alias = self._out.alias("i")
        each = here.cost.part(own=0, times=asked)
        body = self._any(f"{alias}.id", here, each)
        return (
            f"(SELECT {jsontext.listed(body, f'{alias}.n')} FROM unnest({ids})"
            f" WITH ORDINALITY AS {alias}(id,n))"
        )

    def _any(self, identity: str, here: Place, cost: Cost) -> str:
        if PUBLIC_SCOPE not in self._out.authority.scopes:
            raise ScopeMissingError(PUBLIC_SCOPE, ".".join(here.path))
        branches = []
        choice = cost.part()
        for spec in self._model.registry:
            if not self._out.authority.may_list(spec):
                self._out.is_guarded = True
                branches.append(f"WHEN '{spec.prefix}' THEN E'null\\t'")
                continue
            kind, alias = self._selection.type(spec.name), self._out.alias()
            where = [f"{alias}.item_id = {identity}", *visible(spec, alias, self._out)]
            selected = self._selection.collect((n.selection_set for n in here.nodes), kind)
            body = self._object(selected, kind, alias, here.path, choice.choice())
            if self._out.marked:
                body = jsontext.marked(body, spec.name)
            branches.append(
                f"WHEN '{spec.prefix}' THEN coalesce((SELECT {body}"
                f" FROM {self._table(spec)} {alias} WHERE {' AND '.join(where)} LIMIT 1),'null')"
            )
        return f"CASE split_part({identity},'_',1) {' '.join(branches)} ELSE 'null' END"

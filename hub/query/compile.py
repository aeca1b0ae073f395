"""`compile`: a GraphQL selection set as one SQL statement whose only value is the response's text.

- Aliases, field merging, fragments, @skip and @include, lists, connections, the Node interface.
- Nothing of a document enters the statement but response keys, which are GraphQL names, and sizes
  of pages that stand in it, which are numbers; every other value is a parameter.
- A field that the caller's scopes do not reveal is null, with one `FieldDenied`, whether it is an
  item or a list of records; a value that an agreement hides is a marked null
  (`hub.query.jsontext`).
- What is not in the model raises `NotCompilableError`, and the executor takes the operation.

GraphQL specification, October 2021, §6.3 (CollectFields).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import FieldNode, GraphQLObjectType, SelectionSetNode
from graphql.execution.values import VariableValues

from hub.query import binding, jsontext
from hub.query.arguments import Argument, Sample, argument_of
from hub.query.authorise import PUBLIC_SCOPE, Authority
from hub.query.availability import availability_row, window
from hub.query.compiled import Compiled, Path, Place
from hub.query.connection import Parts, connection, page_of, page_size, visible
from hub.query.cost import Cost
from hub.query.errors import FieldDenied, NotCompilableError, ScopeMissingError
from hub.query.limits import (
    AVAILABILITY_COST,
    AVAILABLE_FILTER_COST,
    CLAIMS_COST,
    CLAIMS_MAX,
    LIST_DEFAULT,
    PAGE_DEFAULT,
    QueryLimits,
)
from hub.query.lookup import identities, named
from hub.query.model import (
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
from hub.query.price import price_row
from hub.query.selection import Fragments, Selected, Selection
from hub.query.sources import sources_row
from hub.query.statement import Statement
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
            Sources: self._all_sources,
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
        if isinstance(field, Chosen):
            return self._chosen(here)
        heard = f"(SELECT h.as_of FROM heard h WHERE h.entry_id = {alias}.entry_id)"
        known = f"{alias}.as_of"
        return jsontext.instant(f"greatest({known},{heard})" if spec.confirmed else known)

    def _chosen(self, here: Place) -> str:
        """Return which items a merged row has from others than the claim that leads.

        Nobody learns by it that an item is stated which he may not read.
        """
        spec, alias = self._out.rows[here.alias], self._out.alias("e")
        if not spec.golden:
            return "'[]'"
        body = self._inner(here.nodes, "ItemSource", alias, here.path, here.cost.part())
        rows = f"jsonb_each_text({here.alias}.chosen) AS {alias}(item,source)"
        shown = self._out.authority.original(spec, f"{alias}.item", here.alias, self._out)
        where = f" WHERE {shown}" if shown is not None else ""
        return f"(SELECT {jsontext.listed(body, f'{alias}.item')} FROM {rows}{where})"

    def _claims(self, _: Claims, here: Place) -> str:
        """Return what every source says of the row's item, by its header alone."""
        spec, alias = self._out.rows[here.alias], self._out.alias("k")
        body = self._inner(here.nodes, "Claim", alias, here.path, here.cost.part(times=CLAIMS_COST))
        kind = (  # a source may know the owner by another key, the one of its entry
            "CASE WHEN s.owners IS NULL OR c.owner = ANY(s.owners) OR e.owner = ANY(s.owners)"
            " THEN s.kind ELSE 'NONE' END"
        )
        rows = (
            "SELECT c.source,c.authority,c.key,c.as_of,c.accepted_at,c.assurance,c.revision,"
            f"c.entry_id,{kind} AS kind,c.entry_id = {here.alias}.entry_id AS leads"
            f" FROM {self._model.sources[spec.name]} c JOIN source s ON s.source_id = c.source"
            " JOIN entry e ON e.entry_id = c.entry_id"
            f" WHERE c.item_id = {here.alias}.item_id AND NOT c.withdrawn"
            f" ORDER BY c.source,c.authority,c.key LIMIT {CLAIMS_MAX}"
        )
        order = f"{alias}.source,{alias}.authority,{alias}.key"
        return f"(SELECT {jsontext.listed(body, order)} FROM ({rows}) {alias})"

    # -- other rows ----------------------------------------------------------------------------

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
        row = sources_row(self._model.sources.get(record), self._out.bind_now())
        return f"(SELECT {jsontext.listed(body, f'{alias}.source_id')} FROM ({row}) {alias})"

    def _all_sources(self, field: Sources, here: Place) -> str:
        return self._sources(here.nodes, field.record, here.path, here.cost)

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
                body = self._mark(body, spec.name)
            branches.append(
                f"WHEN '{spec.prefix}' THEN coalesce((SELECT {body}"
                f" FROM {self._table(spec)} {alias} WHERE {' AND '.join(where)} LIMIT 1),'null')"
            )
        return f"CASE split_part({identity},'_',1) {' '.join(branches)} ELSE 'null' END"

    @staticmethod
    def _mark(body: str, name: str) -> str:
        """Add the type's name under a key that no document can use, for the executor."""
        return f"""concat('{{"@type":"{name}","@of":',{body},'}}')"""

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

from dataclasses import replace
from functools import partial

from graphql import FieldNode, GraphQLObjectType, SelectionSetNode
from graphql.execution.values import VariableValues

from hub.query.plan.arguments import Argument, Sample, argument_of
from hub.query.plan.cost import Cost
from hub.query.plan.errors import NotCompilableError, ScopeMissingError
from hub.query.plan.limits import QueryLimits
from hub.query.plan.reach import ReachOf
from hub.query.plan.selection import Fragments, Selected, Selection
from hub.query.sql import jsontext
from hub.query.sql.authorise import Authority
from hub.query.sql.compiled import Compiled
from hub.query.sql.marks import marked
from hub.query.sql.model import Field, Interface, Plain
from hub.query.sql.own_fields import OfRow, of_row
from hub.query.sql.related_fields import of_others
from hub.query.sql.statement import Statement
from hub.query.sql.touching import touches
from hub.query.sql.writer import FieldPlace, Path
from schema.visibility import PUBLIC_SCOPE


class Compiler:
    """Writes one statement for one operation, or for some fields of its root."""

    def __init__(  # noqa: PLR0913 - what a statement depends on
        self,
        interface: Interface,
        fragments: Fragments,
        sample: VariableValues,
        authority: Authority,
        limits: QueryLimits,
        *,
        marked: bool = False,
        is_fresh: bool = False,
        reads_unkept: bool = False,
    ) -> None:
        """`is_fresh`: for a request that may say how fresh its answer must be.

        `reads_unkept`: for a part of such a request that by itself asks nobody.
        """
        self._interface = interface
        self._alone = partial(
            Compiler, interface, fragments, sample, authority, limits, reads_unkept=is_fresh
        )
        self._schema = interface.schema
        self.model = interface.model
        self._sample = Sample(sample)
        self.selection = Selection(interface.schema, fragments, self._sample)
        self.out = Statement(
            interface.model,
            authority,
            limits,
            marked=marked,
            is_fresh=is_fresh,
            reads_unkept=reads_unkept,
        )

    def operation(self, selection: SelectionSetNode) -> Compiled:
        """Compile the selection set of a query."""
        return self.fields(self.selection.collect((selection,), self.root))

    def fields(self, selected: Selected) -> Compiled:
        """Compile some fields of the root."""
        cost = Cost(own=0)
        body = self.object(selected, self.root, "", (), cost)
        compiled = replace(self.compiled(f"SELECT {body}", cost), reaches=self._reaches(selected))
        if not self.out.is_fresh:
            return compiled
        alone = touches(self._interface, selected, compiled, lambda own: self._alone().fields(own))
        return replace(compiled, touches=alone[0], looked_up=alone[1])

    def _reaches(self, selected: Selected) -> tuple[ReachOf | None, ...]:
        """Return whom each field that reads records is about; None: it may be about anybody."""
        out = self.out
        return tuple(
            None if key in out.wide else out.reaches.get(key)
            for key in selected
            if key in out.reading
        )

    @property
    def root(self) -> GraphQLObjectType:
        """The type of the root of queries."""
        root = self._schema.query_type
        assert root is not None
        return root

    def compiled(self, statement: str, cost: Cost) -> Compiled:
        """Return a whole statement with what was collected while it was written."""
        out = self.out
        if (out.records or out.denied) and PUBLIC_SCOPE not in out.authority.scopes:
            raise ScopeMissingError(PUBLIC_SCOPE, "reading records")
        self._sample.forget()
        sql, used, unused = out.numbered(statement)
        return Compiled(
            sql=sql.encode(),
            binds=used,
            checks=(*out.checks, *unused),
            cost=cost.settled(),
            denied=tuple(out.denied.values()),
            records=frozenset(out.records),
            guarded=out.is_guarded,
            narrowed=tuple(out.narrowed),
            identities=tuple(out.identities),
            faults=tuple(out.faults),
            protected=out.is_protected,
            asked=frozenset(out.asked),
            touched=frozenset(out.touched),
            moving=frozenset(out.moving),
        )

    def object(
        self, selected: Selected, kind: GraphQLObjectType, alias: str, path: Path, cost: Cost
    ) -> str:
        """Return the JSON text of an object of this type, read from the row `alias`."""
        body = jsontext.obj(
            [
                (key, self._value(nodes, kind, alias, (*path, key), cost))
                for key, nodes in selected.items()
            ]
        )
        spec = self.out.rows.get(alias)
        if spec is None or spec.name != kind.name:
            return body
        return marked(body, spec, alias, self.out)

    def inner(self, nodes: list[FieldNode], name: str, alias: str, path: Path, cost: Cost) -> str:
        """Return the JSON text of the selections below fields of one key; `name` is their type."""
        return self.object(
            self.selection.subfields(nodes, name), self.selection.type(name), alias, path, cost
        )

    def _value(
        self, nodes: list[FieldNode], kind: GraphQLObjectType, alias: str, path: Path, cost: Cost
    ) -> str:
        node = nodes[0]
        name = node.name.value
        if name == "__typename":
            return jsontext.constant(kind.name)
        field: Field | None = self.model.fields.get(kind.name, {}).get(name)
        if field is None:
            raise NotCompilableError(f"{kind.name}.{name}")
        here = FieldPlace(nodes, kind, alias, path, cost)
        if isinstance(field, Plain):
            return field.sql.format(t=alias)
        if isinstance(field, OfRow):
            return of_row(self, field, here)
        return of_others(self, field, here)

    def argument(self, here: FieldPlace, name: str) -> Argument | None:
        """Return an argument of the field at a place."""
        node = here.nodes[0]
        return argument_of(node, here.kind.fields[node.name.value], name, self._sample)

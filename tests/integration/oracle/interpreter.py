"""`interpreter`: what a GraphQL document must be answered, said a second time over plain lists.

- Shares nothing with the hub but the names and grades of the standard's items and the published
  interface; it knows no SQL, no plan and no statement. Fields are read one row at a time.
- It walks a document twice: `_check` sees every field that could be asked, rows or no rows, and
  finds what the scopes refuse; `_object` reads the rows that the agreements leave.
- A cursor is opaque: where one must stand there is a `Cursor`, which says of which row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import graphql as g
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from schema.item import Item
from schema.registry import standard
from tests.integration.oracle.meaning import (
    Asker,
    Rights,
    Row,
    filtered,
    given,
    holds,
    item_of,
    orders,
    place_by,
)

PUBLISHED = Path(__file__).parents[3] / "schema" / "published" / "hub.graphql"
PAGE, LIST = 20, 50
"""Rows of a connection and of a plain list that state no size."""
FORWARD: dict[tuple[str, str], tuple[str, dict[str, str]]] = {
    ("Centre", "institution"): ("Institution", {"institutionKey": "key"}),
    ("Instrument", "institution"): ("Institution", {"institutionKey": "key"}),
    ("Instrument", "centre"): (
        "Centre",
        {"institutionKey": "institutionKey", "centreCode": "code"},
    ),
    ("ServiceOffer", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("OpeningHours", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("OpeningException", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("Occupancy", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("OccupancyCoverage", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("UsageRecord", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("ServiceRecord", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("Topic", "authority"): ("Institution", {"authorityKey": "key"}),
    ("SharingConsent", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("SensorBinding", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("PowerDay", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("ServiceOrder", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("CustomsSupervision", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("CustomsApproval", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("CustomsReport", "instrument"): ("Instrument", {"instrumentKey": "key"}),
    ("DutyPayment", "instrument"): ("Instrument", {"instrumentKey": "key"}),
}
"""Relations to one record: its type, and which item here equals which there."""
INVERSE = {
    ("Institution", "centres"): ("Centre", "institutionKey"),
    ("Institution", "instruments"): ("Instrument", "institutionKey"),
    ("Instrument", "offers"): ("ServiceOffer", "instrumentKey"),
    ("Instrument", "openingHours"): ("OpeningHours", "instrumentKey"),
    ("Instrument", "openingExceptions"): ("OpeningException", "instrumentKey"),
    ("Instrument", "occupancies"): ("Occupancy", "instrumentKey"),
    ("Instrument", "coverage"): ("OccupancyCoverage", "instrumentKey"),
    ("Instrument", "usageRecords"): ("UsageRecord", "instrumentKey"),
    ("Instrument", "serviceRecords"): ("ServiceRecord", "instrumentKey"),
    ("Institution", "topics"): ("Topic", "authorityKey"),
    ("Instrument", "consents"): ("SharingConsent", "instrumentKey"),
    ("Instrument", "sensors"): ("SensorBinding", "instrumentKey"),
    ("Instrument", "powerDays"): ("PowerDay", "instrumentKey"),
    ("Instrument", "orders"): ("ServiceOrder", "instrumentKey"),
    ("Instrument", "customsSupervisions"): ("CustomsSupervision", "instrumentKey"),
    ("Instrument", "customsApprovals"): ("CustomsApproval", "instrumentKey"),
    ("Instrument", "customsReports"): ("CustomsReport", "instrumentKey"),
    ("Instrument", "dutyPayments"): ("DutyPayment", "instrumentKey"),
}
"""Relations to many records: their type, and which of their items is the key here."""
HUB_FIELDS = ("__typename", "me", "serviceInfo")
"""Root fields that read no record."""
PARTS = ("ServiceOffer", "OpeningHours", "OpeningException", "Occupancy", "OccupancyCoverage")
"""Records that are part of an instrument."""
SEEN_AS = {("Instrument", "powerState"): ("PowerDay", "spans")}
"""Fields that are no items, and the items as which they are seen."""
UNHEARD = {"state": "UNKNOWN", "since": None, "asOf": None}
"""The power of every instrument of these worlds: nothing listens to their sensors."""


@dataclass(frozen=True)
class Cursor:
    """Some text that names a row; `variables` are those that could hold it in the next request."""

    row: str
    variables: tuple[str, ...] = ()


@dataclass
class Expected:
    """The answer: data and the (code, path) of errors; `refused` when there can be no data."""

    data: Any = None
    errors: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    refused: str | None = None


class Refused(Exception):  # noqa: N818 - it is an answer
    """The request is refused as a whole."""


@lru_cache(maxsize=1)
def published() -> g.GraphQLSchema:
    """Return the published interface, its scalars read as what they mean."""
    schema = g.build_schema(PUBLISHED.read_text("utf-8"), assume_valid=True)
    readers: dict[str, Callable[[Any], Any]] = {
        "Decimal": lambda value: Decimal(str(value)),
        "DateTime": datetime.fromisoformat,
        "Date": date.fromisoformat,
    }
    for name, read in readers.items():
        kind: Any = schema.type_map[name]
        kind.parse_value = kind.coerce_input_value = read
        kind.parse_literal = lambda node, _=None, r=read: r(node.value)
        kind.coerce_input_literal = lambda node, r=read: r(node.value)
    return schema


@dataclass(frozen=True)
class Interpreter:
    """Answers documents over lists of rows.

    `rank` gives the place of a name in an index.
    """

    rows: Mapping[str, Sequence[Row]]
    rank: Callable[[str], Any]

    def answer(
        self,
        text: str,
        variables: Mapping[str, Any],
        asker: Asker,
        cursors: Mapping[str, str] | None = None,
    ) -> Expected:
        """Return what a document must be answered; `cursors` say which row each one names."""
        return _Reading(self, g.parse(text), variables, asker, cursors or {}).answer()


Sets = Sequence[g.SelectionSetNode | None]


class _Reading:
    """One request."""

    def __init__(
        self,
        world: Interpreter,
        ast: g.DocumentNode,
        variables: Mapping[str, Any],
        asker: Asker,
        cursors: Mapping[str, str],
    ) -> None:
        self.world, self.asker, self.cursors = world, asker, cursors
        self.schema = published()
        self.rights = Rights.of(asker, world.rows["Agreement"])
        fragments = [d for d in ast.definitions if isinstance(d, g.FragmentDefinitionNode)]
        self.fragments = {each.name.value: each for each in fragments}
        self.operation = next(
            each for each in ast.definitions if isinstance(each, g.OperationDefinitionNode)
        )
        declared = self.operation.variable_definitions or ()
        found = get_variable_values(self.schema, declared, dict(variables))
        assert isinstance(found, VariableValues), found
        self.variables = found
        self.errors: set[tuple[str, tuple[str, ...]]] = set()
        self.collected: dict[Any, dict[str, list[g.FieldNode]]] = {}
        self.arguments: dict[Any, dict[str, Any]] = {}

    def answer(self) -> Expected:
        root = self.schema.query_type
        assert root is not None
        sets = [self.operation.selection_set]
        try:
            self._check(root, sets, ())
        except Refused as refused:
            return Expected(refused=str(refused))
        return Expected(self._object(root, None, sets), self.errors)

    # -- the document -----------------------------------------------------------------------------

    def _fields(self, kind: g.GraphQLObjectType, sets: Sets) -> dict[str, list[g.FieldNode]]:
        """Return the fields asked of an object, by response key, in the order of the document."""
        asked = (kind.name, *map(id, sets))  # the same for every row; nodes live as long as self
        if asked not in self.collected:
            self.collected[asked] = self._collected(kind, sets)
        return self.collected[asked]

    def _collected(self, kind: g.GraphQLObjectType, sets: Sets) -> dict[str, list[g.FieldNode]]:
        found: dict[str, list[g.FieldNode]] = {}
        for node in (node for each in sets if each for node in each.selections):
            if not self._is_included(node):
                continue
            if isinstance(node, g.FieldNode):
                found.setdefault((node.alias or node.name).value, []).append(node)
                continue
            inner: Any = node
            if isinstance(node, g.FragmentSpreadNode):
                inner = self.fragments[node.name.value]
            on = inner.type_condition
            if on is None or on.name.value in (kind.name, *(i.name for i in kind.interfaces)):
                for key, nodes in self._fields(kind, [inner.selection_set]).items():
                    found.setdefault(key, []).extend(nodes)
        return found

    def _is_included(self, node: g.SelectionNode) -> bool:
        for each in node.directives or ():
            declared = self.schema.get_directive(each.name.value)
            assert declared is not None
            on = get_argument_values(declared, each, self.variables)["if"]
            if on is (each.name.value == "skip"):
                return False
        return True

    def _arguments(self, kind: g.GraphQLObjectType, node: g.FieldNode) -> dict[str, Any]:
        asked = (kind.name, id(node))
        if asked not in self.arguments:
            declared = kind.fields[node.name.value]
            self.arguments[asked] = given(get_argument_values(declared, node, self.variables))
        return self.arguments[asked]

    # -- what the scopes say, whatever rows there are ---------------------------------------------

    def _check(self, kind: g.GraphQLObjectType, sets: Sets, path: tuple[str, ...]) -> None:
        for key, nodes in self._fields(kind, sets).items():
            name, here = nodes[0].name.value, (*path, key)
            if name == "__typename" or (kind.name == "Query" and name in HUB_FIELDS):
                continue
            if "catalogue:read" not in self.asker.scopes:
                raise Refused("SCOPE_MISSING")
            item = item_of(*SEEN_AS.get((kind.name, name), (kind.name, name)))
            if item is not None and item.scope not in self.asker.scopes:
                self.errors.add(("SCOPE_MISSING", here))
                continue
            named = g.get_named_type(kind.fields[name].type)
            if named.name.endswith("Connection"):
                record = named.name.removesuffix("Connection")
                if not self.rights.has_row_scope(record):
                    self.errors.add(("SCOPE_MISSING", here))
                    continue
                self._check_connection(record, self._arguments(kind, nodes[0]))
            if "by" in kind.fields[name].args and not self.rights.has_row_scope(named.name):
                self.errors.add(("SCOPE_MISSING", here))
                continue
            inner = [node.selection_set for node in nodes]
            for possible in self._possible(named):
                if self.rights.has_row_scope(possible.name):
                    self._check(possible, inner, here)

    def _possible(self, kind: g.GraphQLNamedType) -> list[g.GraphQLObjectType]:
        if isinstance(kind, g.GraphQLInterfaceType):
            return list(self.schema.get_possible_types(kind))
        return [kind] if isinstance(kind, g.GraphQLObjectType) else []

    def _check_connection(self, kind: str, arguments: Mapping[str, Any]) -> None:
        conditions = given(arguments.get("filter", {}))
        used = [filtered(kind, name) for name, said in conditions.items() if given(said)]
        used += [item for item, _ in orders(kind, arguments.get("orderBy", ()))]
        if any(item is not None and item.scope not in self.asker.scopes for item in used):
            raise Refused("SCOPE_MISSING")

    # -- objects ----------------------------------------------------------------------------------

    def _object(self, kind: g.GraphQLObjectType, of: Any, sets: Sets) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, nodes in self._fields(kind, sets).items():
            name = nodes[0].name.value
            if name == "__typename":
                made[key] = kind.name
                continue
            found = self._field(kind, of, nodes[0])
            made[key] = self._complete(kind.fields[name].type, found, nodes)
        return made

    def _complete(self, kind: g.GraphQLOutputType, value: Any, nodes: list[g.FieldNode]) -> Any:
        plain: Any = g.get_nullable_type(kind)
        if value is None:
            return [] if plain is not kind and g.is_list_type(plain) else None
        if g.is_list_type(plain):
            return [self._complete(plain.of_type, each, nodes) for each in value]
        if isinstance(value, Row):
            plain = self.schema.type_map[value.kind]  # of an interface
        if isinstance(plain, g.GraphQLObjectType):
            return self._object(plain, value, [node.selection_set for node in nodes])
        return value

    def _field(self, kind: g.GraphQLObjectType, of: Any, node: g.FieldNode) -> Any:
        name = node.name.value
        if kind.name == "Query":
            return self._root(name, kind, node)
        if not isinstance(of, Row):
            return of.get(name)
        item = item_of(kind.name, name)
        if item is not None:
            return self._item(of, item)
        if name == "provenance":
            return self._provenance(of)
        if (kind.name, name) in SEEN_AS:
            like = item_of(*SEEN_AS[kind.name, name])
            return UNHEARD if like is not None and self.rights.sees(of, like) else None
        return getattr(of, name) if name in ("id", "key") else self._related(kind, of, node)

    def _related(self, kind: g.GraphQLObjectType, of: Row, node: g.FieldNode) -> Any:
        name = node.name.value
        if (kind.name, name) in FORWARD:
            target, where = FORWARD[kind.name, name]
            wanted = {there: of.get(here) for here, there in where.items()}
            return self._one(target, lambda r: all(r.get(k) == v for k, v in wanted.items()))
        target, column = INVERSE[kind.name, name]
        rows = [row for row in self._visible(target) if row.get(column) == of.key]
        return self._many(target, rows, kind, node)

    def _item(self, row: Row, item: Item) -> Any:
        if not self.rights.sees(row, item):
            return None
        value = row.get(item.wire)
        if item.many and value is None:
            return []
        if item.wire == "originals":
            named = [(each, item_of(row.kind, each["path"].partition(".")[0])) for each in value]
            return [each for each, of in named if of is not None and self.rights.sees(row, of)]
        return value

    def _provenance(self, row: Row) -> dict[str, Any]:
        lead = row.lead
        return {
            "source": lead.source,
            "authority": row.authority or None,
            "asOf": _shown(lead.heard),
            "acceptedAt": _shown(lead.accepted_at),
            "revision": lead.revision,
            "assurance": lead.assurance,
            "channel": lead.channel,
            "entryId": str(lead.entry_id),
            "owner": row.owner,
            "issuer": row.owner,
            "party": lead.party,
            "items": [
                {"item": name, "source": source}
                for name, source in sorted(row.chosen.items())
                if (item := item_of(row.kind, name)) is not None and self.rights.sees(row, item)
            ],
            "claims": [
                {
                    "source": each.source,
                    "kind": row.kinds[each.source],
                    "key": each.key,
                    "leads": each is lead,
                    "asOf": _shown(each.as_of),
                    "acceptedAt": _shown(each.accepted_at),
                    "revision": each.revision,
                    "assurance": each.assurance,
                    "entryId": str(each.entry_id),
                }
                for each in row.claims
            ],
        }

    def _root(self, name: str, kind: g.GraphQLObjectType, node: g.FieldNode) -> Any:
        asked = self._arguments(kind, node)
        if name == "me":
            return {"party": self.asker.party, "scopes": sorted(self.asker.scopes)}
        if name in ("node", "nodes"):
            known = {row.id: row for rows in self.world.rows.values() for row in rows}
            ids = asked["ids"] if name == "nodes" else [asked["id"]]
            found = [known.get(each) for each in ids]
            seen = [row if row and self.rights.sees_row(row) else None for row in found]
            return seen if name == "nodes" else seen[0]
        if name in ("instrument", "institution", "serviceOrder"):
            wanted = given(asked["by"])
            wanted = wanted.get("number", wanted.get("identifier", wanted))
            return self._one(name[0].upper() + name[1:], lambda row: _is_named(row, wanted))
        target = g.get_named_type(kind.fields[name].type).name.removesuffix("Connection")
        rows = self._visible(target)
        if target in PARTS:  # what an instrument has is listed with it only
            there = {row.key for row in self.world.rows["Instrument"]}
            rows = [row for row in rows if row.wire["instrumentKey"] in there]
        return self._many(target, rows, kind, node)

    # -- rows -------------------------------------------------------------------------------------

    def _visible(self, kind: str) -> list[Row]:
        return [row for row in self.world.rows[kind] if self.rights.sees_row(row)]

    def _one(self, kind: str, test: Callable[[Row], bool]) -> Row | None:
        """Return the row that passes; of several, the one with the least identity."""
        rows = [row for row in self._visible(kind) if test(row)]
        return min(rows, key=lambda row: row.id, default=None)

    def _many(
        self, target: str, rows: list[Row], kind: g.GraphQLObjectType, node: g.FieldNode
    ) -> Any:
        asked = self._arguments(kind, node)
        if not g.get_named_type(kind.fields[node.name.value].type).name.endswith("Connection"):
            return sorted(rows, key=_read_in_order)[: asked.get("first", LIST)]
        if not self.rights.has_row_scope(target):
            return None
        return self._page(target, rows, asked, _variables_of(node))

    def _page(
        self, kind: str, rows: list[Row], asked: Mapping[str, Any], variables: tuple[str, ...]
    ) -> dict[str, Any]:
        conditions = given(asked.get("filter", {})).items()
        hits = [row for row in rows if all(holds(row, *each, self.rights) for each in conditions)]
        keys = orders(kind, asked.get("orderBy", ()))
        place = place_by(keys, self.rights, self.world.rank)
        by_id = {row.id: row for row in self.world.rows[kind]}
        after, before = (
            place(by_id[self.cursors[asked[name]]]) if name in asked else None
            for name in ("after", "before")
        )
        between = sorted((row for row in hits if _lies(place(row), after, before)), key=place)
        size = asked.get("first", asked.get("last", PAGE))
        backward = "last" in asked
        page = between[max(len(between) - size, 0) :] if backward else between[:size]
        more = len(between) > size
        cursors = [Cursor(row.id, variables) for row in page]
        return {
            "totalCount": len(hits),
            "nodes": page,
            "edges": [{"cursor": c, "node": row} for c, row in zip(cursors, page, strict=True)],
            "pageInfo": {
                "hasNextPage": before is not None if backward else more,
                "hasPreviousPage": more if backward else after is not None,
                "startCursor": cursors[0] if page else None,
                "endCursor": cursors[-1] if page else None,
            },
        }


def _is_named(row: Row, wanted: Mapping[str, Any]) -> bool:
    """Say whether a row has these: its identity, its key, or what some source numbers it by."""
    if "source" in wanted:
        said = [each for each in row.claims if each.source == wanted["source"]]
        return any(each.wire["localNo"] == wanted["localNo"] for each in said)
    if "scheme" in wanted:
        return dict(wanted) in map(dict, row.wire.get("identifiers", ()))
    own = {"id": row.id, "key": row.key}
    return all(own[name] == value for name, value in wanted.items())


def _read_in_order(row: Row) -> tuple[Any, ...]:
    """What a plain list sorts by: codes in the key by their place in their list, then the key."""
    spec = standard()[row.kind]
    coded = [item for item in map(spec.item, spec.key) if item.code_list is not None]
    lists = [(item.wire, [code.value for code in item.code_list or ()]) for item in coded]
    return (*(codes.index(row.get(wire)) for wire, codes in lists), row.key, row.id)


def _lies(place: Any, after: Any, before: Any) -> bool:
    return (after is None or after < place) and (before is None or place < before)


def _variables_of(node: g.FieldNode) -> tuple[str, ...]:
    """Name the variables that hold cursors of a field."""
    return tuple(
        each.value.name.value
        for each in node.arguments or ()
        if each.name.value in ("after", "before") and isinstance(each.value, g.VariableNode)
    )


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""`connection`: a page of records with its cursors, in SQL.

- The rows of a page come from one ordered, bounded subquery; aggregates see them in that order,
  as PostgreSQL documents for a sorted subquery below a plain aggregate.
- The JSON of a row is written inside that subquery: so only the columns it uses pass through the
  sort, and PostgreSQL evaluates it for the rows of the page alone.
- One extra row is read when the request asks whether there are more.
- Where the listing of the records answers a page, its rows are chosen and counted there and only
  the chosen ones are fetched (`hub.query.sql.listing`).
- totalCount counts what the filter and the row rules let through, with the same parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from graphql import FieldNode, IntValueNode

from hub.errors import ErrorCode
from hub.query.plan import binding
from hub.query.plan.arguments import Argument
from hub.query.plan.errors import NotCompilableError, QueryError
from hub.query.plan.filled import require_values
from hub.query.plan.limits import PAGE_DEFAULT, PRICE_ORDER_COST
from hub.query.plan.selection import Selected
from hub.query.sql import jsontext, searching
from hub.query.sql.filters import Conditions, conditions
from hub.query.sql.listing import listing_page
from hub.query.sql.marks import grade_of_rows
from hub.query.sql.ordering import (
    PRICE_ORDERS,
    CursorHash,
    Order,
    OrderedBy,
    order_names,
    order_of,
)
from hub.query.sql.statement import Statement
from schema.item import RecordSpec
from schema.traits import Covers, Occupies, Opens, OpensOn, Prices
from schema.visibility import DATASETS

ArgumentReader = Callable[[str], Argument | None]
"""Returns an argument of the connection's field by its name."""


@dataclass(frozen=True, slots=True)
class Page:
    """A connection that is being written."""

    spec: RecordSpec
    table: str
    alias: str
    where: tuple[str, ...]
    order: Order
    hashed: CursorHash
    size: str
    backward: bool
    after: Argument | None
    before: Argument | None
    last: tuple[str, ...]
    """Expensive conditions, evaluated only for rows that fulfil `where` (`Conditions.last`)."""
    listing: str | None
    """The table that `where` and `order` refer to, if not the records' own."""
    cost: int
    """What finding and sorting the rows costs beyond what an index gives."""

    @property
    def heavy(self) -> bool:
        """Tell whether finding the matching rows costs more than reading them."""
        return bool(self.last)

    @property
    def row(self) -> str:
        """Return the alias of a row of the page."""
        return f"{self.alias}r"

    def counted(self) -> str:
        """Return the FROM and WHERE clauses of all matching rows, without the conditions `last`."""
        where = f" WHERE {' AND '.join(self.where)}" if self.where else ""
        return f"FROM {self.listing or self.table} {self.order.alias}{where}"

    def hits(self) -> str:
        """Return the WITH clause that finds the matching rows, where that is expensive.

        In two steps: PostgreSQL must evaluate `last` only for rows that fulfil `where`.
        """
        if not self.heavy:
            return ""
        return (
            f"WITH fit AS MATERIALIZED (SELECT {self.alias}.item_id,{self.alias}.key"
            f" {self.counted()}), hit AS MATERIALIZED (SELECT {self.alias}.item_id"
            f" FROM fit {self.alias} WHERE {' AND '.join(self.last)}) "
        )


def page_of(
    spec: RecordSpec, on: str, coordinate: str, arguments: ArgumentReader, statement: Statement
) -> Page:
    """Read the arguments of a connection."""
    alias = statement.alias()
    filtered, searched = arguments("filter"), arguments("search")
    require_values(filtered)
    names = order_names(arguments("orderBy"))
    where = [on.format(a=alias)] if on else []
    where += visible(spec, alias, statement)
    where += [] if on else attached(spec, alias, statement)
    statement.narrow(spec.name, spec.rows)
    priced = arguments("priceFor") if any(each in PRICE_ORDERS for each in names) else None
    if not searching.asks(searched):
        searched = None
    if searched is not None:
        where.append(searching.matches(spec, searched, alias, statement))
    listing = None if where else listing_page(spec, filtered, names, f"{alias}l", statement)
    fitting = Conditions()
    if listing is None:
        fitting = conditions(spec, filtered, alias, statement)
        where += fitting.first
    by = OrderedBy(searched, priced)
    first, last = arguments("first"), arguments("last")
    if first is not None and last is not None:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            f"{coordinate}：first 与 last 只能给一个",
            f"{coordinate}: give first or last, not both",
        )
    return Page(
        spec=spec,
        table=statement.model.tables[spec.name],
        alias=alias,
        where=listing.where if listing else tuple(where),
        order=order_of(spec, names, f"{alias}l" if listing else alias, statement, by),
        hashed=CursorHash(coordinate, names, filtered, by),
        size=page_size(first or last, PAGE_DEFAULT, statement),
        backward=last is not None,
        after=arguments("after"),
        before=arguments("before"),
        last=fitting.last,
        listing=listing.table if listing else None,
        cost=fitting.cost + (PRICE_ORDER_COST if priced is not None else 0),
    )


def page_size(argument: Argument | None, default: int, statement: Statement) -> str:
    """Return the number of rows, checked against the bound.

    A number that stands in the document becomes part of the text, because PostgreSQL plans for a
    LIMIT that it knows; one that comes in a variable is a parameter.
    """
    if argument is None:
        return f"{default}::int"
    most = statement.limits.page
    if isinstance(argument.node, IntValueNode) and 0 <= int(argument.node.value) <= most:
        return f"{int(argument.node.value)}::int"
    return statement.bind(argument, binding.whole_number(0, most), "int")


def visible(spec: RecordSpec, alias: str, statement: Statement) -> list[str]:
    """Return the conditions under which a row may be seen at all."""
    statement.records.add(spec.name)
    statement.rows[alias] = spec
    conditions = [] if spec.golden else [f"{alias}.speaks"]
    rule = statement.authority.row_rule(spec, alias, statement)
    return [*conditions, rule] if rule else conditions


def attached(spec: RecordSpec, alias: str, statement: Statement) -> list[str]:
    """Return the condition that what a row is part of is there.

    Prices and hours of an instrument that was withdrawn are not listed by themselves; they come
    back with it.
    """
    parts = (
        *(spec.trait(Prices), spec.trait(Opens), spec.trait(OpensOn)),
        *(spec.trait(Covers), spec.trait(Occupies)),
    )
    for trait in parts:
        target = None if trait is None else spec.item(trait.of).facts.ref
        if trait is not None and target is not None:
            table = statement.model.tables[target]
            return [f"EXISTS (SELECT FROM {table} w WHERE w.key = {alias}.{trait.of})"]
    return []


def rows(page: Page, cells: Sequence[str], statement: Statement, *, more: bool) -> str:
    """Return the FROM item that gives the rows of the page, in reading order.

    `cells` are select items. With `more` one row beyond the page is there too, and n_ numbers them
    away from the start.
    """
    source = page.order.alias
    where = list(page.where)
    if page.heavy:
        where = [f"{source}.item_id IN (SELECT hit.item_id FROM hit)"]
    if page.after is not None:
        where.append(page.order.beyond(page.after, page.hashed, statement, reverse=False))
    if page.before is not None:
        where.append(page.order.beyond(page.before, page.hashed, statement, reverse=True))
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    read = [*page.order.columns(), f"{source}.item_id"] if page.listing else cells
    inner = (
        f"SELECT {','.join(read)} FROM {page.listing or page.table} {source}{condition}"
        f" ORDER BY {page.order.sql(reverse=page.backward)}"
        f" LIMIT {f'{page.size} + 1' if more else page.size}"
    )
    if page.listing:
        inner = _fetched(page, inner, cells)
    if not more and not page.backward:
        return f"({inner}) {page.row}"
    numbered = f"SELECT p.*,row_number() OVER () AS n_ FROM ({inner}) p"
    if page.backward:
        numbered += " ORDER BY n_ DESC"
    return f"({numbered}) {page.row}"


def streamed(page: Page, body: str) -> str:
    """Return the query for the texts of all matching rows, in the order of their identities.

    That order comes from the primary key: rows flow as they are found, and nothing is sorted.
    """
    alias, source = page.alias, page.order.alias
    where = [f"{source}.item_id IN (SELECT hit.item_id FROM hit)"] if page.heavy else page.where
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    if page.listing:
        chosen = f"SELECT {source}.item_id FROM {page.listing} {source}{condition}"
        rows = f"({chosen}) {source} JOIN {page.table} {alias} USING (item_id)"
        return f"SELECT {body} FROM {rows} ORDER BY {alias}.item_id"
    rows = f"{page.table} {alias}{condition}"
    return f"{page.hits()}SELECT {body} FROM {rows} ORDER BY {alias}.item_id"


def _fetched(page: Page, chosen: str, cells: Sequence[str]) -> str:
    """Return the query for the records that a query on the listing chose, in its order."""
    alias = page.alias
    down = " DESC" if page.order.descending is not page.backward else ""
    source = page.order.alias
    order = ",".join(f"{source}.{key}{down}" for key in (*page.order.names(), "item_id"))
    return (
        f"SELECT {','.join(cells)} FROM ({chosen}) {source} JOIN {page.table} {alias}"
        f" ON {alias}.item_id = {source}.item_id ORDER BY {order}"
    )


@dataclass(frozen=True, slots=True)
class ConnectionParts:
    """How the compiler writes what stands inside a connection."""

    subfields: Callable[[list[FieldNode], str], Selected]
    node: Callable[[list[FieldNode], str, tuple[str, ...]], str]
    """Takes fields of the same key, the alias of the row, response keys to it: a record's JSON."""
    sources: Callable[[list[FieldNode]], str]
    facets: Callable[[list[FieldNode]], str]


def connection(
    page: Page, selected: Selected, type_name: str, parts: ConnectionParts, statement: Statement
) -> str:
    """Return the expression of a connection's JSON text."""
    names = {nodes[0].name.value for nodes in selected.values()}
    more = "pageInfo" in names
    writer = _Writer(
        page, parts, statement, type_name, f"{page.row}.n_ <= {page.size}" if more else ""
    )
    body = jsontext.obj([(key, writer.field(key, nodes)) for key, nodes in selected.items()])
    hits = page.hits()
    if not names & {"nodes", "edges", "pageInfo"}:
        return f"({hits}SELECT {body})"
    # HAVING makes one row of it, also where nothing that is asked counts or lists the rows.
    query = rows(page, writer.cells(), statement, more=more)
    return f"({hits}SELECT {body} FROM {query} HAVING true)"


@dataclass(slots=True)
class _Writer:
    """Writes the fields of a connection, and notes which cells they need of each row."""

    page: Page
    parts: ConnectionParts
    statement: Statement
    type_name: str
    inside: str
    bodies: list[str] = field(default_factory=list)
    has_cursors: bool = False

    def cells(self) -> list[str]:
        """Return the select items that the fields written so far refer to."""
        page = self.page
        columns = [f"{body} AS j{n}" for n, body in enumerate(self.bodies)]
        source = page.order.alias
        if self.has_cursors and page.listing:
            columns += [f"{source}.{key}" for key in page.order.names()]
        elif self.has_cursors:
            columns += page.order.columns()
        return [*columns, f"{source}.item_id"]

    def _node(self, nodes: list[FieldNode], *keys: str) -> str:
        self.bodies.append(self.parts.node(nodes, self.page.alias, keys))
        return f"{self.page.row}.j{len(self.bodies) - 1}"

    def field(self, key: str, nodes: list[FieldNode]) -> str:
        name = nodes[0].name.value
        write: dict[str, Callable[[], str]] = {
            "__typename": lambda: jsontext.constant(self.type_name),
            "nodes": lambda: jsontext.json_list(self._node(nodes, key), condition=self.inside),
            "edges": lambda: jsontext.json_list(self._edge(nodes, key), condition=self.inside),
            "totalCount": self._count,
            "pageInfo": lambda: self._info(nodes),
            "sources": lambda: self.parts.sources(nodes),
            "facets": lambda: self.parts.facets(nodes),
        }
        if name not in write:
            raise NotCompilableError(name)
        return write[name]()

    def _count(self) -> str:
        page = self.page
        if page.spec.scope in DATASETS:
            asked = (grade_of_rows(page.spec), page.spec.scope, f"{page.spec.name}.totalCount")
            self.statement.asked.add(asked)
        if page.heavy:
            return "(SELECT count(*) FROM hit)::text"
        return f"(SELECT count(*) {page.counted()})::text"

    def _cursor(self) -> str:
        self.has_cursors = True
        hashed = self.page.hashed
        parameter = self.statement.bind_env(("hash", hashed), hashed.of, "text")
        return self.page.order.cursor(self.page.row, parameter)

    def _edge(self, nodes: list[FieldNode], edges: str) -> str:
        members = []
        for key, each in self.parts.subfields(nodes, f"{self.page.spec.name}Edge").items():
            name = each[0].name.value
            if name == "cursor":
                members.append((key, f"""'"'||{self._cursor()}||'"'"""))
            elif name == "node":
                members.append((key, self._node(each, edges, key)))
            else:
                members.append((key, jsontext.constant(f"{self.page.spec.name}Edge")))
        return jsontext.obj(members)

    def _info(self, nodes: list[FieldNode]) -> str:
        page = self.page
        more = f"(count(*) > {page.size})::text"
        forward_more = _known(page.before) if page.backward else more
        backward_more = more if page.backward else _known(page.after)
        cursors = f"array_agg({self._cursor()}) FILTER (WHERE {self.inside})"
        written = {
            "hasNextPage": forward_more,
            "hasPreviousPage": backward_more,
            "startCursor": jsontext.quoted(f"({cursors})[1]"),
            "endCursor": jsontext.quoted(f"({cursors})[least(count(*),{page.size})::int]"),
            "__typename": jsontext.constant("PageInfo"),
        }
        selected = self.parts.subfields(nodes, "PageInfo")
        return jsontext.obj([(key, written[each[0].name.value]) for key, each in selected.items()])


def _known(cursor: Argument | None) -> str:
    """Tell whether there is a page on the side that the cursor cuts off."""
    return "'false'" if cursor is None else "'true'"

"""`facets`: how many of the rows that a connection matches have each value of some items, in SQL.

- The rows are those of `totalCount`: found once for all facets of a field, by the same conditions.
- A city is that of the record's own place, else that of the institution it belongs to.
- Values are written as filters take them: digits for a division, a province's name, a class code.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.errors import ErrorCode
from hub.query.plan.arguments import Argument
from hub.query.plan.errors import QueryError
from hub.query.plan.limits import FACETS_MAX
from hub.query.sql.connection import Page
from hub.query.sql.statement import Statement
from schema.codes import Province, tables
from schema.item import Item, RecordSpec
from schema.traits import Faceted, Located
from schema.values import ClassCode, Place

ROW = "f"
"""The alias of a counted value; its columns are those of the type `Facet`."""
_CITY_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Facet:
    """One way to count: the columns of the rows that it needs, and the values of one row."""

    name: str
    columns: tuple[str, ...]
    values: str
    """A query for the values of the row `m`."""


def facet_names(spec: RecordSpec) -> tuple[str, ...]:
    """Return what a record can be counted by."""
    trait = spec.trait(Faceted)
    return () if trait is None else tuple(name for name, _ in trait.by)


def asked(argument: Argument) -> tuple[str, ...]:
    """Return the facets that an argument names; they are part of the plan."""
    value = argument.read(argument.sample.values)
    members = value if isinstance(value, list | tuple) else [value]
    names = tuple(dict.fromkeys(str(getattr(each, "value", each)) for each in members))
    if len(members) > FACETS_MAX:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            f"{argument.name}：至多 {FACETS_MAX} 项",
            f"{argument.name}: at most {FACETS_MAX} facets",
        )
    return names


def counted(page: Page, names: tuple[str, ...], size: str, statement: Statement) -> str:
    """Return the query for the values and how many rows have each, the commonest first."""
    trait = page.spec.trait(Faceted)
    assert trait is not None, "only what has facets has the field"
    by, facets = dict(trait.by), []
    for name in names:
        item = next((each for each in page.spec.items if each.name == by[name]), None)
        if item is not None:
            statement.authority.must_read(page.spec, item, "facets")
        facets.append(_facet(name, by[name], item, page.spec, statement))
    columns = sorted({column for each in facets for column in each.columns})
    alias = page.alias
    if page.heavy or page.listing:
        hits = "SELECT hit.item_id FROM hit"
        if not page.heavy:
            hits = f"SELECT {page.order.alias}.item_id {page.counted()}"
        rows = f"FROM {page.table} {alias} WHERE {alias}.item_id IN ({hits})"
    else:
        rows = page.counted()
    read = ",".join([f"{alias}.{column}" for column in columns]) or "1"
    each = [
        f"(SELECT {n} AS n,'{facet.name}' AS by,v.value,count(*) AS count"
        f" FROM m CROSS JOIN LATERAL ({facet.values}) v(value) WHERE v.value IS NOT NULL"
        f' GROUP BY v.value ORDER BY count(*) DESC,v.value COLLATE "C" LIMIT {size})'
        for n, facet in enumerate(facets)
    ]
    return f"WITH m AS MATERIALIZED (SELECT {read} {rows}) {' UNION ALL '.join(each)}"


def _facet(
    name: str, column: str, item: Item | None, spec: RecordSpec, statement: Statement
) -> Facet:
    if item is None:  # a computed column
        return Facet(name, (column,), f"SELECT {_province(f'm.{column}')}")
    if item.value is not None and item.value.cls is ClassCode:
        scheme = tables.INSTRUMENT_CLASSES.rpartition("-")[0]
        return Facet(
            name,
            (column,),
            f"SELECT DISTINCT c->>'code' FROM jsonb_array_elements(m.{column}) c"
            f" WHERE c->>'scheme' = '{scheme}'",
        )
    if item.value is not None and item.value.cls is Place:
        return _city(name, f"{column}_division_code", spec, statement)
    return Facet(name, (column,), f"SELECT m.{column}")


def _city(name: str, column: str, spec: RecordSpec, statement: Statement) -> Facet:
    """Count by city; records without a place of their own stand where their institution does."""
    own = f"left(m.{column},{_CITY_DIGITS})"
    for item in spec.items:
        other = statement.model.registry[item.facts.ref] if item.facts.ref else None
        located = other and other.trait(Located)
        if other is None or not located or not other.rows.is_public:
            continue
        statement.records.add(other.name)
        table = statement.model.tables[other.name]
        seat = f"left(i.{located.division},{_CITY_DIGITS})"
        found = f"SELECT {seat} FROM {table} i WHERE i.key = m.{item.name} LIMIT 1"
        return Facet(name, (column, item.name), f"SELECT coalesce({own},({found}))")
    return Facet(name, (column,), f"SELECT {own}")


def _province(column: str) -> str:
    cases = "".join(
        f" WHEN '{each.official}' THEN '{each.name}'" for each in Province if each.official
    )
    return f"CASE {column}{cases} ELSE {column} END"

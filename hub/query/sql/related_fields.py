"""`related_fields`: fields whose value is read from other rows, or computed from them.

A list of records that the caller's scopes do not reveal is null, with one `FieldDenied`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from graphql import FieldNode

from hub.query.computed.rows import computed_row
from hub.query.plan.cost import Cost
from hub.query.plan.limits import (
    CLAIMS_COST,
    FACET_COST,
    FACET_VALUES,
    HISTORY_DEFAULT,
    LIST_COSTED,
    LIST_DEFAULT,
    PAGE_DEFAULT,
)
from hub.query.plan.reach import ReachOf
from hub.query.sql import claims, facets, jsontext
from hub.query.sql.connection import (
    ConnectionParts,
    Page,
    connection,
    page_of,
    page_size,
    visible,
)
from hub.query.sql.entities import check_public, entities, record_of
from hub.query.sql.hiding import denied, shown
from hub.query.sql.lookup import identities, record_condition
from hub.query.sql.model import (
    ByIdentity,
    ByKey,
    Claims,
    Computed,
    Connected,
    Forward,
    History,
    Listed,
    Sources,
)
from hub.query.sql.reaching import keeps_owner, reach_of_filter, reach_of_ids, reach_of_record
from hub.query.sql.sources import known_sources
from hub.query.sql.writer import FieldPlace, Path, Writer
from schema.item import RecordSpec
from schema.traits import Covers, Occupies

Others = Forward | Listed | Connected | Computed | ByKey | ByIdentity | Sources | History | Claims


def of_others(writer: Writer, field: Others, here: FieldPlace) -> str:
    """Return the JSON text of a field that is read from other rows, or computed from them."""
    write: dict[type, Callable[[Any, FieldPlace], str]] = {
        Forward: partial(_forward, writer),
        Listed: partial(_listed, writer),
        Connected: partial(_connected, writer),
        Computed: partial(_computed, writer),
        ByKey: partial(_by_key, writer),
        ByIdentity: partial(_by_identity, writer),
        Sources: lambda f, at: _sources(writer, at.nodes, f.record, at.path, at.cost),
        History: partial(_history, writer),
        Claims: partial(_claims, writer),
    }
    return write[type(field)](field, here)


def _claims(writer: Writer, _: Claims, here: FieldPlace) -> str:
    """Return the claims of the row's item by every source: headers without content."""
    row = writer.out.alias("k")
    body = writer.inner(here.nodes, "Claim", row, here.path, here.cost.part(times=CLAIMS_COST))
    query = claims.claims_of_item(
        writer.model.sources[writer.out.rows[here.alias].name], here.alias
    )
    return f"(SELECT {jsontext.json_list(body, f'{row}.n')} FROM ({query}) {row})"


def _one(writer: Writer, spec: RecordSpec, where: list[str], alias: str, here: FieldPlace) -> str:
    """Return one record or null."""
    where = [*where, *visible(spec, alias, writer.out)]
    body = writer.inner(here.nodes, spec.name, alias, here.path, here.cost.part())
    return (
        f"coalesce((SELECT {body} FROM {_table(writer, spec)} {alias} WHERE {' AND '.join(where)}"
        f" ORDER BY {alias}.item_id LIMIT 1),'null')"
    )


def _table(writer: Writer, spec: RecordSpec) -> str:
    return writer.model.tables[spec.name]


def _denied(writer: Writer, spec: RecordSpec, here: FieldPlace) -> bool:
    """Tell whether the caller's scopes reveal no row of a record type, and note the denial."""
    if writer.out.authority.may_list(spec):
        return False
    denied(writer, spec.scope, here)
    return True


def _root(writer: Writer, here: FieldPlace, reach: ReachOf | None) -> None:
    """Note of a field of the root that it reads records, and whom it is about."""
    writer.out.reading.add(here.path[0])
    if reach is not None:
        writer.out.reaches[here.path[0]] = reach


def _related(
    writer: Writer, field: Forward | Listed | Connected, spec: RecordSpec, here: FieldPlace
) -> None:
    """Note where a field below the root leads to records of other institutions."""
    parent = writer.out.rows.get(here.alias)
    if parent is not None and not keeps_owner(parent, field, spec):
        writer.out.wide.add(here.path[0])


def _forward(writer: Writer, field: Forward, here: FieldPlace) -> str:
    spec, alias = writer.model.registry[field.record], writer.out.alias()
    if _denied(writer, spec, here):
        return "'null'"
    _related(writer, field, spec, here)
    return _one(writer, spec, [field.on.format(a=alias, t=here.alias)], alias, here)


def _listed(writer: Writer, field: Listed, here: FieldPlace) -> str:
    spec, alias = writer.model.registry[field.record], writer.out.alias()
    if _denied(writer, spec, here):
        return "'null'"
    _related(writer, field, spec, here)
    _touch(writer, spec, here)
    first = writer.argument(here, "first")
    size = page_size(first, LIST_DEFAULT, writer.out)
    where = [field.on.format(a=alias, t=here.alias), *visible(spec, alias, writer.out)]
    cost = here.cost.part(own=0, times=first or LIST_DEFAULT, most=LIST_COSTED).part()
    body = writer.inner(here.nodes, spec.name, alias, here.path, cost)
    rows = (  # the text is written inside, so that no other column passes through the sort
        f"(SELECT {body} AS j FROM {_table(writer, spec)} {alias} WHERE {' AND '.join(where)}"
        f" ORDER BY {_reading_order(spec, alias)} LIMIT {size}) {alias}r"
    )
    return f"(SELECT {jsontext.json_list(f'{alias}r.j')} FROM {rows})"


def _reading_order(spec: RecordSpec, alias: str) -> str:
    """Return the order of a plain list: codes in the key as their list has them, then the key.

    The letters of a code say nothing of its place: FRIDAY is not the first day of a week.
    """
    coded = [spec.item(name) for name in spec.key if spec.item(name).code_list is not None]
    places = [
        f"array_position('{{{','.join(code.value for code in item.code_list)}}}'::text[],"
        f"{alias}.{item.name})"
        for item in coded
        if item.code_list is not None
    ]
    return ",".join([*places, f"{alias}.key", f"{alias}.item_id"])


def _connected(writer: Writer, field: Connected, here: FieldPlace) -> str:
    spec = writer.model.registry[field.record]
    if _denied(writer, spec, here):
        return "'null'"
    _related(writer, field, spec, here)
    if not here.alias:
        _root(writer, here, reach_of_filter(spec, writer.argument(here, "filter")))
    page = page_at(writer, field, here)
    size = writer.argument(here, "first") or writer.argument(here, "last")
    cost = here.cost.part(own=1 + page.cost)
    each = cost.part(own=0, times=size or PAGE_DEFAULT)

    def node(nodes: list[FieldNode], alias: str, keys: Path) -> str:
        return writer.inner(nodes, spec.name, alias, (*here.path, *keys), each.part())

    parts = ConnectionParts(
        subfields=writer.selection.subfields,
        node=node,
        sources=lambda nodes: _sources(writer, nodes, spec.name, here.path, cost),
        facets=lambda nodes: _facets(writer, page, nodes, here, cost),
    )
    name = f"{spec.name}Connection"
    return connection(page, writer.selection.subfields(here.nodes, name), name, parts, writer.out)


def page_at(writer: Writer, field: Connected, here: FieldPlace) -> Page:
    """Return the connection that a field asks for, with the conditions of its rows."""
    spec = writer.model.registry[field.record]
    coordinate = f"{here.kind.name}.{here.nodes[0].name.value}"
    on = field.on.replace("{t}", here.alias) if field.on else ""
    page = page_of(spec, on, coordinate, lambda name: writer.argument(here, name), writer.out)
    _touch(writer, spec, here)
    if page.heavy:  # by free time
        writer.out.touched.add(here.path[0])
        writer.out.moving.add(here.path[0])
    return page


def _touch(writer: Writer, spec: RecordSpec, here: FieldPlace) -> None:
    """Note that a field of the root looks at calendars."""
    if spec.trait(Occupies) or spec.trait(Covers):
        writer.out.touched.add(here.path[0])


def _facets(
    writer: Writer, page: Page, nodes: list[FieldNode], here: FieldPlace, cost: Cost
) -> str:
    """Return how many of the matching rows have each value of what is counted by."""
    kind = writer.selection.type(f"{page.spec.name}Connection")
    place = FieldPlace(nodes, kind, here.alias, here.path, cost)
    by, first = writer.argument(place, "by"), writer.argument(place, "first")
    assert by is not None
    names = facets.asked(by)
    if not names:
        return "'[]'"
    size = page_size(first, FACET_VALUES, writer.out)
    alias = writer.out.alias("f")
    counted = cost.part(own=FACET_COST * len(names))
    values = counted.part(own=0, times=first or FACET_VALUES).part(own=0)
    body = writer.inner(nodes, "FacetCount", alias, here.path, values.part(own=len(names)))
    rows = facets.counted(page, names, size, writer.out)
    order = f'{alias}.n,{alias}.count DESC,{alias}.value COLLATE "C"'
    return f"(SELECT {jsontext.json_list(body, order)} FROM ({rows}) {alias})"


def _computed(writer: Writer, field: Computed, here: FieldPlace) -> str:
    if field.like is None:
        return _row(writer, field, here)
    (spec, item), out = field.like, writer.out
    if not out.authority.may_read(item):
        return denied(writer, item.scope, here)
    guard = out.authority.guard_as(spec, item, here.alias, out)
    out.mark(here.alias, item.grade.name, item.scope, guard)
    out.records.add(spec.name)  # the manifest says how those stand who state these
    return shown(writer, _row(writer, field, here), guard)


def _row(writer: Writer, field: Computed, here: FieldPlace) -> str:
    alias, argument_of = writer.out.alias("c"), partial(writer.argument, here)
    row, own = computed_row(field.how, f"{here.alias}.key", argument_of, writer.out)
    cost = here.cost.part(own=own)
    if field.how == "availability":
        writer.out.touched.add(here.path[0])
    body = writer.inner(here.nodes, field.type, alias, here.path, cost)
    return f"(SELECT {body} FROM ({row} OFFSET 0) {alias})"


def _sources(writer: Writer, nodes: list[FieldNode], record: str, path: Path, cost: Cost) -> str:
    alias = writer.out.alias("s")
    body = writer.inner(nodes, "SourceStatus", alias, path, cost.part(times=PAGE_DEFAULT))
    out = writer.out
    name = record if record in writer.model.sources else None
    row = known_sources(out.bind_manifest(), name, out.bind_could(path[0]))
    return f"(SELECT {jsontext.json_list(body, f'{alias}.source_id')} FROM ({row}) {alias})"


def _history(writer: Writer, _: History, here: FieldPlace) -> str:
    first = writer.argument(here, "first")
    size = page_size(first, HISTORY_DEFAULT, writer.out)
    alias = writer.out.alias("v")
    cost = here.cost.part(own=0, times=first or HISTORY_DEFAULT).part()
    body = writer.inner(here.nodes, "SourceEvent", alias, here.path, cost)
    rows = (
        f"(SELECT * FROM source_event WHERE source = {here.alias}.source_id"
        f" ORDER BY event_id DESC LIMIT {size}) {alias}"
    )
    return f"(SELECT {jsontext.json_list(body, f'{alias}.event_id DESC')} FROM {rows})"


def _by_key(writer: Writer, field: ByKey, here: FieldPlace) -> str:
    spec, alias = writer.model.registry[field.record], writer.out.alias()
    if _denied(writer, spec, here):
        return "'null'"
    by = writer.argument(here, "by")
    assert by is not None
    _root(writer, here, reach_of_record(spec, by))
    where = [record_condition(spec, by, alias, writer.out)]
    return _one(writer, spec, where, alias, here)


def _by_identity(writer: Writer, field: ByIdentity, here: FieldPlace) -> str:
    """Return any record: the prefix of an identity names its type, so one table is read."""
    if field.referred:
        return entities(writer, here)
    if not field.many:
        identity = writer.argument(here, "id")
        assert identity is not None
        _root(writer, here, reach_of_ids(writer.model.registry, identity))
        return _any(writer, writer.out.bind_identities(identity, "text"), here, here.cost)
    id_list = writer.argument(here, "ids")
    assert id_list is not None
    _root(writer, here, reach_of_ids(writer.model.registry, id_list))
    ids = identities(id_list, writer.out)
    alias = writer.out.alias("i")
    each = here.cost.part(own=0, times=id_list)
    body = _any(writer, f"{alias}.id", here, each)
    return (
        f"(SELECT {jsontext.json_list(body, f'{alias}.n')} FROM unnest({ids})"
        f" WITH ORDINALITY AS {alias}(id,n))"
    )


def _any(writer: Writer, identity: str, here: FieldPlace, cost: Cost) -> str:
    check_public(writer, here)
    choice = cost.part()
    branches = [
        f"WHEN '{spec.prefix}' THEN {record_of(writer, spec, identity, here, choice.choice())}"
        for spec in writer.model.registry
    ]
    return f"CASE split_part({identity},'_',1) {' '.join(branches)} ELSE 'null' END"

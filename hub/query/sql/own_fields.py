"""`own_fields`: fields that are read from the row itself, its nested values and its provenance.

- An item that the caller's scopes do not reveal is null, with one `FieldDenied`; a value that an
  agreement hides is a marked null (`hub.query.sql.jsontext`).
"""

from __future__ import annotations

from collections.abc import Callable

from graphql import FieldNode

from hub.access.visibility import protected_items
from hub.query.plan.cost import Cost
from hub.query.sql import claims, jsontext
from hub.query.sql.hiding import denied, shown
from hub.query.sql.model import Chosen, Inside, Known, Nested, Same, Stored, Whole, Windows
from hub.query.sql.writer import FieldPlace, Path, Writer
from schema.item import Item, Kind
from schema.values import OriginalText
from schema.visibility import DATASETS

OfRow = Whole | Stored | Inside | Same | Nested | Windows | Known | Chosen


def of_row(writer: Writer, field: OfRow, here: FieldPlace) -> str:
    """Return the JSON text of a field that is read from the row itself."""
    if isinstance(field, Known | Chosen | Whole):
        return _of_claim(writer, field, here)
    if isinstance(field, Stored):
        return _stored(writer, field, here)
    if isinstance(field, Inside):
        return _member(writer, field, here)
    if isinstance(field, Same):
        return writer.inner(here.nodes, field.type, here.alias, here.path, here.cost.part())
    if isinstance(field, Windows):
        return _windows(writer, field, here)
    column = field.sql.format(t=here.alias)
    return _nested(writer, here.nodes, field.type, column, here.path, here.cost)


def _stored(writer: Writer, field: Stored, here: FieldPlace) -> str:
    item, spec = field.item, field.spec
    authority = writer.out.authority
    if not authority.may_read(item):
        return denied(writer, item.scope, here)
    column = f"{here.alias}.{item.name}"
    if item.kind is not Kind.VALUE:
        text = jsontext.column(item, column)
    elif item.many:
        text = _values(writer, item, here, column, _original(writer, field, here.alias))
    else:
        assert item.value is not None
        text = _nested(writer, here.nodes, item.value.name, column, here.path, here.cost)
    guard = authority.guard(spec, item, here.alias, writer.out)
    if item.scope in DATASETS:
        writer.out.mark(here.alias, item.grade.name, item.scope, guard)
    return shown(writer, text, guard)


def _original(writer: Writer, field: Stored, alias: str) -> Callable[[str], str | None] | None:
    """Return the condition on members of an item that keeps the original texts of other items."""
    if field.item.value is None or field.item.value.cls is not OriginalText:
        return None
    authority = writer.out.authority
    for item in protected_items(field.spec):  # the text of an original is read as the item itself
        if authority.may_read(item) and item.scope in DATASETS:
            guard = authority.guard(field.spec, item, alias, writer.out)
            writer.out.mark(alias, item.grade.name, item.scope, guard)
    return lambda member: authority.original(field.spec, f"{member}->>'path'", alias, writer.out)


def _member(writer: Writer, field: Inside, here: FieldPlace) -> str:
    item = field.item
    if item.value is None:
        return jsontext.member(item, here.alias)
    column = f"({here.alias}->'{item.wire}')"
    if item.many:
        return _values(writer, item, here, column)
    return _nested(writer, here.nodes, item.value.name, column, here.path, here.cost)


def _nested(
    writer: Writer, nodes: list[FieldNode], name: str, column: str, path: Path, cost: Cost
) -> str:
    """Return a nested value; inside it the alias is the jsonb expression itself."""
    body = writer.inner(nodes, name, column, path, cost.part())
    return f"CASE WHEN {column} IS NULL THEN 'null' ELSE {body} END"


def _values(
    writer: Writer,
    item: Item,
    here: FieldPlace,
    column: str,
    condition: Callable[[str], str | None] | None = None,
) -> str:
    """Return a list of the nested values that fulfil a condition."""
    assert item.value is not None
    alias = writer.out.alias("v")
    body = writer.inner(here.nodes, item.value.name, f"{alias}.j", here.path, here.cost.part())
    rows = f"jsonb_array_elements({column}) WITH ORDINALITY AS {alias}(j,n)"
    which = None if condition is None else condition(f"{alias}.j")
    if which is not None:
        rows += f" WHERE {which}"
    return f"(SELECT {jsontext.json_list(body, f'{alias}.n')} FROM {rows})"


def _windows(writer: Writer, field: Windows, here: FieldPlace) -> str:
    alias = writer.out.alias("w")
    body = writer.inner(here.nodes, "Window", alias, here.path, Cost())
    rows = f"unnest({field.sql.format(t=here.alias)}) AS {alias}(r)"
    return f"(SELECT {jsontext.json_list(body, f'{alias}.r')} FROM {rows})"


def _of_claim(writer: Writer, field: Known | Chosen | Whole, here: FieldPlace) -> str:
    """Return a provenance field that is not simply a column."""
    spec, alias = writer.out.rows[here.alias], here.alias
    if isinstance(field, Whole):
        whole = writer.out.authority.whole(spec, alias, writer.out)
        for item in protected_items(spec):  # an address of the content confirms a guess of it
            if writer.out.authority.may_read(item) and item.scope in DATASETS:
                writer.out.mark(alias, item.grade.name, item.scope, whole)
        return shown(writer, field.sql.format(t=alias), whole)
    if isinstance(field, Known):
        return claims.last_confirmed(spec, alias)
    if not spec.golden:
        return "'[]'"
    row = writer.out.alias("e")
    body = writer.inner(here.nodes, "ItemSource", row, here.path, here.cost.part())
    source = claims.chosen_items(spec, alias, row, writer.out)
    return f"(SELECT {jsontext.json_list(body, f'{row}.item')} FROM {source})"

"""`claims`: where a row comes from: the claims of its item and the source of each value, in SQL."""

from __future__ import annotations

from hub.query.computed.vouching import is_for_owner
from hub.query.plan.limits import CLAIMS_MAX
from hub.query.sql import jsontext
from hub.query.sql.statement import Statement
from schema.item import RecordSpec


def last_confirmed(spec: RecordSpec, alias: str) -> str:
    """Return when the row's source last confirmed its present statement, as JSON."""
    stated = f"{alias}.as_of"
    if not spec.confirmed:
        return jsontext.instant(stated)
    heard = f"(SELECT h.as_of FROM heard h WHERE h.entry_id = {alias}.entry_id)"
    return jsontext.instant(f"greatest({stated},{heard})")


def chosen_items(spec: RecordSpec, alias: str, row: str, statement: Statement) -> str:
    """Return a FROM clause: the items of a merged row that are not taken from the leading claim.

    Items that the caller may not read are left out.
    """
    shown = statement.authority.original(spec, f"{row}.item", alias, statement)
    where = f" WHERE {shown}" if shown is not None else ""
    return f"jsonb_each_text({alias}.chosen) AS {row}(item,source){where}"


def claims_of_item(table: str, alias: str) -> str:
    """Return a query for the claims of a row's item, numbered from 1."""
    kind = f"CASE WHEN {is_for_owner('c', 's')} THEN s.kind ELSE 'NONE' END"
    return (
        "SELECT c.source,c.authority,c.key,c.as_of,c.accepted_at,c.assurance,c.revision,"
        f"c.entry_id,{kind} AS kind,c.entry_id = {alias}.entry_id AS leads,"
        "row_number() OVER (ORDER BY c.source,c.authority,c.key) AS n"
        f" FROM {table} c JOIN source s ON s.source_id = c.source"
        f" WHERE c.item_id = {alias}.item_id AND NOT c.withdrawn ORDER BY n LIMIT {CLAIMS_MAX}"
    )

"""`sources`: the status of each source, in SQL: the rows of every manifest.

- NEVER: it has not answered yet. ERROR: its last run failed. STALE: older than it promised.
- Where sources may have been asked for a request, its manifest (`hub.query.answer.manifest`) comes
  before that: so it says the same here and beside the data.
- Where a request is about certain institutions only the sources are listed that could answer for
  these (`hub.query.plan.reach`).
- A source belongs to a record type when it has rows of it. A source that has never answered may
  belong to any type, so it is always listed: an empty list must not look like a complete answer.
"""

from __future__ import annotations

from hub.query.sql.model import Model
from hub.store.limits import SOURCES_MAX
from schema.traits import Located

_ASKED = (
    'id text,status text,"servedFrom" text,"asOf" timestamptz,"latencyMs" int,"rows" bigint,'
    '"errorCode" text'
)
"""Members of what came of asking sources, as a JSON list with one object for each."""


def sources_row(
    table: str | None, now: str, asked: str | None = None, could: str | None = None
) -> str:
    """Return a query for the sources that have rows in a table, or of all.

    `now`, `asked` and `could` are SQL; `asked` is what came of asking sources for this request,
    `could` the list of those that could answer, null where none is left out.
    """
    state = (
        "CASE WHEN s.last_ok_at IS NULL AND s.rows = 0 AND s.last_error_code IS NULL THEN 'NEVER'"
        " WHEN s.last_status IN ('FAILED','ERROR') OR s.last_error_code IS NOT NULL THEN 'ERROR'"
        " WHEN s.last_ok_at IS NULL THEN 'NEVER'"
        f" WHEN s.last_ok_at + make_interval(secs => s.promised_freshness_s) < {now} THEN 'STALE'"
        " ELSE 'OK' END"
    )
    condition = f" AND {has_rows(table)}" if table else ""
    if could is not None:
        condition += f" AND ({could} IS NULL OR s.source_id = ANY({could}))"
    values = {
        "error_code": ("s.last_error_code", "errorCode"),
        "state": (state, "status"),
        "seen_at": ("s.last_ok_at", "asOf"),
        "served_from": ("'STORE'", "servedFrom"),
        "latency_ms": ("NULL::int", "latencyMs"),
        "row_count": ("s.rows", "rows"),
    }
    if asked is None:
        columns = [f"{known} AS {name}" for name, (known, _) in values.items()]
        joined = ""
    else:
        columns = [
            f'CASE WHEN a.id IS NULL THEN {known} ELSE a."{told}" END AS {name}'
            for name, (known, told) in values.items()
        ]
        joined = f" LEFT JOIN jsonb_to_recordset({asked}) AS a({_ASKED}) ON a.id = s.source_id"
    return (
        f"SELECT s.*,{','.join(columns)} FROM source s{joined}"
        f" WHERE s.active{condition} ORDER BY s.source_id LIMIT {SOURCES_MAX}"
    )


def has_rows(table: str) -> str:
    """Return the condition that a source `s` has rows in a table, or none at all yet.

    The first source from this name on is one step of the index. EXISTS is not: where most rows are
    of a few sources, PostgreSQL expects to meet one of any source at once, and reads a large table
    to its end for a source that has none.
    """
    first = f"SELECT x.source FROM {table} x WHERE x.source>=s.source_id ORDER BY x.source LIMIT 1"
    return f"(s.last_ok_at IS NULL OR ({first})=s.source_id)"


def manifest_statement(model: Model) -> str:
    """Return the statement for all sources with the record types that they give; `$1` is now."""
    types = ",".join(
        f"CASE WHEN {has_rows(table)} THEN '{name}' END" for name, table in model.sources.items()
    )
    return (
        "SELECT s.source_id,s.state,s.last_ok_at,s.rows,s.error_code,s.owners,"
        f"array_remove(ARRAY[{types}],NULL) FROM ({sources_row(None, '$1::timestamptz')}) s"
    )


def places_statement(model: Model) -> str:
    """Return the statement for the provinces of the institutions in `owners` and what they have.

    An institution that the store does not know is in no row; of one that does not say where it is
    the province is null.
    """
    located = [spec for spec in model.registry if spec.trait(Located) is not None and spec.golden]
    parts = [
        f"SELECT DISTINCT t.{spec.owner.item},t.province FROM {model.tables[spec.name]} t"
        f" WHERE t.{spec.owner.item} = ANY(%(owners)s)"
        for spec in located
        if spec.owner is not None and not spec.owner.is_key_of_owned
    ]
    return " UNION ".join(parts) or "SELECT NULL::text,NULL::text WHERE %(owners)s IS NULL"

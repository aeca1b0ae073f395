"""`sources`: the status of each source, in SQL: the rows of every manifest.

- NEVER: it has not answered yet. ERROR: its last run failed. STALE: older than it promised.
- A statement does not look for itself how sources stand: it is given the manifest of its request
  (`hub.query.answer.manifest`) as one value. So beside the data stands what stands in
  `extensions.sources`, whether sources were asked for this request or not.
- Where a request is about certain institutions only the sources are listed that could answer for
  these (`hub.query.plan.reach`).
- A source belongs to a record type when it has rows of it. A source that has never answered may
  belong to any type, so it is always listed: an empty list must not look like a complete answer.
"""

from __future__ import annotations

from hub.query.sql.model import Model
from hub.store.limits import SOURCES_MAX
from schema.traits import Located

_MANIFEST = (
    'id text,status text,"servedFrom" text,"asOf" timestamptz,"latencyMs" int,"rows" bigint,'
    '"errorCode" text,via jsonb,types jsonb'
)
"""Members of a manifest as a statement takes it, a JSON list with one object for each source."""


def known_sources(manifest: str, record: str | None, could: str | None = None) -> str:
    """Return a query for the sources of a manifest that have rows of a record type, or of all.

    `manifest` and `could` are SQL: the manifest of the request, and the list of the sources that
    could answer, null where none is left out.
    """
    conditions = []
    if record is not None:
        conditions.append(f"a.types ? '{record}'")
    if could is not None:
        conditions.append(f"({could} IS NULL OR a.id = ANY({could}))")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return (
        'SELECT s.*,a."errorCode" AS error_code,a.status AS state,a."asOf" AS seen_at,'
        'a."servedFrom" AS served_from,a."latencyMs" AS latency_ms,a."rows" AS row_count,'
        "a.via AS known_via"
        f" FROM jsonb_to_recordset({manifest}) AS a({_MANIFEST})"
        f" JOIN source s ON s.source_id = a.id{where} ORDER BY s.source_id LIMIT {SOURCES_MAX}"
    )


def sources_now(now: str) -> str:
    """Return a query for all sources and their states at a moment, which is SQL."""
    state = (
        "CASE WHEN s.last_ok_at IS NULL AND s.rows = 0 AND s.last_error_code IS NULL THEN 'NEVER'"
        " WHEN s.last_status IN ('FAILED','ERROR') OR s.last_error_code IS NOT NULL THEN 'ERROR'"
        " WHEN s.last_ok_at IS NULL THEN 'NEVER'"
        f" WHEN s.last_ok_at + make_interval(secs => s.promised_freshness_s) < {now} THEN 'STALE'"
        " ELSE 'OK' END"
    )
    return (
        f"SELECT s.*,s.last_error_code AS error_code,{state} AS state FROM source s"
        f" WHERE s.active ORDER BY s.source_id LIMIT {SOURCES_MAX}"
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
        "SELECT s.source_id,s.state,s.last_ok_at,s.rows,s.error_code,s.via,s.owners,"
        f"array_remove(ARRAY[{types}],NULL) FROM ({sources_now('$1::timestamptz')}) s"
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

"""`source_fields`: what is said of a source and of an event in its history, as JSON in SQL.

`{t}` is the alias of a row of `hub.query.sql.sources`, or of the table of events.
"""

from __future__ import annotations

from hub.query.sql.jsontext import bare, instant, quoted, text

EVENT = {
    "at": instant("{t}.at"),
    "kind": quoted("{t}.kind"),
    "recordType": text("{t}.record_type"),
    "status": quoted("{t}.status"),
    "servedFrom": text("{t}.served_from"),
    "latencyMs": bare("{t}.latency_ms"),
    "rows": bare("{t}.rows"),
    "errorCode": text("{t}.error_code"),
}
_GRADE = "FROM source_grade g WHERE g.source={t}.source_id"
STATUS = {
    "id": text("{t}.source_id"),
    "title": text("{t}.title"),
    "titleEn": text("{t}.title_en"),
    "status": quoted("{t}.state"),
    "servedFrom": quoted("{t}.served_from"),
    "asOf": instant("{t}.seen_at"),
    "latencyMs": bare("{t}.latency_ms"),
    "rows": bare("{t}.row_count"),
    "errorCode": text("{t}.error_code"),
    "promisedFreshnessS": bare("{t}.promised_freshness_s"),
    "via": "{t}.known_via::text",
    "grade": text(f"(SELECT g.grade {_GRADE})"),
    "missing": f"coalesce((SELECT to_json(g.missing)::text {_GRADE}),'[]')",
}

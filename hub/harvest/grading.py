"""`grading`: counts how good each source is, and keeps its grade (`hub.harvest.grades`).

Housekeeping does it for all sources once a day; `deltahub source grade` for one at once.

Hours are compared on the days of which a sensor knew most, whoever reads the sensor: the declared
hours of a use count on the day it began, in Shanghai. A sensor that tells use from power is
believed in that; of one that only knows power, power is use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from hub.harvest.grades import Graded, GradeFacts, Rules, Share, SourceGrade, grade, rules
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.limits import SOURCES_MAX

__all__ = ["KeptGrade", "counted_facts", "grade_now", "grade_sources", "kept_grades"]

GRADE_EVERY = timedelta(hours=24)
SENSING = "PowerDay"
DECLARING = ("UsageRecord", "ServiceRecord")
"""Record types that declare hours; the first that a source has is compared."""


@dataclass(frozen=True, slots=True)
class KeptGrade:
    """The grade of a source as it was last worked out."""

    source: str
    grade: str
    missing: list[str]
    graded_at: datetime


async def counted_facts(database: Database, source: str, by: Rules, now: datetime) -> GradeFacts:
    """Count what the grade of a source depends on."""
    async with database.writes.connection() as connection:
        rows, filled, wanted = await _completeness(database, connection, source, by)
        waiting, doubted = await _one(connection, _WAITING, {"source": source})
        on_time, feeds = await _one(connection, _FEEDS, {"source": source, "now": now})
        declaring = await _declaring(database, connection, source)
        agreed = compared = 0
        asked = {
            "source": source,
            "since": now - timedelta(days=by.agreement.days),
            "known": by.agreement.known_hours,
        }
        if declaring is not None:
            for declared, sensed in await _hours(database, connection, declaring, asked):
                compared += 1
                agreed += by.agreement.holds(declared, sensed)
    return GradeFacts(
        rows=rows,
        completeness=Share(filled, wanted),
        timeliness=Share(on_time, feeds),
        rejects=Share(rows, rows + waiting),
        warnings=Share(max(rows - doubted, 0), rows),
        hours=Share(agreed, compared),
        declares_hours=declaring is not None,
    )


async def grade_now(database: Database, source: str, now: datetime) -> tuple[Graded, GradeFacts]:
    """Work out the grade of a source and keep it."""
    by = rules()
    facts = await counted_facts(database, source, by, now)
    graded = grade(facts, by)
    async with database.writes.connection() as connection:
        await connection.execute(
            "INSERT INTO source_grade (source, grade, missing, facts, graded_at) "
            "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (source) DO UPDATE SET "
            "grade = EXCLUDED.grade, missing = EXCLUDED.missing, facts = EXCLUDED.facts, "
            "graded_at = EXCLUDED.graded_at",
            (source, graded.grade.value, graded.codes, Jsonb(facts.to_wire()), now),
        )
    return graded, facts


async def grade_sources(database: Database, now: datetime) -> int:
    """SourceGrade every open source that was not graded for a day; return how many."""
    due = await database.writes.fetch_all(
        "SELECT s.source_id FROM source s LEFT JOIN source_grade g ON g.source = s.source_id "
        "WHERE s.active AND (g.graded_at IS NULL OR g.graded_at <= %s OR g.graded_at > %s) "
        "ORDER BY s.source_id LIMIT %s",
        (now - GRADE_EVERY, now + GRADE_EVERY, SOURCES_MAX),
    )
    for (source,) in due:
        await grade_now(database, source, now)
    return len(due)


async def kept_grades(database: Database) -> dict[str, KeptGrade]:
    """Return the grades of all open sources by their ids."""
    rows = await database.writes.fetch_all(
        "SELECT g.source, g.grade, g.missing, g.graded_at FROM source_grade g "
        "JOIN source s ON s.source_id = g.source WHERE s.active AND g.grade = ANY(%s)",
        ([each.value for each in SourceGrade],),
    )
    return {row[0]: KeptGrade(*row) for row in rows}


_WAITING = """
SELECT (SELECT count(*) FROM quarantine WHERE source = %(source)s AND status = 'OPEN'),
  (SELECT coalesce(sum(rows), 0)::bigint FROM warned WHERE source = %(source)s)
"""
_FEEDS = """
SELECT count(*) FILTER (WHERE coalesce(f.heard_at,
    CASE WHEN f.every_s IS NULL THEN s.last_ok_at END)
    + make_interval(secs => coalesce(f.promised_freshness_s, s.promised_freshness_s))
    >= %(now)s), count(*)
FROM source s LEFT JOIN feed f ON f.source = s.source_id WHERE s.source_id = %(source)s
"""


async def _one(connection: Connection, statement: str, asked: Mapping[str, Any]) -> Any:
    row = await (await connection.execute(statement.encode(), asked)).fetchone()
    assert row is not None
    return row


async def _completeness(
    database: Database, connection: Connection, source: str, by: Rules
) -> tuple[int, int, int]:
    """Return rows that stand, wanted items that are filled, and all wanted items."""
    rows = filled = wanted = 0
    for name, table in database.records.tables.items():
        items = by.items.get(name, ())
        terms = " + ".join(f"(s.{each} IS NOT NULL)::int" for each in items) or "0"
        asked = {"source": source}
        count, have = await _one(
            connection,
            f"SELECT count(*), coalesce(sum({terms}), 0)::bigint FROM {table.source.name} s "  # noqa: S608 - names of the standard
            "WHERE s.source = %(source)s AND NOT s.withdrawn",
            asked,
        )
        rows, filled, wanted = rows + count, filled + have, wanted + count * len(items)
    return rows, filled, wanted


async def _declaring(database: Database, connection: Connection, source: str) -> str | None:
    """Return the table in which a source declares hours, None where it declares none."""
    for name in DECLARING:
        table = database.records.tables[name].source.name
        (has_any,) = await _one(
            connection,
            f"SELECT EXISTS (SELECT FROM {table} WHERE source = %(source)s AND NOT withdrawn "  # noqa: S608 - names of the standard
            "AND hours IS NOT NULL)",
            {"source": source},
        )
        if has_any:
            return str(table)
    return None


async def _hours(
    database: Database, connection: Connection, table: str, asked: Mapping[str, Any]
) -> list[tuple[float, float]]:
    """Return declared and sensed hours of each instrument that a sensor watched."""
    sensed = database.records.tables[SENSING].source.name
    statement = f"""
WITH seen AS (
  SELECT p.instrument_key, p.day, p.sensor,
    coalesce(sum({_H}) FILTER (WHERE span->>'state' = 'IN_USE'), 0) AS used,
    coalesce(sum({_H}) FILTER (WHERE span->>'state' = 'ON'), 0) AS powered,
    coalesce(sum({_H}) FILTER (WHERE span->>'state' <> 'UNKNOWN'), 0) AS known
  FROM {sensed} p CROSS JOIN LATERAL jsonb_array_elements(p.spans) span
  WHERE NOT p.withdrawn AND p.speaks AND p.day >= %(since)s AND EXISTS (
    SELECT FROM {table} u WHERE u.source = %(source)s AND NOT u.withdrawn
    AND u.instrument_key = p.instrument_key)
  GROUP BY 1, 2, 3),
watched AS (
  SELECT instrument_key, day, max(used) AS used, max(powered) AS powered
  FROM seen WHERE known >= %(known)s GROUP BY 1, 2),
declared AS (
  SELECT u.instrument_key, (u.started_at AT TIME ZONE 'Asia/Shanghai')::date AS day,
    sum(u.hours) AS hours
  FROM {table} u WHERE u.source = %(source)s AND NOT u.withdrawn AND u.started_at >= %(since)s
  GROUP BY 1, 2)
SELECT coalesce(sum(d.hours), 0)::float8,
  (CASE WHEN sum(w.used) > 0 THEN sum(w.used) ELSE sum(w.powered) END)::float8
FROM watched w LEFT JOIN declared d USING (instrument_key, day) GROUP BY w.instrument_key
"""  # noqa: S608 - names of the standard
    return await (await connection.execute(statement.encode(), asked)).fetchall()


_H = "extract(epoch FROM (span->>'endAt')::timestamptz - (span->>'startAt')::timestamptz) / 3600"

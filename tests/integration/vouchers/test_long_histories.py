"""What stands around a service is found without reading what the instrument did before."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from hub.store.database import Database
from hub.vouchers.services.service_statement import around_statement
from tests.databases import as_owner

pytestmark = pytest.mark.integration
DAYS = 5_000
NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
ASKERS = 16
"""As many as one round asks for at once."""
AN_HOUR = "interval '1 hour'"
BEGAN = "%(now)s - n * interval '1 day'"
INSTRUMENT = "'u/' || mod(n, 2)"
"""Two of them, which take turns."""
HISTORIES = {
    "service_record_source": {
        "ways": "'{}'",
        "exclusions": "'{}'",
        "originals": "'[]'",
        "instrument_key": INSTRUMENT,
        "local_id": "'S-' || n",
        "started_at": BEGAN,
        "ended_at": f"{BEGAN} + {AN_HOUR}",
    },
    "service_order_source": {
        "steps": "'[]'",
        "instrument_key": INSTRUMENT,
        "local_id": "'O-' || n",
        "service_id": "'S-' || n",
    },
    "power_day_source": {
        "spans": "'[]'",
        "instrument_key": INSTRUMENT,
        "day": f"({BEGAN})::date",
    },
    "relation_statement_source": {
        "holder_key": "'h-' || n",
        "provider_key": "'u'",
        "stated_on": "%(now)s::date",
    },
}
_STATED = {
    **dict.fromkeys(("source", "owner", "issuer", "party"), "'u'"),
    **dict.fromkeys(("authority", "digest"), "''"),
    **dict.fromkeys(("key", "item_id"), "'k-' || n"),
    **dict.fromkeys(("as_of", "accepted_at"), "now()"),
    "entry_id": "n",
    "revision": "1",
    "assurance": "'HUB_OBSERVED'",
    "channel": "'FILE'",
    "withdrawn": "false",
    "speaks": "true",
}
LEAVES = """INSERT INTO leaf (origin, leaf_index, entry_id, leaf_hash)
SELECT 'o', n, n, '' FROM generate_series(1, %(days)s) n"""
LONG = ("service_record_source", "service_order_source", "power_day_source", "leaf")


def history(table: str) -> str:
    """Return the statement that states a record of a table for each of so many days."""
    columns = {**_STATED, **HISTORIES[table]}
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} "
        "FROM generate_series(1, %(days)s) n"
    )


def asked(number: int) -> dict[str, object]:
    """Return the values of one asker: a service of some days ago, and its claim."""
    start = NOW - timedelta(days=number)
    day = start.date().isoformat()
    service = {
        "item_id": f"k-{number}",
        "owner": "u",
        "instrument_key": f"u/{number % 2}",
        "local_id": f"S-{number}",
        "offer_code": None,
        "started_at": start.isoformat(),
        "ended_at": (start + timedelta(hours=1)).isoformat(),
        "entry_id": number,
    }
    claim = {"registrar": "i", "holder": f"h-{number}", "issuer": "i", "code": "V", "claim": "C"}
    year = {"year_from": "2025-12-31T16:00:00Z", "year_until": "2026-12-31T16:00:00Z"}
    order = {"order": None, "paid": "{CONSUMED}", "first_day": day, "last_day": day}
    return {"asked_no": number, **service, **claim, **order, **year}


async def test_checks_read_a_few_rows_of_long_histories(
    database: Database, database_url: str
) -> None:
    """By the plan of the very statement, for a round of services: no step passes many rows."""
    with psycopg.connect(as_owner(database_url), autocommit=True) as owner:
        for statement in (*map(history, HISTORIES), LEAVES):
            owner.execute(statement.encode(), {"now": NOW, "days": DAYS})
        owner.execute("ANALYZE")
    statement = around_statement(database.records).for_all()
    values = json.dumps([asked(number) for number in range(1, ASKERS + 1)])
    async with database.reads.connection() as connection:
        explain = b"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + statement
        cursor = await connection.execute(explain, (values,))
        ((found,),) = await cursor.fetchall()
        cursor = await connection.execute(statement, (values,))
        columns = [each.name for each in cursor.description or ()]
        rows = [dict(zip(columns, row, strict=True)) for row in await cursor.fetchall()]
    steps = steps_of(found[0]["Plan"])
    read = {name: most for name, most in steps.items() if name in LONG}
    assert set(read) == set(LONG), steps
    assert max(read.values()) <= 2 * ASKERS, read
    assert [row["o_local_id"] for row in rows] == [f"O-{row['asked_no']}" for row in rows]
    assert all(row["in_log"] and not row["has_rival"] for row in rows)
    assert [row["r_provider_key"] for row in rows] == ["u"] * ASKERS


def steps_of(plan: dict[str, Any]) -> dict[str, float]:
    """Return the table of each step that reads one, with the most rows that it looked at."""
    found: dict[str, float] = {}
    waiting = [plan]
    while waiting:
        step = waiting.pop()
        if table := step.get("Relation Name"):
            seen = step["Actual Rows"] + step.get("Rows Removed by Filter", 0)
            found[table] = max(found.get(table, 0.0), seen)
        waiting += step.get("Plans", ())
    return found

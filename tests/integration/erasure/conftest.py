"""A university, a platform that speaks of it too, and an operator who erases by order."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from hub.erasure.register import ErasureRegister
from hub.erasure.service import Erasing
from hub.intake.batch import (
    Assurance,
    Batch,
    Channel,
    Evidence,
    Idempotency,
    Outcomes,
    RequestSignature,
)
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.sources import register_source
from schema.parties import OPERATOR
from tests.databases import as_owner

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
UNIVERSITY, OTHER = "moe:10335", "moe:10246"
HUB = "hub:hub.delta.example/records"
NAME = "张三丰"
"""The person whose data was sent by mistake."""
ORDER = {"reason": "本人要求删除", "ordered_by": "省科技厅", "performed_by": "ops-7"}

Send = Callable[..., Awaitable[Outcomes]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database under the role that owns its tables, as `deltahub erase` opens it."""
    async with Database(as_owner(database_url)) as made:
        yield made


def instrument(number: str = "A1", **items: Any) -> dict[str, Any]:
    made = {
        "institutionKey": UNIVERSITY,
        "localNo": number,
        "name": {"zh": "电镜"},
        "status": "IN_SERVICE",
    }
    return {"type": "Instrument", "record": {**made, **items}}


def usage(number: str = "U1", **items: Any) -> dict[str, Any]:
    made = {
        "instrumentKey": f"{UNIVERSITY}/A1",
        "localId": number,
        "startedAt": "2026-11-02T01:00:00Z",
        "endedAt": "2026-11-02T05:00:00Z",
        "hours": "4.0",
        "purpose": "RESEARCH",
        "collectionMethod": "BOOKING_SYSTEM",
        "userKey": OTHER,
    }
    return {"type": "UsageRecord", "record": {**made, **items}}


def withdrawal(record_type: str, key: str) -> dict[str, Any]:
    return {"type": record_type, "withdraw": {"key": key, "reason": "sold"}}


@pytest.fixture
async def send(database: Database) -> Send:
    """Submit rows of the university's own system, or of the platform."""
    for source, owners in (("zju", [UNIVERSITY]), ("platform", None), (OPERATOR, [OPERATOR])):
        await register_source(
            database,
            source,
            source,
            mode="PUSH",
            owners=owners,
            authority=None if source == OPERATOR else f"{UNIVERSITY}/{source}",
            now=NOW,
        )
    async with database.writes.transaction() as connection:
        await connection.execute(
            "INSERT INTO client (client_id, party, kind, name, scopes, sources, status, created_at)"
            " VALUES ('zju-client', %s, 'UNIVERSITY', 'ZJU', '{}', '{zju}', 'ACTIVE', %s)",
            (UNIVERSITY, NOW),
        )
    count = iter(range(1000))

    async def put(
        *rows: Any,
        source: str = "zju",
        key: str | None = None,
        body: bytes = b"1",
        observed: bool = False,
    ) -> Outcomes:
        hours, is_hub = next(count), observed or source == "platform"
        signed = Evidence(
            assurance=Assurance.REQUEST_SIGNED,
            request=RequestSignature(f"base {hours}", b"signature", "k" * 43),
        )
        seen = Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"d" * 32, run_id="r")
        batch = Batch(
            source=source,
            party=HUB if is_hub else UNIVERSITY,
            client_id=None if is_hub else "zju-client",
            channel=Channel.HARVEST if is_hub else Channel.PUSH,
            rows=list(rows),
            evidence=seen if is_hub else signed,
            as_of=NOW + timedelta(minutes=hours),
            idempotency=Idempotency(key=key, body_hash=body) if key else None,
        )
        return await submit(database, batch, clock=lambda: NOW + timedelta(minutes=hours))

    return put


@pytest.fixture
def erasing(database: Database, tmp_path: Path) -> Erasing:
    return Erasing(
        database, lambda: NOW + timedelta(days=1), HUB, ErasureRegister(tmp_path / "data")
    )


def spellings(text: str) -> list[bytes]:
    """How a text may stand in a dump: as it is, escaped in JSON, as the hex of bytes."""
    escaped = json.dumps(text)[1:-1]
    return [
        text.encode(),
        escaped.encode(),
        escaped.replace("\\", "\\\\").encode(),
        text.encode().hex().encode(),
        escaped.encode().hex().encode(),
    ]


def dump(url: str) -> dict[str, bytes]:
    """Everything that every table holds, statistics of columns too, as COPY text."""
    tables: dict[str, bytes] = {}
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_type = 'BASE TABLE' AND (table_schema = 'public' "
            "OR table_name = 'pg_statistic')"
        ).fetchall()
        for schema, name in rows:
            copied = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(schema, name))
            with connection.cursor() as cursor, cursor.copy(copied) as parts:
                tables[name] = b"".join(bytes(part) for part in parts)
    return tables


def holding(url: str, text: str) -> set[str]:
    """The tables in which a text still stands."""
    return {
        name
        for name, content in dump(url).items()
        if any(each in content for each in spellings(text))
    }

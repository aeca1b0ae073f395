"""What is erased by order is in no export either, also in none that is being made."""

from __future__ import annotations

import pytest

from hub.erasure.finding import Wanted
from hub.erasure.service import Erasing
from hub.store.database import Database
from tests.integration.erasure.conftest import NAME, ORDER, UNIVERSITY, Send, instrument

pytestmark = pytest.mark.integration
MADE = """
INSERT INTO export (export_id, client_id, status, format, document, variables, scopes, rights,
  holder, created_at, expires_at)
VALUES (%s, 'c', %s, 'CSV', %s, '{"words": "x"}', '{}', '', 'h', now(), now() + interval '1 day')"""


async def test_an_erasure_takes_the_content_of_every_export(
    database: Database, send: Send, erasing: Erasing
) -> None:
    await send(instrument())
    async with database.writes.transaction() as connection:
        for export_id, status in (("a", "COMPLETED"), ("b", "RUNNING"), ("c", "EXPIRED")):
            await connection.execute(MADE, (export_id, status, NAME))
            await connection.execute(
                "INSERT INTO export_part VALUES (%s, 1, 1, 9, '')", (export_id,)
            )
            await connection.execute(
                "INSERT INTO export_chunk VALUES (%s, 1, 0, %s)", (export_id, NAME.encode())
            )
    await erasing.erase(Wanted(record_type="Instrument", key=f"{UNIVERSITY}/A1"), **ORDER)
    kept = await database.writes.fetch_all(
        "SELECT export_id, status, error_code, document, variables FROM export ORDER BY 1"
    )
    assert kept == [
        ("a", "FAILED", "ERASED", "", {}),
        ("b", "FAILED", "ERASED", "", {}),
        ("c", "EXPIRED", None, "", {}),
    ]
    left = "SELECT (SELECT count(*) FROM export_part) + (SELECT count(*) FROM export_chunk)"
    assert await database.writes.fetch_all(left) == [(0,)]

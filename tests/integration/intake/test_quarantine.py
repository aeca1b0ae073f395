from __future__ import annotations

from typing import Any

import pytest

from hub.intake.batch import Outcome
from hub.intake.quarantine import QuarantineStatus, discard, quarantined, resubmit
from hub.store.database import Database

pytestmark = pytest.mark.integration


async def test_a_row_goes_in_once_its_reason_on_the_hubs_side_is_gone(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(institutionKey="moe:10246"))
    (kept,) = await quarantined(database)
    assert [each.code for each in kept.problems] == ["OWNER_MISMATCH"]
    async with database.writes.transaction() as connection:
        await connection.execute("UPDATE source SET owners = owners || '{moe:10246}'::text[]")
    made = await resubmit(database, [kept.quarantine_id], clock=lambda: kept.created_at)
    assert made[kept.quarantine_id].outcome is Outcome.ACCEPTED
    assert await quarantined(database) == []
    (settled,) = await quarantined(database, status=QuarantineStatus.RESUBMITTED)
    assert settled.quarantine_id == kept.quarantine_id
    evidence = await database.writes.fetch_all(
        "SELECT e.assurance, e.key_id, r.base FROM entry e JOIN request_evidence r USING (evidence)"
    )
    assert evidence == [("REQUEST_SIGNED", "k" * 43, "base")]


async def test_a_row_that_is_still_wrong_stays_as_a_new_row(
    harvest: Any, instrument: Any, database: Database
) -> None:
    await harvest(instrument(status="?"))
    (kept,) = await quarantined(database)
    made = await resubmit(database, [kept.quarantine_id], clock=lambda: kept.created_at)
    assert made[kept.quarantine_id].outcome is Outcome.QUARANTINED
    (again,) = await quarantined(database, source="anhui")
    assert again.quarantine_id > kept.quarantine_id
    assert again.raw == kept.raw


async def test_a_discarded_row_is_laid_aside_but_kept(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(status="?"), instrument(2, status="?"))
    first, second = await quarantined(database)
    await discard(database, [first.quarantine_id], first.created_at)
    assert [each.quarantine_id for each in await quarantined(database)] == [second.quarantine_id]
    assert len(await quarantined(database, status=QuarantineStatus.DISCARDED)) == 1


async def test_pages_of_the_list_follow_each_other(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(*(instrument(n, status="?") for n in range(5)))
    first = await quarantined(database, limit=2)
    rest = await quarantined(database, after=first[-1].quarantine_id)
    assert [each.row_number for each in first + rest] == [1, 2, 3, 4, 5]

"""Rewriting the audit is noticed; whole days go when they are old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from hub.audit.days import DayFault, check_days
from hub.audit.limits import AUDIT_KEPT_DAYS
from hub.audit.rows import AuditKind, AuditRow
from hub.audit.service import Audit
from hub.housekeeping import forget, seal_days
from hub.store.check import check
from hub.store.database import Database
from tests.databases import as_owner
from tests.integration.audit.conftest import HUB

pytestmark = pytest.mark.integration
FIRST = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)
DAY = timedelta(days=1)


async def write(database: Database, *times: datetime) -> None:
    for at in times:
        row = AuditRow(
            at=at, kind=AuditKind.ACT, action="client register", request_id="1", detail={"中": 1}
        )
        await Audit(database, lambda: FIRST).act(row)


async def sql(database: Database, statement: str) -> None:
    """Change what the hub's own role may not."""
    async with await psycopg.AsyncConnection.connect(as_owner(database.url)) as connection:
        await connection.execute(statement.encode())


@pytest.fixture
async def sealed(database: Database) -> Database:
    """Rows of two days with a day without rows between them, and their roots in the log."""
    await write(database, FIRST, FIRST, FIRST + 2 * DAY, FIRST + 3 * DAY)
    assert await seal_days(database, lambda: FIRST + 3 * DAY, HUB) == 3
    return database


async def test_each_day_that_is_over_has_a_root_in_the_log(sealed: Database) -> None:
    rows = await sealed.reads.fetch_all(
        "SELECT key, issuer FROM entry WHERE record_type = 'AuditDay' ORDER BY key"
    )
    assert rows == [(f"2026-11-{day}", "operator") for day in ("20", "21", "22")]
    counts = await sealed.reads.fetch_all("SELECT rows_count FROM audit_day_source ORDER BY key")
    assert counts == [(2,), (0,), (1,)]
    report = await check_days(sealed, FIRST + 3 * DAY)
    assert (report.compared, report.faults) == (3, ())
    assert await seal_days(sealed, lambda: FIRST + 3 * DAY, HUB) == 0
    assert (await check(sealed)).is_right


CHANGES = {
    "a row is changed": "UPDATE audit SET action = 'x' WHERE audit_id = 1",
    "a row is deleted": "DELETE FROM audit WHERE audit_id = 2",
    "a row is moved to another day": "UPDATE audit SET at = at + interval '1 day' "
    "WHERE audit_id = 1",
    "a row is added": "INSERT INTO audit (at, kind, action, request_id, owners) "
    "VALUES ('2026-11-21T01:00:00Z', 'ACT', 'x', '1', '{}')",
    "two rows change places": "UPDATE audit SET detail = jsonb_build_object('n', audit_id) "
    "WHERE audit_id < 3",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_rewriting_is_noticed(sealed: Database, change: str) -> None:
    await sql(sealed, CHANGES[change])
    report = await check_days(sealed, FIRST + 3 * DAY)
    assert report.faults
    assert {fault for _, fault in report.faults} == {DayFault.REWRITTEN}


async def test_a_day_without_a_root_is_reported(sealed: Database) -> None:
    report = await check_days(sealed, FIRST + 6 * DAY)
    assert report.faults == (((FIRST + 3 * DAY).date(), DayFault.ROOT_MISSING),)


async def test_rows_are_kept_for_their_time_and_go_by_whole_days_with_their_root_left(
    sealed: Database,
) -> None:
    late = FIRST + timedelta(days=AUDIT_KEPT_DAYS + 1)
    assert await forget(sealed, lambda: late) == 2
    report = await check_days(sealed, FIRST + timedelta(days=AUDIT_KEPT_DAYS + 1))
    assert (report.expired, [fault for _, fault in report.faults]) == (
        1,
        [DayFault.ROOT_MISSING],
    )
    count = await sealed.reads.fetch_all("SELECT count(*) FROM audit_day_source")
    assert count == [(3,)]


async def test_a_day_without_a_root_keeps_its_rows_however_old(database: Database) -> None:
    await write(database, FIRST)
    assert await forget(database, lambda: FIRST + timedelta(days=4000)) == 0
    assert await database.reads.fetch_all("SELECT count(*) FROM audit") == [(1,)]

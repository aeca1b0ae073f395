"""Rows of a monthly workbook in the store, and the way back to their cells."""

from __future__ import annotations

import pytest

from connectors.column_letters import column_letters
from connectors.errors import PayloadError
from hub.intake.files.monthly import read_monthly
from hub.intake.files.submission import Sender, Submission, submit_read
from hub.store.database import Database
from tests.integration.mapping.conftest import NOW, PARTY
from tests.workbooks import workbook_of

pytestmark = pytest.mark.integration

SHEETS = {
    "Instrument": [
        ["institutionKey", "localNo", "name.zh", "status", "classes", "originalValue.amount"],
        ["moe:10335", "1", "扫描电子显微镜", "在用", "GB/T 32847-2016:010102", ""],
        ["moe:10335", "2", "", "坏了", "GB/T 32847-2016:999998", "三百万"],
        ["moe:10336", "3", "电镜", "在用", "", ""],
    ],
    "Occupancy": [["instrumentKey", "colour"], ["moe:10335/1", "red"]],
}


def workbook() -> bytes:
    """The workbook; what a person leaves above the header is one empty row."""
    return workbook_of({name: [[], *rows] for name, rows in SHEETS.items()})


async def register(database: Database) -> None:
    await database.writes.fetch_all(
        "INSERT INTO source (source_id, title, mode, owners, kind, authority, created_at) "
        "VALUES ('zju-monthly', 'x', 'PUSH', '{moe:10335}', 'OWN', 'moe:10335/lims', now()) "
        "RETURNING 1"
    )


async def submitted(database: Database, data: bytes) -> list[Submission]:
    return [
        await submit_read(database, each, sender=Sender(party=PARTY), clock=lambda: NOW)
        for each in read_monthly("monthly.xlsx", data, "zju-monthly").read
    ]


async def test_good_rows_go_in_and_bad_cells_are_named_as_the_sender_sees_them(
    database: Database,
) -> None:
    await register(database)
    made = await submitted(database, workbook())
    assert [(each.report.accepted, each.report.quarantined) for each in made] == [(1, 2), (0, 1)]
    assert all(each.report.balanced for each in made)
    assert made[1].report.below == 1
    problems = [
        (each.table.sheet, refused.row.number, told)
        for each in made
        for refused in each.refused
        for told in refused.problems
    ]
    assert {
        (sheet, row, column_letters(told.columns[0]) if told.columns else "", told.problem.code)
        for sheet, row, told in problems
    } >= {
        ("Instrument", 4, "C", "MISSING"),
        ("Instrument", 4, "D", "CODE_UNKNOWN"),
        ("Instrument", 4, "F", "NOT_DECIMAL"),
        ("Instrument", 5, "", "OWNER_MISMATCH"),
        ("Occupancy", 2, "B", "COLUMN_UNKNOWN"),
    }
    assert all(told.problem.zh and told.problem.en for _, _, told in problems)
    kept = await database.writes.fetch_all("SELECT record_type FROM quarantine")
    assert sorted(row[0] for row in kept) == ["Instrument", "Instrument", "Occupancy"]


async def test_the_same_workbook_again_gets_the_answer_of_the_first_time(
    database: Database,
) -> None:
    await register(database)
    book = workbook()  # made once: a workbook holds the second in which it was written
    first = await submitted(database, book)
    again = await submitted(database, book)
    assert [each.report.replayed for each in again] == [True, True]
    assert [each.report.outcomes for each in again] == [each.report.outcomes for each in first]


def test_what_is_no_table_is_refused_with_words() -> None:
    with pytest.raises(PayloadError) as caught:
        read_monthly("monthly.xlsx", b"PK\x03\x04 not really", "zju-monthly")
    assert caught.value.hint

import io
from hashlib import sha256

import pytest
import xlsxwriter

from connectors.errors import PayloadError
from hub.harvest.workbook import open_workbook
from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.submit import submit

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


def workbook():
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True}) as book:
        for name, rows in SHEETS.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows, start=1):
                sheet.write_row(number, 0, row)
    return memory.getvalue()


async def test_good_rows_go_in_and_bad_cells_are_named_as_the_sender_sees_them(database, time):
    await database.writes.fetch_all(
        "INSERT INTO source (source_id, title, mode, owners, kind, authority, created_at) "
        "VALUES ('zju-monthly', 'x', 'PUSH', '{moe:10335}', 'OWN', 'moe:10335/lims', now()) "
        "RETURNING 1"
    )
    data = workbook()
    opened = open_workbook("zju-monthly", data)
    outcomes = await submit(
        database,
        Batch(
            source="zju-monthly",
            party="hub:hub.delta.example/records",
            channel=Channel.WORKBOOK,
            rows=opened.batch_rows(),
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED, document_hash=sha256(data).digest()
            ),
            as_of=time.now,
        ),
        clock=time,
    )
    assert [outcome.outcome.value for outcome in outcomes.rows] == [
        "ACCEPTED",
        "QUARANTINED",
        "QUARANTINED",
        "QUARANTINED",
    ]
    told = {
        (each.sheet, each.row, each.column, each.problem.code) for each in opened.problems(outcomes)
    }
    assert {
        ("Instrument", 4, "", "MISSING"),
        ("Instrument", 4, "D", "CODE_UNKNOWN"),
        ("Instrument", 4, "F", "NOT_DECIMAL"),
        ("Instrument", 5, "", "OWNER_MISMATCH"),
        ("Occupancy", 2, "B", "COLUMN_UNKNOWN"),
    } <= told
    assert all(each.problem.zh and each.problem.en for each in opened.problems(outcomes))


def test_what_is_no_table_is_refused_with_words():
    with pytest.raises(PayloadError) as caught:
        open_workbook("zju-monthly", b"PK\x03\x04 not really")
    assert caught.value.hint

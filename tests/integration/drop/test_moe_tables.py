"""The ministry's tables SJ1 and SJ3, left in a folder as the schools' programs write them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.harvest.report import HarvestReport, RunStatus
from hub.intake.batch import Outcome
from tests.fixed_width import fixed_width_bytes

FIXTURE = Path(__file__).parents[2] / "fixtures/moe_tables/source.json"
FILES = json.loads(FIXTURE.read_text("utf-8"))["files"]
(SJ1,) = (name for name in FILES if name.startswith("SJ1"))
(SJ3,) = (name for name in FILES if name.startswith("SJ3"))


def table(title: str, first: str | None = None) -> bytes:
    """Return a recorded table; `first`: another name of its first instrument."""
    rows = [list(row) for row in FILES[title]]
    rows[0][3] = first or rows[0][3]
    return fixed_width_bytes(title, rows)


def told(report: HarvestReport, name: str) -> str:
    (part,) = [each for each in report.collections if each.name == name]
    return part.message or ""


async def test_a_table_is_known_by_its_name_and_needs_no_mapping(drop):
    drop.leave(SJ1, table(SJ1))
    report = await drop.look()
    assert report.status is RunStatus.OK, report.message
    assert len(await drop.rows()) == len(FILES[SJ1])
    (answer,) = drop.receipts(SJ1)["tables"]
    assert (answer["accepted"], answer["quarantined"]) == (len(FILES[SJ1]), 0)


async def test_rows_of_another_width_come_back_in_a_workbook(folder):
    good, bad = table(SJ1).split(b"\r\n")[:2]
    folder.leave(SJ1, good + b"\r\n" + bad[:-7] + b"\r\n")
    report = await folder.look()
    outcomes = report.total(Outcome.ACCEPTED), report.total(Outcome.QUARANTINED)
    assert outcomes == (1, 1), report.message
    assert (folder.folder / f"{SJ1}.rejects.xlsx").exists()


async def test_a_long_table_goes_in_parts(folder, monkeypatch):
    from hub.harvest import drop_intake

    monkeypatch.setattr(drop_intake, "FILE_ROWS_MAX", 2)
    monkeypatch.setattr(drop_intake, "PART_ROWS_MAX", 2)
    folder.leave(SJ1, table(SJ1))
    report = await folder.look()
    assert report.status is RunStatus.OK, report.message
    assert len(await folder.rows()) == len(FILES[SJ1])
    assert len(folder.receipts(SJ1)["parts"]) == -(-len(FILES[SJ1]) // 2)


@pytest.mark.parametrize(("first", "second"), [(SJ1, SJ3), (SJ3, SJ1)])
async def test_the_other_table_never_undoes_what_the_first_one_said(folder, first, second):
    folder.leave(first, table(first))
    await folder.look()
    before = await folder.entries()
    folder.leave(second, table(second))
    report = await folder.look()
    assert report.status is RunStatus.PARTIAL
    assert f"this source leaves {first[:3]}" in told(report, second)
    assert "refused" in folder.receipts(second)
    assert await folder.entries() == before


async def test_next_year_the_same_table_is_the_next_revision(folder):
    folder.leave(SJ1, table(SJ1))
    await folder.look()
    folder.leave("sj1-2027.txt", table(SJ1, first="另一台电镜"))
    assert (await folder.look()).status is RunStatus.OK
    assert sorted((await folder.rows()).values()) == [1] * (len(FILES[SJ1]) - 1) + [2]

"""A key has no twin that looks like it, whichever way a row comes in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.mapping import parse_mapping
from hub.intake.batch import Outcome
from hub.intake.files.submission import MappedFile, Sender, read_mapped, submit_read
from hub.intake.quarantine import quarantined, resubmit
from hub.store.database import Database
from tests.integration.intake.conftest import NOW, UNIVERSITY
from tests.shared import SHARED

pytestmark = pytest.mark.integration

CASE = SHARED / "cases" / "08-invisible-characters-in-keys"
TWINS = [
    "A00001\u200b",
    "\ufeffA00001",
    "A0000\u202e1",
    "\u039100001",
    "A0000\uff11",
    "A\u00ad00001",
]
MAPPING = f"""
title = "trial"
source = "zju"
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "{UNIVERSITY}"
[record.items]
localNo = "no"
name.zh = "name"
status = "status"
"""


async def keys(database: Database) -> list[str]:
    rows = await database.reads.fetch_all("SELECT key FROM entry ORDER BY entry_id")
    return [row[0] for row in rows]


async def test_a_pushed_twin_of_a_key_is_held_back_and_shown_by_its_number(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument())
    made = (await push(*(instrument(localNo=twin) for twin in TWINS))).rows
    assert [row.outcome for row in made] == [Outcome.QUARANTINED] * len(TWINS)
    assert {p.code for row in made for p in row.problems} == {"KEY_CHARACTER"}
    assert await keys(database) == [f"{UNIVERSITY}/A00001"]
    kept = await quarantined(database)
    assert len(kept) == len(TWINS)
    for each, twin in zip(kept, TWINS, strict=True):
        bad = next(c for c in twin if not c.isascii())
        assert f"[U+{ord(bad):04X}]" in (each.key or "")
        told = each.key, each.raw, *((p.zh, p.en, p.value) for p in each.problems)
        assert bad not in str(told)
        assert json.loads(each.raw)["record"]["localNo"] == twin


async def test_a_harvested_twin_of_a_key_is_held_back(
    harvest: Any, instrument: Any, database: Database
) -> None:
    made = (await harvest(instrument(), instrument(localNo=TWINS[0]))).rows
    assert [row.outcome for row in made] == [Outcome.ACCEPTED, Outcome.QUARANTINED]


async def test_a_withdrawal_names_a_key_by_the_same_characters(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(), instrument(localNo="电镜一号"))
    for twin in TWINS:
        gone = {"key": f"{UNIVERSITY}/{twin}", "reason": "closed"}
        (row,) = (await push({"type": "Instrument", "withdraw": gone}, key=repr(twin))).rows
        assert row.outcome is Outcome.QUARANTINED
        assert [(p.path, p.code) for p in row.problems] == [("withdraw.key", "KEY_CHARACTER")]
        bad = next(c for c in twin if not c.isascii())
        assert f"[U+{ord(bad):04X}]" in (row.problems[0].value or "")
        assert bad not in str([(p.zh, p.en, p.value) for p in row.problems])
    gone = {"key": f"{UNIVERSITY}/电镜一号", "reason": "已报废"}
    (row,) = (await push({"type": "Instrument", "withdraw": gone}, key="last")).rows
    assert row.outcome is Outcome.WITHDRAWN


async def test_a_row_sent_again_from_quarantine_is_judged_again(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(localNo=TWINS[0]))
    (kept,) = await quarantined(database)
    made = await resubmit(database, [kept.quarantine_id], clock=lambda: kept.created_at)
    assert made[kept.quarantine_id].outcome is Outcome.QUARANTINED
    assert await keys(database) == []


async def test_a_mapped_file_with_twins_of_keys_tells_the_cells(
    database: Database, sources: None
) -> None:
    lines = [
        "\ufeffno,name,status",
        "1,A,IN_SERVICE",
        "\ufeff2,B,IN_SERVICE",
        "3\u200b,C,IN_SERVICE",
    ]
    data = "\n".join([*lines, "3,C,IN_SERVICE", "４,D,IN_SERVICE"]).encode()
    file = MappedFile(
        name="inst.csv",
        data=data,
        mapping=parse_mapping(MAPPING),
        mapping_text=MAPPING,
        source="zju",
    )
    made = await submit_read(
        database, read_mapped(file), sender=Sender(party="hub:x/1"), clock=lambda: NOW
    )
    assert (made.report.accepted, made.report.quarantined) == (2, 3)
    assert dict(made.report.reasons) == {("KEY_CHARACTER", "localNo"): 3}
    assert [each.row.number for each in made.refused] == [3, 4, 6]
    assert {each.columns for row in made.refused for each in row.problems} == {(1,)}
    assert await keys(database) == [f"{UNIVERSITY}/1", f"{UNIVERSITY}/3"]


async def test_the_rows_of_the_reported_case_are_refused(push: Any, database: Database) -> None:
    if not CASE.is_dir():
        pytest.skip("the folder of reported cases is not on this machine")
    lines = (CASE / "push.ndjson").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        row["record"]["institutionKey"] = UNIVERSITY
    made = (await push(*rows)).rows
    assert [[p.code for p in row.problems] for row in made] == [["KEY_CHARACTER"]] * 3

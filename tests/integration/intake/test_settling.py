"""Rows that wait settle with what comes after them (quarantine of what is sent)."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli.main import assemble
from hub.intake.batch import Outcome
from hub.intake.quarantine import (
    QuarantineStatus,
    discard,
    discard_source,
    quarantined,
    resubmit,
)
from hub.store.database import Database
from tests.integration.intake.conftest import NOW

pytestmark = pytest.mark.integration


async def codes(database: Database, status: QuarantineStatus = QuarantineStatus.OPEN) -> list[Any]:
    rows = await quarantined(database, status=status)
    return [[problem.code for problem in row.problems] for row in rows]


async def test_the_same_bad_rows_twice_give_one_set(
    push: Any, instrument: Any, database: Database
) -> None:
    bad = [instrument(1, status="?"), "no object", instrument(2, localNo=None), instrument(3)]
    for key in ("a", "b", "c"):
        outcomes = await push(*bad, key=key)
        assert [row.outcome for row in outcomes.rows].count(Outcome.QUARANTINED) == 3
    assert await codes(database) == [["CODE_UNKNOWN"], ["ROW_NOT_AN_OBJECT"], ["MISSING"]]


async def test_a_corrected_row_closes_what_waited_of_its_record(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(1, status="?"), instrument(2, status="?"))
    accepted = await push(instrument(1))
    (left,) = await quarantined(database)
    assert left.key == "moe:10335/A00002"
    (closed,) = await quarantined(database, status=QuarantineStatus.CORRECTED)
    assert closed.key == "moe:10335/A00001"
    ((entry,),) = await database.writes.fetch_all(
        "SELECT entry_id FROM quarantine WHERE status = 'CORRECTED'"
    )
    assert entry == accepted.rows[0].entry_id
    await push(instrument(2))
    await push(instrument(1, status="?"))
    assert await codes(database) == [["CODE_UNKNOWN"]]
    again = await push(instrument(1))
    assert again.rows[0].outcome is Outcome.DUPLICATE
    assert await codes(database) == []


async def test_another_refusal_of_a_record_takes_the_place_of_the_first(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(1, status="?"))
    await push(instrument(1, annualHours=-1))
    assert await codes(database) == [["OUT_OF_RANGE"]]
    assert await codes(database, QuarantineStatus.REPLACED) == [["CODE_UNKNOWN"]]


async def test_two_refused_rows_of_one_batch_both_wait(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(1, status="?"), instrument(1, annualHours=-1))
    assert await codes(database) == [["CODE_UNKNOWN"], ["OUT_OF_RANGE"]]


async def test_what_others_sent_and_what_was_harvested_waits_on(
    push: Any, harvest: Any, instrument: Any, database: Database
) -> None:
    await harvest(instrument(1, status="?"))
    await push(instrument(1, status="?"))
    await push(instrument(1))
    (left,) = await quarantined(database)
    assert left.source == "anhui"


async def test_a_dry_run_settles_nothing(push: Any, instrument: Any, database: Database) -> None:
    await push(instrument(1, status="?"))
    await push(instrument(1), dry_run=True)
    assert await codes(database) == [["CODE_UNKNOWN"]]


async def test_what_is_sent_again_as_it_stands_waits_on_with_its_present_reasons(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(institutionKey="moe:10246"))
    (kept,) = await quarantined(database)
    made = await resubmit(database, [kept.quarantine_id], clock=lambda: NOW)
    assert [each.code for each in made[kept.quarantine_id].problems] == ["OWNER_MISMATCH"]
    (again,) = await quarantined(database)
    assert again.quarantine_id == kept.quarantine_id


async def test_discarding_says_which_rows_there_were(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(*(instrument(n, status="?") for n in (1, 2, 3)))
    first, *_ = await quarantined(database)
    assert await discard(database, [first.quarantine_id, 99999], NOW) == [first.quarantine_id]
    assert await discard(database, [first.quarantine_id], NOW) == []
    assert await discard_source(database, "other", NOW) == 0
    assert await discard_source(database, "zju", NOW) == 2
    assert await codes(database) == []


def test_the_command_line_says_that_nothing_was_there(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    runner = CliRunner()
    for arguments in (["discard", "99999"], ["resubmit", "99999"]):
        done = runner.invoke(assemble(), ["quarantine", *arguments])
        assert done.exit_code == 2
        assert "99999" in done.stderr
    assert (
        "0 rows discarded" in runner.invoke(assemble(), ["quarantine", "discard", "99999"]).stdout
    )
    assert runner.invoke(assemble(), ["quarantine", "discard"]).exit_code == 2
    nothing = runner.invoke(assemble(), ["quarantine", "discard", "--source", "nobody"])
    assert (nothing.exit_code, nothing.stdout) == (0, "0 rows discarded\n")

"""A row that holds a citizen number goes nowhere, and what is kept of it holds none either."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from stdnum.iso7064 import mod_11_2

from hub.intake.batch import Outcome
from hub.intake.quarantine import resubmit
from hub.operate.exposition import figures_of
from hub.operate.figures import DatabaseFigures, Figures
from hub.store.database import Database
from hub.store.sources import personal_refused
from tests.integration.intake.conftest import NOW

pytestmark = pytest.mark.integration
BODY = "33010619900307123"
NUMBER = BODY + mod_11_2.calc_check_digit(BODY)


@pytest.mark.parametrize("item", ["localNo", "contact", "model"])
async def test_a_row_with_a_citizen_number_is_refused_and_kept_without_it(
    push: Any, instrument: Any, database: Database, item: str
) -> None:
    (made,) = (
        await push(instrument(**{item: f"x {NUMBER}" if item != "localNo" else NUMBER}))
    ).rows
    assert made.outcome is Outcome.QUARANTINED
    assert [each.code for each in made.problems] == ["CITIZEN_NUMBER"]
    kept = await database.writes.fetch_all("SELECT raw, key, problems FROM quarantine")
    assert len(kept) == 1
    assert NUMBER not in json.dumps(kept, ensure_ascii=False)
    assert "citizen number removed" in kept[0][0]


async def test_the_reason_of_a_withdrawal_names_nobody(
    push: Any, instrument: Any, database: Database
) -> None:
    row = instrument()
    await push(row)
    key = f"{row['record']['institutionKey']}/{row['record']['localNo']}"
    for reason, code in ((f"left by {NUMBER}", "CITIZEN_NUMBER"), ("13812345678", "MOBILE_NUMBER")):
        withdrawal = {"type": "Instrument", "withdraw": {"key": key, "reason": reason}}
        (made,) = (await push(withdrawal)).rows
        assert [each.code for each in made.problems] == [code]
    assert NUMBER not in str(
        await database.writes.fetch_all("SELECT raw, problems FROM quarantine")
    )


async def test_rows_refused_for_personal_data_are_counted_by_source_and_kind(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(
        instrument(1, contact=f"张三 {NUMBER}"),
        instrument(2, contact="13812345678"),
        instrument(3, contact="13812345678", model=NUMBER),
        instrument(4, status="NONE"),
        instrument(5),
    )
    counted = await personal_refused(database)
    assert [(source, code, rows) for source, code, rows, _ in counted] == [
        ("zju", "CITIZEN_NUMBER", 2),
        ("zju", "MOBILE_NUMBER", 2),
    ]
    await push(instrument(1, contact=f"张三 {NUMBER}"))  # it waits already
    assert await personal_refused(database) == counted
    figures = await Figures(database, "hub.example", lambda: NOW).look()
    assert figures.personal == {("zju", "CITIZEN_NUMBER"): 2, ("zju", "MOBILE_NUMBER"): 2}
    told = generate_latest(_registry(figures)).decode()
    assert 'personal_data_refused_rows{code="CITIZEN_NUMBER",source="zju"} 2.0' in told
    assert NUMBER not in told


async def test_a_dry_run_counts_no_personal_data(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(1, contact=NUMBER), dry_run=True)
    assert await personal_refused(database) == []


def _registry(figures: DatabaseFigures) -> CollectorRegistry:
    class Looked:
        def collect(self) -> Any:
            return figures_of(figures)

    registry = CollectorRegistry()
    registry.register(Looked())
    return registry


async def test_what_is_kept_of_a_row_holds_no_contact_and_is_not_sent_again_as_it_stands(
    push: Any, instrument: Any, database: Database
) -> None:
    mobile, mail = "138-1234-5678", "zhang.san@qq.com"
    rows = [
        instrument(1, contact=f"张三 {mobile}"),
        instrument(2, contact=f"write to {mail}", serialNo="13912345678"),
        instrument(3, contact=f"{'x' * 3000} {mobile}"),
        instrument(4, contact="０１３８１２３４５６７８ 或 +86 138 1234 5678"),
    ]
    made = await push(*rows)
    assert {each.outcome for each in made.rows} == {Outcome.QUARANTINED}
    kept = await database.writes.fetch_all("SELECT quarantine_id, raw, problems FROM quarantine")
    told = json.dumps([json.loads(raw) for _, raw, _ in kept], ensure_ascii=False)
    told += json.dumps([problems for *_, problems in kept], ensure_ascii=False)
    assert mail not in told
    assert "138 1234 5678" not in told
    assert told.count(mobile) == 1, "only in the text that was refused for its length"
    assert "13912345678" in told, "the number of something else stays"
    again = await resubmit(database, [each for each, *_ in kept[:2]], clock=lambda: NOW)
    codes = [[each.code for each in outcome.problems] for outcome in again.values()]
    assert codes == [["MOBILE_NUMBER"], ["MOBILE_NUMBER"]]

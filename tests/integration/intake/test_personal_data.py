"""A row that holds a citizen number goes nowhere, and what is kept of it holds none either."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stdnum.iso7064 import mod_11_2

from hub.intake.batch import Outcome
from hub.store.database import Database

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

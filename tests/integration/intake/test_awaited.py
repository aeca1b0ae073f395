"""What is said of an instrument that nobody knows goes in, is told, and settles when it comes."""

from __future__ import annotations

from typing import Any

import pytest

from hub.intake.awaited import awaiting_rows
from hub.intake.batch import Outcome
from hub.store.database import Database
from tests.integration.intake.conftest import UNIVERSITY

pytestmark = pytest.mark.integration

KEY = f"{UNIVERSITY}/A00001"


def service(number: str = "S-1", key: str = KEY, **changed: Any) -> dict[str, Any]:
    record = {
        "instrumentKey": key,
        "localId": number,
        "startedAt": "2026-11-02T01:00:00Z",
        "endedAt": "2026-11-02T05:00:00Z",
        "hours": "4",
        "purpose": "RESEARCH",
        "collectionMethod": "SENSOR",
        **changed,
    }
    return {"type": "ServiceRecord", "record": record}


def offer(key: str = KEY) -> dict[str, Any]:
    record = {"instrumentKey": key, "code": "F-1", "name": {"zh": "透射观察"}}
    return {"type": "ServiceOffer", "record": record}


def codes(row: Any) -> list[str]:
    return [each.code for each in row.warnings]


async def test_a_service_of_an_unknown_instrument_is_taken_told_and_settles(
    push: Any, instrument: Any, database: Database
) -> None:
    (row,) = (await push(service())).rows
    assert row.outcome is Outcome.ACCEPTED
    (warning,) = row.warnings
    assert (warning.code, warning.path, warning.value) == (
        "REFERENCE_UNKNOWN",
        "instrumentKey",
        KEY,
    )
    assert "编号" in warning.zh
    assert "number" in warning.en
    assert await awaiting_rows(database) == {"zju": 1}
    (again,) = (await push(service())).rows
    assert again.outcome is Outcome.DUPLICATE
    assert codes(again) == ["REFERENCE_UNKNOWN"], "it is told as long as it is so"
    assert await awaiting_rows(database) == {"zju": 1}

    await push(instrument(1))
    assert await awaiting_rows(database) == {}
    assert codes((await push(service())).rows[0]) == []
    assert codes((await push(service("S-2"))).rows[0]) == []


async def test_the_instrument_of_the_same_batch_is_known_wherever_it_stands(
    push: Any, instrument: Any, database: Database
) -> None:
    outcomes = await push(service(), instrument(1), service("S-2"))
    assert [codes(row) for row in outcomes.rows] == [[], [], []]
    assert await awaiting_rows(database) == {}


async def test_a_mistyped_number_that_is_corrected_waits_no_more(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(1))
    wrong = f"{UNIVERSITY}/A0001"
    outcomes = await push(service(key=wrong), service("S-2"))
    assert [codes(row) for row in outcomes.rows] == [["REFERENCE_UNKNOWN"], []]
    withdrawal = {
        "type": "ServiceRecord",
        "withdraw": {"key": outcomes.rows[0].key, "reason": "仪器编号有误"},
    }
    await push(withdrawal)
    assert await awaiting_rows(database) == {}


async def test_a_withdrawn_instrument_is_none(
    push: Any, instrument: Any, database: Database
) -> None:
    await push(instrument(1))
    await push({"type": "Instrument", "withdraw": {"key": KEY, "reason": "已报废"}})
    assert codes((await push(service())).rows[0]) == ["REFERENCE_UNKNOWN"]


async def test_a_refused_instrument_settles_nothing(
    push: Any, instrument: Any, database: Database
) -> None:
    outcomes = await push(instrument(1, status="NONE"), service())
    assert [row.outcome for row in outcomes.rows] == [Outcome.QUARANTINED, Outcome.ACCEPTED]
    assert codes(outcomes.rows[1]) == ["REFERENCE_UNKNOWN"]


async def test_an_unknown_instrument_and_an_unlikely_value_are_both_told(push: Any) -> None:
    (row,) = (
        await push(service(startedAt="2099-01-01T00:00:00Z", endedAt="2099-01-01T04:00:00Z"))
    ).rows
    assert sorted(set(codes(row))) == ["IMPLAUSIBLE", "REFERENCE_UNKNOWN"]

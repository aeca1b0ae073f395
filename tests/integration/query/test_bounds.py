"""What a record may hold can be asked for and is read back as it was sent."""

from __future__ import annotations

import pytest

from hub.store.database import Database
from schema.dates import LATEST_YEAR
from schema.numbers import DECIMALS_MAX, WHOLE_DIGITS_MAX
from tests.integration.query.conftest import (
    A,
    Asker,
    caller,
    engine_on,
    instrument,
    money,
    put,
    register,
    service,
)

pytestmark = pytest.mark.integration

LARGEST = "9" * WHOLE_DIGITS_MAX + "." + "9" * DECIMALS_MAX
NEXT = LARGEST[:-1] + "8"
LAST = f"{LATEST_YEAR}-12-31T23:59:59Z"


async def test_the_largest_decimals_are_filtered_and_read_back(database: Database) -> None:
    await register(database)
    rows = [instrument(A, "T1", "甲", [], originalValue=money(LARGEST)),
            instrument(A, "T2", "乙", [], originalValue=money(NEXT))]  # fmt: skip
    await put(database, [("Instrument", row) for row in rows], "alpha")
    ask = Asker(engine_on(database))
    query = """query ($least: Decimal!) { instruments(filter: {originalValue: {gte: $least}}) {
      nodes { localNo originalValue { amount } } } }"""
    answer = await ask(query, {"least": LARGEST}, caller(A))
    assert ask.codes == []
    assert answer["instruments"]["nodes"] == [
        {"localNo": "T1", "originalValue": {"amount": LARGEST}}
    ]
    literal = (
        f'{{ instruments(filter: {{originalValue: {{lte: "{NEXT}"}}}}) {{ nodes {{ localNo }} }} }}'
    )
    assert (await ask(literal, who=caller(A)))["instruments"]["nodes"] == [{"localNo": "T2"}]
    await ask(query, {"least": "1" + LARGEST}, caller(A))
    assert ask.codes == ["BAD_USER_INPUT"]


async def test_the_last_moment_and_the_greatest_number_are_filtered_and_read_back(
    database: Database,
) -> None:
    await register(database)
    held = service(f"{A}/T1", "R1", A, endedAt=LAST, hours=None, samplesCount=2**53 - 1)
    row = {name: value for name, value in held.items() if value is not None}
    await put(database, [("ServiceRecord", row)], "alpha")
    ask = Asker(engine_on(database))
    query = """query ($at: DateTime!) { serviceRecords(filter: {endedAt: {gte: $at}}) {
      nodes { localId endedAt samplesCount } } }"""
    answer = await ask(query, {"at": LAST}, caller(A))
    assert ask.codes == []
    assert answer["serviceRecords"]["nodes"] == [
        {"localId": "R1", "endedAt": LAST, "samplesCount": 2**53 - 1}
    ]

"""What is unlikely goes in with a warning, and the warning travels; contradictions are refused."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from adapters.mapping import MappingError, parse_mapping
from hub.intake.batch import Outcome, Outcomes
from hub.intake.files.columns import require_units
from hub.intake.files.rejects import rejects_workbook
from hub.intake.files.submission import MappedFile, Sender, read_mapped, submit_read
from hub.store.database import Database
from hub.store.sources import doubted_rows
from tests.integration.intake.conftest import NOW, UNIVERSITY

pytestmark = pytest.mark.integration

SERVICE = {
    "instrumentKey": f"{UNIVERSITY}/A00001",
    "localId": "S-1",
    "startedAt": "2026-11-02T01:00:00Z",
    "endedAt": "2026-11-02T05:00:00Z",
    "hours": "4",
    "purpose": "RESEARCH",
    "collectionMethod": "SENSOR",
    "charge": {"amount": "1200", "currency": "CNY"},
    "voucherFen": 60000,
}


def service(**changed: Any) -> dict[str, Any]:
    record = {name: part for name, part in {**SERVICE, **changed}.items() if part is not None}
    return {"type": "ServiceRecord", "record": record}


async def warned(database: Database) -> list[tuple[Any, ...]]:
    return await database.reads.fetch_all(
        "SELECT source, record_type, path, code, rows FROM warned ORDER BY record_type, path"
    )


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"startedAt": "2099-01-01T00:00:00Z", "endedAt": "2099-01-01T05:00:00Z"}, "startedAt"),
        ({"charge": {"amount": "999999999999999", "currency": "CNY"}}, "charge.amount"),
        ({"voucherFen": 1}, "voucherFen"),
        ({"charge": None}, "voucherFen"),
        ({"startedAt": None, "endedAt": None, "hours": "5000"}, "hours"),
        ({"samplesCount": 1_000_000}, "samplesCount"),
    ],
)
async def test_an_unlikely_service_is_taken_with_a_warning(
    push: Any, instrument: Any, changed: dict[str, Any], path: str
) -> None:
    await push(instrument())
    outcomes: Outcomes = await push(service(**changed))
    (row,) = outcomes.rows
    assert row.outcome is Outcome.ACCEPTED
    assert path in [each.path for each in row.warnings]
    assert {each.code for each in row.warnings} == {"IMPLAUSIBLE"}
    (wire,) = json.loads(outcomes.to_text())["rows"]
    assert wire["warnings"][0]["messageZh"]
    assert wire["warnings"][0]["messageEn"]
    assert "problems" not in wire
    assert Outcomes.from_text(outcomes.to_text(), replayed=True).rows == outcomes.rows


@pytest.mark.parametrize(
    "changed",
    [
        {"acceptedOn": "2099-01-01"},
        {"acceptedOn": "2099"},
        {"commissionedOn": "2026-12"},
        {"originalValue": {"amount": "999999999999999", "currency": "CNY"}},
        {"originalValue": {"amount": "125", "currency": "CNY"}},
        {"acceptedOn": "2021-06", "commissionedOn": "2012-06"},
    ],
)
async def test_an_unlikely_instrument_is_taken_with_a_warning(
    push: Any, instrument: Any, changed: dict[str, Any]
) -> None:
    (row,) = (await push(instrument(**changed))).rows
    assert row.outcome is Outcome.ACCEPTED
    assert [each.code for each in row.warnings] == ["IMPLAUSIBLE"]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"acceptedOn": "2026-11-24"},
        {"acceptedOn": "2026"},
        {"originalValue": {"amount": "125", "currency": "USD"}},
    ],
)
async def test_what_may_well_be_is_not_doubted(
    push: Any, instrument: Any, changed: dict[str, Any]
) -> None:
    (row,) = (await push(instrument(**changed))).rows
    assert (row.outcome, row.warnings) == (Outcome.ACCEPTED, ())


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"voucherFen": 120_001}, "VOUCHER_EXCEEDS_CHARGE"),
        ({"charge": {"amount": "1200", "currency": "USD"}}, "VOUCHER_CURRENCY"),
        ({"hours": "4.2"}, "HOURS_EXCEED_INTERVAL"),
    ],
)
async def test_a_contradiction_within_a_row_is_refused(
    push: Any, changed: dict[str, Any], code: str
) -> None:
    (row,) = (await push(service(**changed))).rows
    assert row.outcome is Outcome.QUARANTINED
    assert [each.code for each in row.problems] == [code]
    assert (await push(service(voucherFen=120_000, localId="S-2"))).rows[0].problems == ()


async def test_warnings_are_counted_by_source_and_item(
    push: Any, instrument: Any, database: Database
) -> None:
    rows = [instrument(number, acceptedOn="2099") for number in (1, 2, 3)]
    await push(*rows, service(voucherFen=1), service(localId="S-2"))
    assert await warned(database) == [
        ("zju", "Instrument", "acceptedOn", "IMPLAUSIBLE", 3),
        ("zju", "ServiceRecord", "voucherFen", "IMPLAUSIBLE", 1),
    ]
    assert await doubted_rows(database) == {"zju": 4}
    again = await push(*rows)
    assert [row.outcome for row in again.rows] == [Outcome.DUPLICATE] * 3
    assert all(row.warnings for row in again.rows)
    assert (await warned(database))[0][-1] == 3


MAPPING = f"""
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "{UNIVERSITY}"
status = "IN_SERVICE"
[record.items]
localNo = "no"
name.zh = "name"
acceptedOn = "day"
originalValue = {{ column = "value", currency = "CNY", unit = "UNIT" }}
"""


def mapped(lines: list[str], unit: str = "元") -> Any:
    text = MAPPING.replace("UNIT", unit)
    file = MappedFile(
        name="list.csv",
        data="\n".join(["no,name,day,value", *lines]).encode(),
        mapping=parse_mapping(text),
        mapping_text=text,
        source="zju",
    )
    return read_mapped(file)


async def test_a_file_tells_its_warnings_and_marks_them_in_yellow(
    sources: None, database: Database, tmp_path: Path
) -> None:
    read = mapped(["1,A,2099-01-01,1250000", "2,B,2020-01-01,2000000", "3,,2020,3000000"])
    require_units([read])
    done = await submit_read(database, read, sender=Sender(party="hub:test/log"), clock=lambda: NOW)
    assert done.report.accepted == 2
    assert done.report.quarantined == 1
    assert dict(done.report.warnings) == {("IMPLAUSIBLE", "acceptedOn"): 1}
    (doubted,) = done.doubted
    assert doubted.row.number == 2
    assert doubted.problems[0].columns == (3,)
    book = rejects_workbook([(done.table, (*done.refused, *done.doubted))])
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        styles = parts.read("xl/styles.xml").decode()
        comments = parts.read("xl/comments1.xml").decode()
    assert "FFFFEB9C" in styles
    assert "FFFFC7CE" in styles
    assert "日期在未来" in comments


@pytest.mark.parametrize(
    ("values", "unit", "is_doubted"),
    [
        (["1250000", "2000000", "3300000"], "元", False),
        (["1250000", "2000000", "3300000"], "亿元", True),
        (["1250000", "2000000", "3300000"], "万元", True),
        (["125", "200", "330"], "元", True),
        (["125", "200", "330"], "万元", False),
        (["125", "2000000", "3300000"], "元", False),
        (["125"], "元", False),
    ],
)
def test_a_column_that_is_off_by_a_power_of_ten_is_told_before_anything_is_written(
    values: list[str], unit: str, is_doubted: bool
) -> None:
    read = mapped([f"{n},A,2020,{value}" for n, value in enumerate(values)], unit)
    if not is_doubted:
        require_units([read])
        return
    with pytest.raises(MappingError) as caught:
        require_units([read])
    (problem,) = caught.value.problems
    assert problem.code == "UNIT_DOUBTED"
    assert "value" in problem.en
    assert "unit" in problem.zh

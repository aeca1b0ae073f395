"""The dirt that real data sets are known for, as their SOURCE.md names it, read by our mappings."""

from __future__ import annotations

import csv
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.mapping import Converted, parse_mapping
from hub.intake.files.submission import MappedFile, ReadTable, read_mapped
from tests.shared import SHARED

DATA = SHARED / "data"
MAPPINGS = Path(__file__).parents[3] / "docs" / "partners" / "mappings"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the folder of real data sets is not beside this checkout"
)


@cache
def table(mapping: str, path: str) -> ReadTable:
    text = (MAPPINGS / f"{mapping}.toml").read_text("utf-8")
    return read_mapped(
        MappedFile(
            name=path,
            data=(DATA / path).read_bytes(),
            mapping=parse_mapping(text),
            mapping_text=text,
            source="some-unit",
        )
    )


def made(mapping: str, path: str) -> list[dict[str, Any]]:
    return [wire for row in table(mapping, path).converted for _, wire in row.records]


def rows(mapping: str, path: str) -> tuple[Converted, ...]:
    return table(mapping, path).converted


MOE = ("moe-universities", "cn-universities-moe/universities.csv")
PNNL = ("pnnl-instrument", "pnnl-dms/instrument.csv")
EMSL = ("pnnl-emsl-instrument", "pnnl-dms/emsl_instrument.csv")
NCAS = "ncas-instruments/ncas-instrument-name-and-descriptors.tsv"
ROR = ("ror-institutions", "ror-cn/ror-yrd.jsonl")
USE = ("ctam62-sessions", "instrument-usage-ctam62/2019-6 Instrument_A.csv")


def test_a_padded_name_of_a_province_loses_its_blanks() -> None:
    raw = (DATA / MOE[1]).read_text("utf-8-sig")
    padded = [r["name"] for r in csv.DictReader(io.StringIO(raw)) if r["department"][-1:] == " "]
    assert padded
    names = {each["name"]["zh"]: each for each in made(*MOE)}
    assert {names[name]["departmentName"] for name in padded} == {"江西省"}


def test_names_with_wide_brackets_stay_as_they_are() -> None:
    names = [each["name"]["zh"] for each in made(*MOE)]
    assert sum("（" in name for name in names) > 5
    assert len(set(names)) == len(names)


def test_the_instrument_of_a_session_stands_in_the_header() -> None:
    assert {each["instrumentKey"] for each in made(*USE)} == {"moe:99999/Instrument A"}


def test_persons_of_sessions_are_dropped_and_an_hour_needs_no_zero() -> None:
    written = json.dumps(made(*USE))
    assert "@" not in written
    assert "Petersen" not in written
    assert all(row.dropped for row in rows(*USE))
    third = made("ctam62-sessions", "instrument-usage-ctam62/2019-6 Instrument_C.csv")
    assert "2019-06-28T16:26:00Z" in {each["recordedAt"] for each in third}  # 2019-06-29 0:26


def test_a_session_that_was_written_down_late_stays_so() -> None:
    assert any(each["recordedAt"] > each["startedAt"] for each in made(*USE))


def test_ragged_rows_are_read_and_three_formats_say_the_same() -> None:
    lines = (DATA / NCAS).read_text("utf-8").splitlines()
    assert len({line.count("\t") for line in lines}) > 1
    by_table = {each["localNo"] for each in made("ncas-instruments", NCAS)}
    by_json = {
        each["localNo"]
        for each in made("ncas-instruments-json", "ncas-instruments/AMF_ncas_instrument.json")
    }
    assert len(by_json) == 156
    assert by_table <= by_json
    assert len(by_json - by_table) == 4  # whose serial numbers are too long for one


def test_a_maker_that_is_missing_is_left_out_and_not_guessed() -> None:
    found = made("ncas-instruments", NCAS)
    assert sum("manufacturer" not in each for each in found) >= 7


def test_what_is_no_instrument_and_no_status_is_left_out_by_a_stated_rule() -> None:
    left = [row for row in rows(*PNNL) if row.left_out]
    assert len(left) == 57
    raw = io.StringIO((DATA / PNNL[1]).read_text("utf-8-sig"), newline="")
    no_status = {row["instrument"] for row in csv.DictReader(raw) if row["status"] == "PrepHPLC"}
    assert len(no_status) == 6
    assert {each["status"] for each in made(*PNNL)} == {"IN_SERVICE", "IDLE", "SCRAPPED"}


def test_blanks_and_lines_at_the_ends_of_names_go_and_refuse_no_row() -> None:
    found = made(*EMSL)
    assert all(each["name"]["zh"] == each["name"]["zh"].strip() for each in found)
    assert "\\N" not in json.dumps(found)
    (refused,) = [row for row in rows(*EMSL) if row.problems]
    assert str(refused.row.cells[0]) == "35011"
    assert [(p.problem.code, p.problem.path) for p in refused.problems] == [("MISSING", "status")]


def test_a_column_that_appears_in_the_middle_of_a_history_is_known() -> None:
    table_of_history = table("pnnl-instrument-history", "pnnl-dms/instrument_history.jsonl")
    names = {column.name for column in table_of_history.table.columns}
    assert any("service_center_eligible" in name for name in names)
    assert all(not row.problems for row in table_of_history.converted)


def test_withdrawn_institutions_are_not_offered_and_both_schemas_are_read() -> None:
    raw = [json.loads(line) for line in (DATA / ROR[1]).read_text("utf-8").splitlines()]
    assert {each["_schema"] for each in raw} == {1, 2}
    gone = {each["id"].rpartition("/")[2] for each in raw if each["status"] != "active"}
    assert len(gone) == 14
    keys = {each["institutionKey"] for each in made(*ROR)}
    assert not {f"ror:{each}" for each in gone} & keys
    assert {each["kind"] for each in made(*ROR)} >= {"UNIVERSITY", "RESEARCH_INSTITUTE"}


def test_an_institution_without_a_chinese_name_is_refused_for_that() -> None:
    codes = [p.problem.code for row in rows(*ROR) for p in row.problems]
    assert codes.count("MISSING") == 90

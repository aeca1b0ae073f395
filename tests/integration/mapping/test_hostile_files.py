"""Nothing that a file says becomes a path, a name of a sheet, a formula or the end of a verb."""

# ruff: noqa: DTZ001 - what a spreadsheet shows has no zone
from __future__ import annotations

import json
import os
import zipfile
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import quoteattr

import psycopg
import pytest
import python_calamine as calamine

from adapters.mapping import Column, RowProblem, SourceRow, Table
from hub.errors import HubError
from hub.intake.files import rejects as writing
from hub.intake.files.names import plain_sheet_name, sheet_name
from hub.intake.files.rejects import Refused, rejects_lines, rejects_workbook
from hub.intake.files.tables import read_sheets
from schema.errors import Problem
from tests.integration.mapping.test_command_line import MAPPING, register, run
from tests.unit.connectors.test_workbook import changed, hidden_sheet
from tests.workbooks import workbook_of

pytestmark = pytest.mark.integration

ROWS = [["编号", "名称", "现状", "领用人"], ["1", "电镜", "在用", "x"], ["2", "质谱", "坏", "y"]]
NAMES = (
    *("a[1]:*?/\\b", "x" * 40, "'quoted'", "History", "  ", "../../etc/passwd", "=1+1", "\x1b[31m"),
    *("[]:*?/\\", "\u202egnp", "\U0001f52c" * 20, "''''", "a\x00b", "con", "名" * 60),
)


@pytest.fixture
def folder(workplace: Path, database_url: str) -> Path:
    (workplace / "m.toml").write_text(MAPPING, "utf-8")
    register(database_url)
    return workplace


def named(sheet: str) -> bytes:
    """Return a workbook of `ROWS` whose sheet has a name that no spreadsheet program would give."""
    return changed(workbook_of({"SHEET": ROWS}), {'name="SHEET"': f"name={quoteattr(sheet)}"})


@pytest.mark.parametrize(
    "sheet", [each for each in NAMES if "\x00" not in each and "\x1b" not in each]
)
def test_a_hostile_sheet_name_does_not_lose_the_refused_rows(folder: Path, sheet: str) -> None:
    (folder / "in.xlsx").write_bytes(named(sheet))
    words = ("submit", "in.xlsx", "--mapping", "m.toml", "--rejects", "back.xlsx")
    result = run(*words)
    assert result.exit_code == 1, result.output
    assert result.output.isascii() or "\u202e" not in result.output
    (back,) = read_sheets("back.xlsx", (folder / "back.xlsx").read_bytes())
    assert [row.cells[1:3] for row in back.rows][-1] == ("2", "质谱")
    assert sorted(each.name for each in folder.iterdir()) == ["back.xlsx", "in.xlsx", "m.toml"]
    again = run("submit", "back.xlsx", "--mapping", "m.toml", "--rejects", "back.xlsx")
    assert again.exit_code == 1
    (folder / "m.toml").write_text(f"{MAPPING}\n[file]\nsheet = {json.dumps(sheet)}\n", "utf-8")
    if sheet.strip() == sheet:
        assert run("mapping", "check", "m.toml", "--file", "back.xlsx").exit_code == 1


def test_every_name_becomes_one_that_a_sheet_may_have_and_none_comes_twice() -> None:
    taken: set[str] = set()
    made = [sheet_name(each, taken) for each in (*NAMES, *NAMES, *NAMES)]
    assert len({each.casefold() for each in made}) == len(made)
    for each in made:
        assert 1 <= len(each.encode("utf-16-le")) // 2 <= 31
        assert not set("[]:*?/\\") & set(each)
        assert each.isprintable()
        assert each.strip("'") == each
        assert each.casefold() != "history"
    for plain in ("仪器", "设备台账 2026", "Instrument", "a.b-c_d (1)"):
        assert plain_sheet_name(plain) == plain


def test_whatever_a_cell_holds_the_refused_rows_are_a_workbook() -> None:
    cells = [
        *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")', "{=1}"),
        *("http://a.example/x", "\ud800", "a\x00b", "\ufffe\uffff", "_x0041_", "x" * 32_767),
        *("x" * 32_768, "\U0001f52c" * 20_000, Decimal("NaN"), Decimal("Infinity"), 10**400),
        *(Decimal("1E+999999999"), Decimal("1E-999999999"), date(1, 1, 1), datetime(1899, 1, 1)),
        *(datetime(9999, 12, 31), [1, {"a": "\udfff"}], float("nan")),
    ]
    columns = tuple(Column(at, f"={at}\ud800") for at in range(1, len(cells) + 1))
    told = [
        RowProblem(Problem("x", "CODE", f"有误 {each}\x00", "wrong\ud800", None), (at,), "x")
        for at, each in enumerate(map(repr, cells), start=1)
    ]
    rows = [SourceRow(number, tuple(cells)) for number in (1, -5, 10**400)]
    for header_row in (1, 1_048_576, 4_000_000):
        above = (SourceRow(header_row - 1, ("title",)),) if header_row > 1 else ()
        table = Table(columns, tuple(rows), "=a", header_row, above)
        refused = [Refused(row, told) for row in rows]
        for from_1904 in (False, True):
            data = rejects_workbook([(table, refused), (table, refused)], dates_1904=from_1904)
            book = calamine.CalamineWorkbook.from_filelike(BytesIO(data))
            assert len(book.sheet_names) == 2
            sheet = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
            assert len([row for row in sheet if any(cell != "" for cell in row)]) >= 4
            with zipfile.ZipFile(BytesIO(data)) as parts:
                for name in parts.namelist():
                    text = parts.read(name).decode()
                    assert "<f>" not in text
                    assert "<hyperlink" not in text
                    assert not any(c < " " and c not in "\n\r\t" for c in text)
        lines = rejects_lines([(table, refused)]).splitlines()
        assert [json.loads(line)["row"] for line in lines][:2] == [1, -5]


def test_rows_that_cannot_be_a_workbook_go_back_as_lines(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "in.xlsx").write_bytes(workbook_of({"A": ROWS}))
    monkeypatch.setattr(writing, "CELL_TEXT_MAX", "no number")
    result = run("submit", "in.xlsx", "--mapping", "m.toml", "--rejects", "back.xlsx")
    assert result.exit_code == 1
    assert "back.xlsx.jsonl" in result.output
    (line,) = (folder / "back.xlsx.jsonl").read_text().splitlines()
    row = json.loads(line)
    assert (row["sheet"], row["row"], row["cells"][:2]) == ("A", 3, ["2", "质谱"])
    assert row["problems"][0]["columns"] == ["现状"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_disk_is_said_and_the_same_command_writes_the_rows(
    folder: Path, database_url: str
) -> None:
    (folder / "in.xlsx").write_bytes(workbook_of({"A": ROWS}))
    words = ("submit", "in.xlsx", "--mapping", "m.toml", "--rejects")
    failed = run(*words, "/dev/full")
    assert isinstance(failed.exception, HubError)
    assert "same command" in failed.exception.hint
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (1,)
    assert run(*words, "back.xlsx").exit_code == 1
    assert (folder / "back.xlsx").read_bytes().startswith(b"PK")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (1,)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_is_said_before_anything_is_submitted(
    folder: Path, database_url: str
) -> None:
    (folder / "in.xlsx").write_bytes(workbook_of({"A": ROWS}))
    (folder / "locked").mkdir(mode=0o500)
    result = run("submit", "in.xlsx", "--mapping", "m.toml", "--rejects", "locked/back.xlsx")
    assert isinstance(result.exception, HubError)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (0,)


def test_a_workbook_that_hides_its_size_ends_neither_verb(folder: Path) -> None:
    (folder / "in.xlsx").write_bytes(hidden_sheet("XFD1048576"))
    for words in (
        ("submit", "in.xlsx", "--mapping", "m.toml"),
        ("submit", "in.xlsx", "--source", "some-unit"),
        ("mapping", "suggest", "in.xlsx"),
        ("mapping", "check", "m.toml", "--file", "in.xlsx"),
    ):
        result = run(*words)
        assert result.exit_code == 2, (words, result.output)
        assert "CSV" in result.output
        assert "memory" in result.output


@pytest.mark.parametrize(
    "value",
    ['"\\ud800"', '"\\u0000"', "1e999999999", "1" * 400, '"\\u202eabc"', "[[[[1]]]]", "true"],
)
def test_whatever_json_can_hold_is_refused_as_a_row_and_comes_back(
    folder: Path, value: str
) -> None:
    lines = [
        f'{{"编号": "1", "名称": {value}, "现状": "在用", "领用人": "x"}}',
        f'{{"编号": {value}, "名称": "电镜", "现状": {value}, "领用人": {value}}}',
    ]
    (folder / "in.jsonl").write_text("\n".join(lines), "utf-8")
    result = run("submit", "in.jsonl", "--mapping", "m.toml", "--rejects", "back.xlsx")
    assert result.exit_code == 1, (result.output, result.exception)
    assert isinstance(result.exception, SystemExit)
    assert (folder / "back.xlsx").read_bytes().startswith(b"PK")
    assert run("mapping", "suggest", "in.jsonl").exit_code == 0


def test_a_hostile_column_name_of_json_does_not_end_a_verb(folder: Path) -> None:
    (folder / "in.jsonl").write_text('{"\\ud800\\u001b[31m\\u0000": 1, "\\n=1": 2}', "utf-8")
    drafted = run("mapping", "suggest", "in.jsonl")
    assert drafted.exit_code == 0, drafted.exception
    checked = run("mapping", "check", "m.toml", "--file", "in.jsonl")
    assert checked.exit_code == 1, checked.exception
    for output in (drafted.output, checked.output):
        assert "\x1b" not in output

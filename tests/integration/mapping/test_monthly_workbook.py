"""The published monthly workbook as a person uses it: filled in, sent, corrected, sent again."""

from __future__ import annotations

import io
import shlex
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import python_calamine as calamine
from typer.testing import CliRunner

import schema
from adapters.mapping.table import ROW_NUMBER_COLUMN
from hub.cli.main import assemble
from tests.integration.mapping.test_command_line import folder, register, run
from tests.workbooks import workbook_of

pytestmark = pytest.mark.integration
__all__ = ["folder"]

ROOT = Path(__file__).parents[3]
QUICK_START = ROOT / "docs" / "partners" / "quickstart.md"
PUBLISHED = Path(schema.__file__).parent / "published" / "monthly_workbook.xlsx"
Sheets = dict[str, list[list[Any]]]
KEY = "uscc:12100000470095016Q"
INSTRUMENTS: list[dict[str, Any]] = [
    {
        "institutionKey": KEY,
        "localNo": 20210001,
        "name.zh": "扫描电子显微镜",
        "status": "在用",
        "classes": "GB/T 32847-2016:010102; GB/T 32847-2016:010101",
        "originalValue.amount": 3265000.5,
        "originalValue.currency": "CNY",
    },
    {"institutionKey": KEY, "localNo": "A-2", "name.zh": "质谱仪", "status": "坏了"},
    {"institutionKey": KEY, "localNo": "A-3", "name.zh": "", "status": "3"},
]
OCCUPANCIES: list[dict[str, Any]] = [
    {
        "instrumentKey": f"{KEY}/20210001",
        "localId": "1",
        "kind": "维护",
        "certainty": "已确定",
        "startAt": datetime(2026, 11, 2, 9),  # noqa: DTZ001 - what a person types
        "endAt": "2026-11-02 17:00",
    }
]


def opened(data: bytes) -> Sheets:
    book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    return {
        name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for name in book.sheet_names
    }


def saved(sheets: Sheets) -> bytes:
    return workbook_of(sheets, moment="yyyy-mm-dd hh:mm")


def fill(sheets: Sheets, name: str, records: list[dict[str, Any]]) -> None:
    names = sheets[name][1]
    for record in records:
        assert set(record) <= set(names)
        sheets[name].append([record.get(each) for each in names])


def comments(data: bytes) -> dict[str, str]:
    """Return the comments of a workbook's sheets, the first sheet's first."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {
            name: archive.read(name).decode()
            for name in sorted(archive.namelist())
            if "comments" in name
        }


def filled() -> Sheets:
    sheets = opened(PUBLISHED.read_bytes())
    fill(sheets, "Instrument", INSTRUMENTS)
    fill(sheets, "Occupancy", OCCUPANCIES)
    return sheets


@pytest.fixture
def desk(folder: Path, database_url: str) -> Path:
    register(database_url)
    (folder / "十一月.xlsx").write_bytes(saved(filled()))
    return folder


def send(*words: str) -> Any:
    return run("submit", *words, "--source", "some-unit")


def count(database_url: str, table: str) -> int:
    with psycopg.connect(database_url) as connection:
        ((number,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(number)


def test_the_template_is_filled_in_submitted_corrected_and_sent_again(
    desk: Path, database_url: str
) -> None:
    tried = send("十一月.xlsx", "--dry-run", "--rejects", "退回.xlsx")
    assert tried.exit_code == 1
    assert count(database_url, "entry") == 0
    result = send("十一月.xlsx", "--rejects", "退回.xlsx")
    assert result.exit_code == 1
    assert "读取 sheets read: Instrument、Occupancy" in result.output
    assert "未读取 left alone: 说明" in result.output
    assert "UsageRecord" in result.output.split("没有数据行 without rows: ")[1].splitlines()[0]
    assert count(database_url, "entry") == 2
    assert count(database_url, "quarantine") == 2
    with psycopg.connect(database_url) as connection:
        ((channel,),) = connection.execute("SELECT DISTINCT channel FROM entry").fetchall()
    assert channel == "WORKBOOK"

    data = (desk / "退回.xlsx").read_bytes()
    back = opened(data)
    assert list(back) == ["Instrument"]
    titles, names, *rows = back["Instrument"]
    template = opened(PUBLISHED.read_bytes())["Instrument"]
    assert titles[1:] == template[0]
    assert names == [ROW_NUMBER_COLUMN, *template[1]]
    assert [row[0] for row in rows] == [4, 5]
    (told,) = comments(data).values()
    status, name = (names.index(each) for each in ("status", "name.zh"))
    assert f'ref="{chr(ord("A") + status)}3"' in told
    assert f'ref="{chr(ord("A") + name)}4"' in told
    assert "代码必须是其中之一" in told

    rows[0][status], rows[1][name] = "待修", "离心机"
    (desk / "改正.xlsx").write_bytes(saved(back))
    done = send("改正.xlsx", "--rejects", "无.xlsx")
    assert done.exit_code == 0, done.output
    assert not (desk / "无.xlsx").exists()
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT local_no, status, name ->> 'zh' FROM instrument ORDER BY local_no"
        ).fetchall()
    assert found == [
        ("20210001", "IN_SERVICE", "扫描电子显微镜"),
        ("A-2", "AWAITING_REPAIR", "质谱仪"),
        ("A-3", "AWAITING_REPAIR", "离心机"),
    ]


def test_the_quick_start_works_as_it_is_written(folder: Path) -> None:
    (folder / "monthly_workbook.xlsx").write_bytes(saved(filled()))
    lines = QUICK_START.read_text("utf-8").splitlines()
    # What a producer types itself is tried before a hub that runs: app/test_client_submit.py.
    own = ("deltahub source", "deltahub submit")
    commands = [line for line in lines if "my-university" in line and line.startswith(own)]
    assert [line.split()[1] for line in commands] == ["source", "submit", "submit"]
    outputs = []
    for line in commands:
        result = CliRunner().invoke(assemble(), shlex.split(line)[1:])
        assert result.exit_code == (1 if "submit" in line else 0), result.output
        outputs.append(result.output.splitlines())
    shown = next(i for i, line in enumerate(lines) if "monthly workbook" in line and "·" in line)
    promised = lines[shown : lines.index("...", shown)]
    assert outputs[-1][: len(promised)] == promised
    assert outputs[-1][-1] == "退回的行 refused rows: 退回.xlsx"
    assert (folder / "退回.xlsx").exists()


def test_a_sheet_with_a_wrong_header_comes_back_whole_with_its_header_marked(
    desk: Path, database_url: str
) -> None:
    sheets = filled()
    names = sheets["Occupancy"][1]
    names[names.index("kind")] = "颜色"
    (desk / "十一月.xlsx").write_bytes(saved(sheets))
    result = send("十一月.xlsx", "--rejects", "退回.xlsx")
    assert result.exit_code == 1
    assert "COLUMN_UNKNOWN" in result.output
    assert "COLUMN_MISSING" in result.output
    data = (desk / "退回.xlsx").read_bytes()
    back = opened(data)
    assert list(back) == ["Instrument", "Occupancy"]
    told = list(comments(data).values())[1]
    assert f'ref="{chr(ord("A") + names.index("颜色") + 1)}2"' in told
    assert 'ref="A2"' in told
    assert "kind: 缺少必填列" in told
    before = count(database_url, "entry")

    again = back["Occupancy"]
    again[1][again[1].index("颜色")] = "kind"
    (desk / "改正.xlsx").write_bytes(saved({"Occupancy": again}))
    done = send("改正.xlsx")
    assert done.exit_code == 0, done.output
    assert count(database_url, "entry") == before + 1


def test_a_csv_file_of_the_template_goes_in_and_comes_back_by_the_same_road(
    desk: Path, database_url: str
) -> None:
    names = ["institutionKey", "localNo", "name.zh", "status"]
    lines = [",".join(names), f"{KEY},1,电镜,在用", f"{KEY},2,质谱,坏了"]
    (desk / "仪器.csv").write_text("\n".join(lines), "gb18030")
    result = send("仪器.csv", "--rejects", "退回.xlsx")
    assert result.exit_code == 1
    assert "读取 sheets read: Instrument\n" in result.output
    assert count(database_url, "entry") == 1
    back = opened((desk / "退回.xlsx").read_bytes())
    (row,) = back["Instrument"][1:]
    row[back["Instrument"][0].index("status")] = "在用"
    (desk / "改正.xlsx").write_bytes(saved(back))
    assert send("改正.xlsx").exit_code == 0
    assert count(database_url, "entry") == 2


def test_a_file_that_is_no_monthly_workbook_is_told_what_to_do_before_anything_is_opened(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    result = send("台账.csv")
    assert result.exit_code == 1
    assert "/standard/monthly_workbook.xlsx" in result.output
    assert "deltahub mapping suggest" in result.output


def test_an_empty_template_says_that_nothing_was_submitted(desk: Path, database_url: str) -> None:
    (desk / "空.xlsx").write_bytes(PUBLISHED.read_bytes())
    result = send("空.xlsx")
    assert result.exit_code == 0
    assert "读取 sheets read: —" in result.output
    assert count(database_url, "entry") == 0


def test_a_monthly_workbook_does_not_say_whose_it_is(desk: Path) -> None:
    result = run("submit", "十一月.xlsx")
    assert "--source" in getattr(result.exception, "hint", "")

"""A file of any length is one command: nothing depends on where a part of it ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from connectors.tables import read_table
from tests.integration.mapping.test_command_line import app, register
from tests.workbooks import workbook_of

pytestmark = pytest.mark.integration
MAPPING = """
title = "台账"
source = "some-unit"
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "moe:10335"
[record.items]
localNo = "编号"
name.zh = "名称"
status = "现状"
model = "型号"
originalValue = { column = "原值", unit = "元", currency = "CNY" }
[[leave_out]]
column = "编号"
is = ["x"]
reason = "不报"
"""
HEAD = ("编号", "名称", "现状", "型号", "原值")
Row = tuple[str, str, str, str, str]


@pytest.fixture
def folder(workplace: Path, database_url: str) -> Path:
    (workplace / "m.toml").write_text(MAPPING, "utf-8")
    register(database_url)
    return workplace


def rows_of(count: int) -> list[Row]:
    """Return rows, some of them with a line break, a quotation mark, a delimiter, an empty cell."""
    nasty = ("SU8010", 'HF "2"', "a,b;c\td|e", "上\n下", "")
    return [(f"{n}", f"电镜{n}", "在用", nasty[n % 5], f"{n}000.50") for n in range(1, count + 1)]


def csv_of(rows: Sequence[Row], delimiter: str = ",") -> str:
    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    return "\r\n".join(delimiter.join(map(quoted, row)) for row in (HEAD, *rows)) + "\r\n"


def run(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, (done.output, done.exception)
    return done


def submit(name: str, *words: str, part_rows: int = 7, code: int = 0) -> Result:
    return run(
        "submit", name, "--mapping", "m.toml", "--part-rows", str(part_rows), *words, code=code
    )


def figures(result: Result) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in result.output.splitlines():
        words = line.split()
        numbers = [word for word in words if word.isdigit()]
        if numbers and len(words) > 1:
            found.setdefault(words[1], int(numbers[0]))
    return found


def models(url: str) -> dict[str, str | None]:
    with psycopg.connect(url) as connection:
        return dict(connection.execute("SELECT local_no, model FROM instrument").fetchall())


def entries(url: str) -> int:
    with psycopg.connect(url) as connection:
        (row,) = connection.execute("SELECT count(*) FROM entry").fetchall()
    return int(row[0])


WRITTEN = {
    "utf-8.csv": lambda rows: csv_of(rows).encode(),
    "bom.csv": lambda rows: csv_of(rows).encode("utf-8-sig"),
    "gbk.csv": lambda rows: csv_of(rows).encode("gb18030"),
    "utf-16.csv": lambda rows: csv_of(rows).encode("utf-16"),
    "semicolon.csv": lambda rows: csv_of(rows, ";").encode(),
    "tab.tsv": lambda rows: csv_of(rows, "\t").encode(),
    "lines.ndjson": lambda rows: "\n".join(
        json.dumps({k: v for k, v in zip(HEAD, row, strict=True) if v}, ensure_ascii=False)
        for row in rows
    ).encode(),
    "list.json": lambda rows: json.dumps(
        [dict(zip(HEAD, row, strict=True)) for row in rows], indent=1
    ).encode(),
    "book.xlsx": lambda rows: workbook_of({"台账": [HEAD, *rows], "说明": [["其他"]]}),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_in_parts_becomes_what_it_becomes_whole(
    folder: Path, database_url: str, name: str
) -> None:
    rows = rows_of(23)
    (folder / name).write_bytes(WRITTEN[name](rows))
    told = submit(name)
    assert "分 4 部分提交" in told.output
    assert figures(told)["accepted"] == 23
    expected = {row[0]: " ".join(row[3].split()) or None for row in rows}
    assert models(database_url) == expected
    again = submit(name)
    assert "其中 4 部分此前已提交" in again.output
    assert entries(database_url) == 23


def test_every_row_is_accounted_for_and_refused_ones_come_back_with_their_own_numbers(
    folder: Path, database_url: str
) -> None:
    rows = rows_of(40)
    for number in (3, 19, 38):
        rows[number - 1] = (f"{number}", "电镜", "坏了", "", "350000")
    rows[10] = ("x", "不报", "在用", "", "")
    rows[25] = rows[4]
    (folder / "台账.csv").write_text(csv_of(rows), "utf-8")
    dry = submit("台账.csv", "--dry-run", code=1)
    assert ("试运行 dry run" in dry.output, entries(database_url)) == (True, 0)
    told = submit("台账.csv", "--rejects", "back.xlsx", "--progress", code=1)
    counts = figures(told)
    assert (counts["rows"], counts["left"]) == (40, 1)
    assert (counts["accepted"], counts["duplicate"], counts["quarantined"]) == (35, 1, 3)
    assert "40 / 40 行 rows · 100 %" in told.stderr
    back = [row.cells for row in read_table("back", (folder / "back.xlsx").read_bytes())]
    assert [row[0] for row in back] == ["原行号 original row", 4, 20, 39]
    corrected = [
        ("原行号 original row", *HEAD),
        *((row[0], row[1], "电镜", "在用", "", "350000") for row in back[1:]),
    ]
    (folder / "back.xlsx").write_bytes(workbook_of({"rows": corrected}))
    fixed = run("submit", "back.xlsx", "--mapping", "m.toml")
    assert figures(fixed)["accepted"] == 3


def test_a_key_that_stands_in_another_part_with_other_content_is_refused_as_in_a_whole_file(
    folder: Path, database_url: str
) -> None:
    rows = rows_of(30)
    rows[2] = ("3", "电镜", "坏了", "", "350000")
    rows[20] = ("3", "电镜三", "在用", "M3", "350000")  # the first with this key that can be read
    rows[28] = ("5", "另一台", "在用", "M5", "350000")
    rows[29] = ("3", "又一台", "在用", "M3", "350000")
    (folder / "台账.csv").write_text(csv_of(rows), "utf-8")
    told = submit("台账.csv", "--rejects", "back.xlsx", code=1)
    assert "KEY_REPEATED" in told.output
    back = [row.cells[0] for row in read_table("back", (folder / "back.xlsx").read_bytes())]
    assert sorted(back[1:]) == [4, 30, 31]
    assert models(database_url)["3"] == "M3"
    with psycopg.connect(database_url) as connection:
        revisions = connection.execute("SELECT count(*) FROM entry WHERE revision > 1").fetchall()
    assert revisions == [(0,)]
    (folder / "m.toml").write_text('same_key = "revise"\n' + MAPPING, "utf-8")
    assert figures(submit("台账.csv", code=1))["quarantined"] == 1


def test_a_unit_is_judged_over_the_whole_file_wherever_its_parts_end(
    folder: Path, database_url: str
) -> None:
    rows = [(f"{n}", "电镜", "在用", "", f"{n}00000000000") for n in range(1, 31)]
    (folder / "台账.csv").write_text(csv_of(rows), "utf-8")
    told = submit("台账.csv", part_rows=2, code=1)
    assert "至少约" in told.output
    assert entries(database_url) == 0
    # A part that would be doubted alone is not, where the file as a whole is believed.
    rows = [*rows[:6], *((f"{n}", "电镜", "在用", "", "350000") for n in range(31, 60))]
    (folder / "台账.csv").write_text(csv_of(rows), "utf-8")
    assert figures(submit("台账.csv", part_rows=3))["accepted"] == len(rows)


def test_a_column_that_only_some_parts_fill_is_there_in_all_of_them(
    folder: Path, database_url: str
) -> None:
    (folder / "m.toml").write_text(
        MAPPING.replace('"型号"', '"更多.型号"').replace('"原值"', '"#4"'), "utf-8"
    )
    lines = [{"编号": str(n), "名称": "电镜", "现状": "在用"} for n in range(1, 20)]
    lines[17] |= {"更多": {"型号": "SU"}}
    lines[0]["价"] = 1000.5
    (folder / "x.ndjson").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    assert figures(submit("x.ndjson"))["accepted"] == 19
    assert models(database_url)["18"] == "SU"

    (folder / "m.toml").write_text(MAPPING.replace('"型号"', '"#4"'), "utf-8")
    rows = [f"{n},电镜,在用,{'SU' if n > 115 else ''},1000" for n in range(100, 120)]
    (folder / "x.csv").write_text("编号,名称,现状,,原值\n" + "\n".join(rows) + "\n", "utf-8")
    assert figures(submit("x.csv"))["accepted"] == 20
    assert models(database_url)["117"] == "SU"
    (folder / "m.toml").write_text(MAPPING.replace('model = "型号"\n', ""), "utf-8")
    told = submit("x.csv", code=1)
    assert "D 列“#4”未在映射中说明" in told.output


def test_a_line_that_is_no_row_costs_only_itself(folder: Path, database_url: str) -> None:
    lines = csv_of(rows_of(30)).splitlines(keepends=True)
    lines.insert(8, '"open,电镜,在用,"",1\r\n')
    (folder / "x.csv").write_text("".join(lines), "utf-8")
    told = submit("x.csv", "--rejects", "back.xlsx", code=1)
    assert figures(told)["accepted"] == 30
    assert "NOT_CELLS" in told.output
    objects = WRITTEN["lines.ndjson"](rows_of(30)).decode().split("\n")
    objects[11] = '{"编号": "12", '
    (folder / "y.ndjson").write_text("\n".join(objects), "utf-8")
    told = submit("y.ndjson", code=1)
    assert (figures(told)["duplicate"], figures(told)["quarantined"]) == (29, 1)


def test_a_monthly_table_goes_in_parts_without_a_mapping(folder: Path, database_url: str) -> None:
    head = ["institutionKey", "localNo", "name.zh", "status"]
    rows = [["moe:10335", f"{n}", "电镜", "在用"] for n in range(1, 31)]
    title = ["单位", "编号", "名称", "状况"]
    (folder / "月报.csv").write_text(
        "\n".join(",".join(row) for row in [title, head, *rows]), "utf-8"
    )
    book = workbook_of(
        {"Instrument": [title, head, *rows], "说明": [["请填写"]], "Centre": [title]}
    )
    (folder / "月报.xlsx").write_bytes(book)
    words = ("--source", "some-unit", "--part-rows", "7")
    assert figures(run("submit", "月报.csv", *words))["accepted"] == 30
    told = run("submit", "月报.xlsx", *words, code=1)
    assert figures(told)["duplicate"] == 30
    assert "HEADER_UNKNOWN" in told.output, "the sheet Centre has no names of items"
    without = CliRunner().invoke(app, ["submit", "月报.csv", "--part-rows", "7"])
    assert "--source" in without.exception.hint  # type: ignore[union-attr]


def test_what_cannot_be_read_is_said_before_anything_is_sent(
    folder: Path, database_url: str
) -> None:
    (folder / "a.json").write_text("[" + '{"编号": "1"},' * 30 + "]", "utf-8")
    assert "第 30 条之后" in submit("a.json", code=2).output
    (folder / "b.csv").write_bytes(csv_of(rows_of(9)).encode() + b"\xff\xfe\xff\n")
    assert "不是 UTF-8" in submit("b.csv", code=2).output
    (folder / "c.csv").write_bytes(b"")
    assert submit("c.csv", code=2).output
    (folder / "d.csv").write_text("编号,名称\n1,2\n", "utf-8")
    assert "文件中没有列“现状”" in submit("d.csv", code=1).output
    (folder / "e.csv").write_text("编号,名称,现状,型号,原值\n", "utf-8")
    told = submit("e.csv", code=2)
    assert "没有数据行" in told.output
    assert entries(database_url) == 0

"""A school's SJ1 goes in as its clerk sends it, whole or in parts; what is bad comes back."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.fixed_width import fixed_width_bytes
from tests.integration.mapping.test_command_line import register
from tests.integration.mapping.test_large_files import entries, figures, run

pytestmark = pytest.mark.integration
NAME = "SJ110335.TXT"


def row(number: int) -> list[str]:
    price = "1,000" if number == 5 else f"{number}00000.00"
    return ["10335", f"2019{number:04}", "03030200", f"透射电镜{number}号", "*", "*", "1", "000",
            price, "201906", "1", "9", "0801", "材料学院"]  # fmt: skip


@pytest.fixture
def folder(workplace: Path, database_url: str) -> Path:
    data = fixed_width_bytes(NAME, [row(number) for number in range(1, 10)])
    lines = data.splitlines(keepends=True)
    lines[2] = lines[2].rstrip() + b"\r\n"
    (workplace / NAME).write_bytes(b"".join(lines) + b"\x1a")
    register(database_url)
    return workplace


@pytest.mark.parametrize("words", [(), ("--part-rows", "4")], ids=["whole", "in parts"])
def test_rows_of_a_school_go_in_and_bad_ones_come_back_with_their_place(
    folder: Path, database_url: str, words: tuple[str, ...]
) -> None:
    ask = ("submit", NAME, "--source", "some-unit", "--rejects", "back.xlsx", *words)
    done = run(*ask, code=1)
    shown = figures(done)
    assert (shown["rows"], shown["accepted"], shown["quarantined"]) == (9, 7, 2), done.output
    assert "WIDTH_WRONG" in done.output or "字节" in done.output
    assert "monthly" not in done.output
    with psycopg.connect(database_url) as connection:
        found = dict(
            connection.execute(
                "SELECT local_no, accepted_on || ' ' || (original_value->>'amount') "
                "FROM instrument ORDER BY 1"
            ).fetchall()
        )
    assert len(found) == 7
    assert found["20190001"] == "2019-06 100000"
    assert entries(database_url) == 7
    again = run(*ask, code=1)
    assert figures(again)["rows"] == 9
    assert entries(database_url) == 7
    returned = run("submit", "back.xlsx", "--source", "some-unit", code=1)
    assert figures(returned)["quarantined"] == 2


def test_a_name_alone_makes_no_table_of_a_file_in_utf_8(folder: Path) -> None:
    text = (folder / NAME).read_bytes().removesuffix(b"\x1a").decode("gbk")
    (folder / NAME).write_text(text, "utf-8")
    for words in ((), ("--part-rows", "4")):
        done = run("submit", NAME, "--source", "some-unit", *words, code=2)
        assert "UTF-8" in done.output

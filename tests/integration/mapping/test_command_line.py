"""`deltahub submit` and `deltahub mapping` as a clerk uses them."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
import typer
from typer.testing import CliRunner, Result

from hub.cli import mapping as mapping_verbs
from hub.cli.submit import submit
from hub.errors import ErrorCode, HubError, RefusedError
from tests.integration.mapping.conftest import NOW

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
[drop]
"领用人" = "姓名"
"""
LEDGER = "编号,名称,现状,领用人\n1,电镜,在用,张三\n2,质谱,坏,李四\n1,电镜,在用,王五\n"

app = typer.Typer()
app.command("submit")(submit)
app.add_typer(mapping_verbs.app, name="mapping")


@pytest.fixture
def folder(workplace: Path) -> Path:
    (workplace / "m.toml").write_text(MAPPING, "utf-8-sig")
    (workplace / "台账.csv").write_text(LEDGER, "gb18030")
    return workplace


def register(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO source (source_id, title, mode, authority, created_at) "
            "VALUES ('some-unit', 'x', 'PUSH', 'platform:some/unit', %s)",
            (NOW,),
        )


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def figures(result: Result) -> dict[str, int]:
    found = {}
    for line in result.output.splitlines():
        words = line.split()
        numbers = [word for word in words if word.isdigit()]
        if numbers:
            found[words[1] if words[0] != "记录" else words[2]] = int(numbers[0])
    return found


def test_a_file_goes_in_and_its_refused_rows_come_back(folder: Path, database_url: str) -> None:
    register(database_url)
    tried = run("submit", "台账.csv", "--mapping", "m.toml", "--dry-run")
    assert tried.exit_code == 1
    assert "试运行 dry run" in tried.output
    result = run("submit", "台账.csv", "--mapping", "m.toml", "--rejects", "back.xlsx")
    assert result.exit_code == 1
    told = figures(result)
    assert (told["rows"], told["accepted"], told["duplicate"], told["quarantined"]) == (3, 1, 1, 1)
    assert "CODE_UNKNOWN" in result.output
    assert "gb18030" in result.output
    assert (folder / "back.xlsx").read_bytes().startswith(b"PK")
    with psycopg.connect(database_url) as connection:
        (row,) = connection.execute("SELECT count(*), max(channel) FROM entry").fetchall()
    assert row == (1, "FILE")


def test_a_mapping_that_does_not_fit_is_told_in_words_before_anything_is_opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    (folder / "m.toml").write_text(MAPPING.replace("现状", "状况"), "utf-8")
    result = run("submit", "台账.csv", "--mapping", "m.toml")
    assert result.exit_code == 1
    assert "第 11 行 line 11" in result.output
    assert "文件中没有列“状况”" in result.output
    assert "C 列“现状”未在映射中说明" in result.output


def test_a_source_that_nobody_registered_is_refused(folder: Path) -> None:
    result = run("submit", "台账.csv", "--mapping", "m.toml")
    assert isinstance(result.exception, RefusedError)
    assert result.exception.code is ErrorCode.SOURCE_UNKNOWN


def test_a_source_must_be_named_somewhere(folder: Path) -> None:
    (folder / "m.toml").write_text(MAPPING.replace('source = "some-unit"', ""), "utf-8")
    result = run("submit", "台账.csv", "--mapping", "m.toml")
    assert isinstance(result.exception, RefusedError)
    assert "--source" in result.exception.hint


def test_a_draft_is_printed_and_a_mapping_is_checked_without_a_database(folder: Path) -> None:
    draft = run("mapping", "suggest", "台账.csv")
    assert draft.exit_code == 0
    assert 'type = "Instrument"' in draft.output
    assert run("mapping", "check", "m.toml").exit_code == 0
    checked = run("mapping", "check", "m.toml", "--file", "台账.csv")
    assert checked.exit_code == 1
    assert "3 行 rows: 1 有问题" in checked.output


def test_a_file_that_is_no_table_is_told_so(folder: Path) -> None:
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    result = run("submit", "picture.png", "--mapping", "m.toml")
    assert result.exit_code == 2
    assert "neither a workbook nor text" in result.output


@pytest.mark.parametrize("name", ["台账.csv", "m.toml", "nowhere/back.xlsx", "."])
def test_refused_rows_are_never_written_over_what_was_sent(folder: Path, name: str) -> None:
    before = (folder / "台账.csv").read_bytes()
    result = run("submit", "台账.csv", "--mapping", "m.toml", "--rejects", name)
    assert isinstance(result.exception, HubError)
    assert (folder / "台账.csv").read_bytes() == before

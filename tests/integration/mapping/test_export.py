"""What an institution's instruments say in public goes out to catalogues, and nothing else."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from adapters.catalogue.pidinst_xml import pidinst_from_xml
from hub.cli import export
from hub.cli.submit import submit
from tests.integration.mapping.test_command_line import register

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
manufacturer = "厂家"
functions = "功能"
bookingUrl = "网址"
serialNo = "出厂号"
originalValue = { column = "原值", unit = "元", currency = "CNY" }
"""
LEDGER = (
    "编号,名称,现状,厂家,功能,网址,出厂号,原值\n"
    "A1,电镜,在用,日本电子,形貌分析,https://a.example/1,SN-77,5600000\n"
    "A2,质谱,在用,,成分分析,https://a.example/2,SN-78,560000\n"
    "A3,光谱,在用,岛津,,,SN-79,460000\n"
)
app = typer.Typer()
app.command("submit")(submit)
app.add_typer(export.app, name="export")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def folder(workplace: Path, database_url: str) -> Path:
    (workplace / "m.toml").write_text(MAPPING, "utf-8")
    (workplace / "t.csv").write_text(LEDGER, "utf-8")
    register(database_url)
    done = run("submit", "t.csv", "--mapping", "m.toml")
    assert done.exit_code == 0, done.output
    return workplace


def test_public_items_go_out_and_what_is_missing_is_told(folder: Path) -> None:
    done = run("export", "pidinst", "moe:10335", "pid")
    assert done.exit_code == 1
    assert "moe:10335/A2" in done.output
    assert "manufacturer" in done.output
    assert "homepageUrl" in done.output
    (file,) = (folder / "pid").iterdir()
    document = json.loads(file.read_text("utf-8"))
    assert document["name"] == "电镜"
    assert document["owners"][0]["ownerIdentifier"]["ownerIdentifierType"] == "MOE"
    assert "SN-77" not in file.read_text("utf-8")
    assert "5600000" not in file.read_text("utf-8")

    assert run("export", "pidinst", "moe:10335", "xml", "--xml").exit_code == 1
    (as_xml,) = (folder / "xml").iterdir()
    assert pidinst_from_xml(as_xml.read_bytes()) == document

    table = run("export", "uniquip", "moe:10335", "u.csv")
    assert table.exit_code == 1
    with (folder / "u.csv").open(encoding="utf-8", newline="") as opened:
        (row,) = csv.DictReader(opened)
    assert (row["institutionID"], row["manufacturer"]) == ("A1", "日本电子")


def test_an_institution_that_nobody_knows_has_no_instruments(folder: Path) -> None:
    done = run("export", "uniquip", "moe:10336", "none.csv")
    assert done.exit_code == 0
    assert (folder / "none.csv").read_text("utf-8").count("\n") == 1


def test_what_went_out_comes_in_again_for_whom_it_is_said(folder: Path) -> None:
    run("export", "pidinst", "moe:10335", "pid")
    run("export", "uniquip", "moe:10335", "u.csv")
    (document,) = (folder / "pid").iterdir()
    said = ("--source", "some-unit", "--institution", "moe:10335")
    for file in (str(document), "u.csv"):
        unsaid = run("submit", file, *said[:2])
        assert unsaid.exit_code == 2 or unsaid.exception is not None
        done = run("submit", file, *said, "--dry-run")
        assert done.exit_code == 0, done.output
        assert "Instrument" in done.output
    taken = run("submit", "u.csv", *said)
    assert taken.exit_code == 0, taken.output
    text = (folder / "u.csv").read_text("utf-8").replace("A1", "A/1")
    (folder / "bad.csv").write_text(text, "utf-8", newline="")
    refused = run("submit", "bad.csv", *said, "--rejects", "back.xlsx")
    assert refused.exit_code == 1
    assert (folder / "back.xlsx").exists()

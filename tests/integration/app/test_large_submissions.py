"""`deltahub client submit` of a file that goes in parts: killed, broken off, and given again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from hub.cli.main import assemble
from hub.demo.records import SOURCE
from tests.integration.app.test_client_submit import UNIVERSITY, folder, submit

__all__ = ["folder"]
pytestmark = pytest.mark.integration
ROWS = 1_200
PART = 100
WAIT_S = 60.0
MAPPING = f"""
title = "台账"
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "{UNIVERSITY}"
status = "IN_SERVICE"
[record.items]
localNo = "编号"
name.zh = "名称"
"""


def entries(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM entry WHERE record_type = 'Instrument'")
        return int(found.fetchall()[0][0])


def test_a_client_that_was_killed_goes_on_and_writes_nothing_twice(
    folder: Path,
    database_url: str,
) -> None:
    before = entries(database_url)
    (folder / "m.toml").write_text(MAPPING, "utf-8")
    lines = [f"L{n},电镜{n}" for n in range(ROWS)]
    lines[799] = ","
    lines[800] = "L800,"
    (folder / "台账.csv").write_text("编号,名称\n" + "\n".join(lines) + "\n", "utf-8")
    words = ["client", "submit", "--as", str(folder / "profile.toml"), "--source", SOURCE]
    words += [str(folder / "台账.csv"), "--mapping", str(folder / "m.toml")]
    parts = ["--part-rows", str(PART)]
    killed = subprocess.Popen(
        [sys.executable, "-c", "from hub.cli.main import main; main()", *words, *parts],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    ends = time.monotonic() + WAIT_S
    while entries(database_url) == before and time.monotonic() < ends and killed.poll() is None:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    written = entries(database_url) - before
    assert 0 < written < ROWS - 1, "it was killed in the middle"

    back = folder / "back.xlsx"
    told = submit(
        folder, folder / "台账.csv", "--mapping", "m", *parts, "--rejects", str(back), "--progress"
    )
    assert told.exit_code == 1, told.output
    assert "此前已提交 in already" in told.stderr
    assert f"{ROWS - 1:,} / {ROWS - 1:,} 行 rows" in told.stderr
    assert entries(database_url) - before == ROWS - 2
    assert f"accepted                    {ROWS - 2}" in told.output, "answers of then are counted"
    assert back.exists()
    again = submit(folder, folder / "台账.csv", "--mapping", "m", *parts)
    assert "12 部分此前已提交" in again.output
    assert entries(database_url) - before == ROWS - 2


def test_a_long_file_is_cut_without_being_asked(folder: Path, database_url: str) -> None:
    (folder / "m.toml").write_text(MAPPING, "utf-8")
    lines = "\n".join(f"L{n},电镜" for n in range(300)) + "\n" * 50_002
    (folder / "台账.csv").write_text(f"编号,名称\n{lines}", "gb18030")
    told = submit(folder, folder / "台账.csv", "--mapping", str(folder / "m.toml"), "--dry-run")
    assert told.exit_code == 0, told.output
    assert "分 1 部分提交" in told.output
    assert "accepted                     300" in told.output
    assert "encoding gb18030" in told.output
    unknown = submit(folder, folder / "台账.csv", "--mapping", "nothing")
    assert (unknown.exit_code, "MAPPING_UNKNOWN" in unknown.output) == (2, True)
    wrong = MAPPING.replace('name.zh = "名称"', 'name.zh = "名字"')
    (folder / "m.toml").write_text(wrong, "utf-8")
    told = submit(folder, folder / "台账.csv", "--mapping", str(folder / "m.toml"))
    assert (told.exit_code, "文件中没有列“名字”" in told.output) == (1, True), told.output


def push(folder: Path, file: Path, *more: str) -> Result:
    profile = str(folder / "profile.toml")
    words = ["client", "push", "--as", profile, "--source", SOURCE, str(file), *more]
    return CliRunner().invoke(assemble("client"), words)


def test_a_push_of_any_length_is_one_command_and_a_bad_line_costs_only_itself(
    folder: Path, database_url: str
) -> None:
    before = entries(database_url)
    record = {"institutionKey": UNIVERSITY, "name": {"zh": "电镜"}, "status": "IN_SERVICE"}
    rows = [
        json.dumps({"type": "Instrument", "record": {**record, "localNo": f"P{n}"}})
        for n in range(60)
    ]
    rows[17] = '{"type": "Instrument", '
    rows[42] = rows[42].replace("IN_SERVICE", "坏了")
    file = folder / "rows.ndjson"
    file.write_text("\n".join(rows[:30]), "utf-8")
    batches = ("--batch-rows", "10", "--progress")
    assert push(folder, file, *batches).exit_code == 1
    file.write_text("\n".join(rows), "utf-8")
    pushed = push(folder, file, *batches)
    told = json.loads(pushed.stdout)
    assert pushed.exit_code == 1
    assert (told["batches"], told["batchesInAlready"], told["linesNotSent"]) == (6, 3, 1)
    assert told["counts"]["quarantined"] == 1
    assert [row["line"] for row in told["rows"]] == [43]
    assert "第 18 行" in pushed.stderr
    assert "60 行 rows" in pushed.stderr
    assert entries(database_url) - before == 58
    for again in (push(folder, file, *batches), push(folder, file, *batches, "--sign")):
        assert again.exit_code == 1, again.output
        assert entries(database_url) - before in (58, 58 * 2), "a signature is a stronger proof"
    file.write_text("x\n", "utf-8")
    nothing = push(folder, file)
    assert (nothing.exit_code, "第 1 行" in nothing.output) == (2, True), nothing.output

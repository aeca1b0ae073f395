"""`python -m bench.large`: a file of a million rows as one command, and what both ends hold.

    python -m bench.large --rows 1000000 --form csv

It writes a table of twelve columns, serves a hub on the benchmark's PostgreSQL, and runs `deltahub
client submit` on it as a process of its own. Prints seconds, rows a second, and the most memory that
the client, its reader of workbooks, and the hub held (`docs/operators/files.md` has the figures).
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import xlsxwriter

from bench.partners import Partner, register
from bench.place import (
    ROOT,
    TOOLS,
    drop_database,
    fresh_database,
    postgres,
    register_platform,
    serving,
)
from hub.client.profile import Profile
from hub.clock import system_clock
from hub.store.database import Database

SOURCE = "bench-files"
HEAD = (
    "编号",
    "名称",
    "型号",
    "厂家",
    "原值",
    "验收日期",
    "状况",
    "地点",
    "功能",
    "指标",
    "序列号",
    "备注",
)
REFUSED_EVERY = 1_000
"""One row in so many has a state that nobody knows."""


def mapping(party: str) -> str:
    """Return the mapping of the table."""
    return f"""
title = "台账"
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "{party}"
[record.items]
localNo = "编号"
name.zh = "名称"
model = "型号"
manufacturer = "厂家"
originalValue = {{ column = "原值", unit = "万元", currency = "CNY" }}
acceptedOn = "验收日期"
status = "状况"
place.address = "地点"
functions = "功能"
specification = "指标"
serialNo = "序列号"
[ignore]
"备注" = "内部说明"
"""


def rows_of(count: int) -> Iterator[tuple[str, ...]]:
    """Yield rows; one in `REFUSED_EVERY` is refused."""
    for n in range(count):
        state = "坏了" if n % REFUSED_EVERY == REFUSED_EVERY - 1 else "在用"
        day = f"20{10 + n % 15}-{1 + n % 12:02}-{1 + n % 28:02}"
        yield (
            f"E{n:08}", f"扫描电子显微镜 {n}", f"SU{n % 9000}", "日立高新", f"{35 + n % 700}.5", day,
            state, f"紫金港校区实验楼 {n % 400} 室", "材料表面形貌观察与成分分析", "分辨率 1.0 nm",
            f"SN-{n * 7919 % 10**9:09}", "无",
        )  # fmt: skip


def write(path: Path, count: int) -> None:
    """Write the table in the form that its name says."""
    if path.suffix == ".csv":
        with path.open("w", encoding="gb18030", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEAD)
            writer.writerows(rows_of(count))
    elif path.suffix == ".ndjson":
        with path.open("w", encoding="utf-8") as file:
            for row in rows_of(count):
                file.write(json.dumps(dict(zip(HEAD, row, strict=True)), ensure_ascii=False) + "\n")
    else:
        options = {"constant_memory": True, "tmpdir": str(path.parent)}
        with xlsxwriter.Workbook(path, options) as book:
            sheet = book.add_worksheet("台账")
            for at, row in enumerate((HEAD, *rows_of(count))):
                sheet.write_row(at, 0, row)


def submit(folder: Path, file: Path, killed_after_s: float | None = None) -> tuple[float, int, str]:
    """Run the command; return its seconds, its exit code and what it said.

    `killed_after_s`: kill it then, as a lost machine would; its exit code is negative.
    """
    words = ["client", "submit", "--as", str(folder / "profile.toml"), "--source", SOURCE]
    words += [str(file), "--mapping", str(folder / "bench.toml"), "--progress"]
    words += ["--rejects", str(folder / "back.xlsx")]
    program = "from hub.cli.main import main; main()"
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", program, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as command:
        try:
            said, _ = command.communicate(timeout=killed_after_s)
        except subprocess.TimeoutExpired:
            command.kill()
            said, _ = command.communicate()
    return time.perf_counter() - began, command.returncode, said


def peak_mib(pid: int) -> float:
    """Return the most memory that a process held."""
    status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def rows_in(url: str) -> int:
    """Return how many instruments the hub has of the file."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM instrument_source WHERE source = %s", [SOURCE]
        ).fetchone()
    return int(found[0]) if found else 0


async def partner(url: str) -> Partner:
    """Register the source and the university that sends."""
    async with Database(url) as database:
        await register_platform(database, SOURCE, system_clock())
        return (await register(database, (SOURCE,), 1))[0]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.large", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--form", choices=("csv", "ndjson", "xlsx"), default="csv")
    parser.add_argument("--kill-after", type=float, help="kill the command once, after seconds")
    asked = parser.parse_args()
    hub_folder = TOOLS / "hub-large"
    shutil.rmtree(hub_folder, ignore_errors=True)
    hub_folder.mkdir(parents=True, mode=0o700)
    with postgres() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = fresh_database(server, "bench_large")
        sender = asyncio.run(partner(url))
        (folder / "key.pem").write_bytes(sender.key.pem())
        (folder / "key.pem").chmod(0o600)
        (folder / "bench.toml").write_text(mapping(sender.client.party), "utf-8")
        file = folder / f"table.{asked.form}"
        write(file, asked.rows)
        with serving("shipped", url, hub_folder) as running:
            base = f"http://{running.host}"
            Profile(base, sender.client.client_id, folder / "key.pem").write(
                folder / "profile.toml"
            )
            before = peak_mib(running.pid)
            if asked.kill_after:
                cut, code, _ = submit(folder, file, asked.kill_after)
                print(f"killed after {cut:.0f} s (exit code {code}); rows then: {rows_in(url):,}")
            seconds, code, said = submit(folder, file)
            again, _, _ = submit(folder, file)
            held = peak_mib(running.pid)
        print(said)
        kept, expected = rows_in(url), asked.rows - asked.rows // REFUSED_EVERY
        print(f"rows in the hub at the end: {kept:,}, expected {expected:,}")
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        for what, figure in (
            ("exit code", code),
            ("file MiB", round(file.stat().st_size / 2**20, 1)),
            ("seconds", round(seconds, 1)),
            ("rows a second", round(asked.rows / seconds)),
            ("seconds of the same command again", round(again, 1)),
            ("most memory of the client or its reader, MiB", round(children)),
            ("memory of the hub before, MiB", round(before)),
            ("most memory of the hub, MiB", round(held)),
        ):
            print(f"{what:<48}{figure:>12,}")
        drop_database(server, "bench_large")
    if kept != expected:
        sys.exit("rows were lost, or taken twice")


if __name__ == "__main__":
    main()

"""A hub that really runs: `deltahub serve` as its own process on a free port of 127.0.0.1.

It stands on a database of its own that already holds three sources: one fresh, one late, one that
was never heard from. For tests whose other side is not Python: browsers and Node programs.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.clock import system_clock
from hub.demo import records
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.roles import READ
from hub.store.sources import register_source
from tests.databases import analyze, as_role

FUDAN = "moe:10246"
MARKUP = "<img src=x onerror=alert(1)>"
"""The English name of an instrument, to see that pages show data and do not run it."""
START_S = 60.0
STOP_S = 20.0
LATE = timedelta(days=3)


def environment(url: str) -> dict[str, str]:
    """Return the environment of a hub in sandbox mode on the database `url`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    names = {"HUB_DATABASE_URL": url, "HUB_DATABASE_READ_URL": as_role(url, READ)}
    return {**kept, **names, "HUB_SANDBOX": "1", "HUB_ANONYMOUS": "1"}


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_hub(
    url: str,
    folder: Path,
    more: Mapping[str, str] | None = None,
    seed: Callable[[str], Awaitable[None]] | None = None,
) -> Iterator[str]:
    """Serve the database at `url` while the block runs; gives the hub's address.

    `more`: settings in place of those of a sandbox that answers everybody. `seed`: puts other data
    into the database than the three sources.
    """
    asyncio.run(_seeded(url, seed or _seed))
    port = free_port()
    log = folder / "hub.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", "from hub.cli.main import main; main()", "serve"],
            env={
                **environment(url),
                "HUB_PORT": str(port),
                "HUB_DATA_DIR": str(folder / "data"),
                **(more or {}),
            },
            stdout=out,
            stderr=out,
        )
    try:
        base = f"http://127.0.0.1:{port}"
        _wait(base, process, log)
        yield base
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(base: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{base}/explore", timeout=1):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
    pytest.fail(f"the hub did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


async def _seeded(url: str, seed: Callable[[str], Awaitable[None]]) -> None:
    await seed(url)


async def _seed(url: str) -> None:
    now = system_clock()
    async with Database(url) as database:
        fresh = [row for row in records.batch(now) if not _wrong_on_purpose(row)]
        await _source(database, records.SOURCE, records.SOURCE_TITLE, records.UNIVERSITY)
        await _put(database, records.SOURCE, fresh, now)
        await _source(database, "fudan", ("复旦大学共享平台", "Fudan's sharing platform"), FUDAN)
        await _put(database, "fudan", _fudan(), now - LATE)
        await _source(database, "silent", ("尚未应答的来源", "Never heard from"), "moe:10284")
    analyze(url)


def _wrong_on_purpose(row: dict[str, Any]) -> bool:
    return bool(row["record"].get("localNo") == records.BAD_ROW)


def _fudan() -> list[dict[str, Any]]:
    name = {"zh": "复旦大学", "en": "Fudan University"}
    owner = {"institutionKey": FUDAN, "name": name, "kind": "UNIVERSITY", "divisionCode": "310110"}
    instrument = {
        "institutionKey": FUDAN,
        "localNo": "S1",
        "name": {"zh": "120 kV 透射电子显微镜", "en": MARKUP},
        "classes": [{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}],
        "model": "Talos L120C",
        "status": "IN_SERVICE",
        "use": "GENERAL",
        "sharing": "OUTSIDE",
        "place": {"divisionCode": "310110"},
    }
    return [
        {"type": "Institution", "record": owner},
        {"type": "Instrument", "record": instrument},
    ]


async def _source(database: Database, name: str, title: tuple[str, str], owner: str) -> None:
    await register_source(
        database,
        name,
        title[0],
        title_en=title[1],
        mode="PUSH",
        now=system_clock(),
        owners=[owner],
        promised_freshness_s=3600,
    )


async def _put(
    database: Database, source: str, rows: list[dict[str, Any]], as_of: datetime
) -> None:
    batch = Batch(
        source=source,
        party="hub:delta.example",
        channel=Channel.FILE,
        rows=rows,
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"),
        as_of=as_of,
    )
    outcomes = await submit(database, batch, clock=system_clock)
    assert [row for row in outcomes.rows if row.outcome is not Outcome.ACCEPTED] == []


async def state_instrument(database: Database, number: str) -> None:
    """State one more instrument of the fresh source's university."""
    record = {
        "institutionKey": records.UNIVERSITY,
        "localNo": number,
        "name": {"zh": "随后登记的仪器"},
        "status": "IN_SERVICE",
    }
    rows = [{"type": "Instrument", "record": record}]
    await _put(database, records.SOURCE, rows, system_clock())

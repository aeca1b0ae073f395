"""`intake`: signed batches through a real server to receipts: rows a second, end to end.

The server has one core, PostgreSQL the other; the partner that sends shares PostgreSQL's. A batch
is what a partner sends: NDJSON, DPoP, a signed request, an idempotency key; its answer is verified.
A few batches are under way at once, as when several universities push, so that both cores work.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from bench.data import Data
from bench.machine import children_seconds, cores, cpu_seconds, pin, postmaster
from bench.partners import Partner, register
from bench.place import TOOLS, drop_database, fresh_database, register_platform, serving
from hub.access.content_digest import content_digest
from hub.client import HubClient, Producer, record_row
from hub.clock import system_clock
from hub.embedded.server import EmbeddedPostgres
from hub.store.database import Database

SOURCE = "bench-push"
RECEIPT_WAIT_S = 60.0
UNDER_WAY = 3
"""Batches that are sent at once."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One run. `to_receipt`: rows a second from the first byte sent to the last row's receipt;
    `answer_s`: seconds that a batch took, median; processor time in µs a row.
    """

    rows: int
    batch_rows: int
    to_receipt: float
    answer_s: float
    server_us: float
    postgres_us: float
    body_mib: float


async def intake(server: EmbeddedPostgres, *, signed: bool, batches: int, rows: int) -> Taken:
    """Send batches of new instruments one after another; the first one is not counted."""
    url = fresh_database(server, "bench_intake")
    folder = TOOLS / "hub-intake"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    parent, own = postmaster(server.folder), os.sched_getaffinity(0)
    pin(parent, [cores()[1]])
    os.sched_setaffinity(0, [cores()[1]])
    try:
        async with Database(url) as database:
            now = system_clock()
            await register_platform(database, SOURCE, now)
            partner = (await register(database, (SOURCE,), 1))[0]
        with serving("shipped", url, folder) as running:
            base = f"http://{running.host}"
            async with HubClient(base, partner.client.client_id, partner.key) as client:
                bodies = list(_bodies(partner, signed=signed, batches=batches + 1, rows=rows))
                await client.receipt(await _push(client, bodies[0]), wait_s=RECEIPT_WAIT_S)
                return await _measured(client, bodies[1:], running.pid, parent, rows)
    finally:
        os.sched_setaffinity(0, own)
        pin(parent, sorted(own))
        drop_database(server, "bench_intake")


async def _measured(
    client: HubClient, bodies: list[bytes], pid: int, parent: int, rows: int
) -> Taken:
    server, database = cpu_seconds(pid), children_seconds(parent)
    began, turns, gate = time.perf_counter(), [], asyncio.Semaphore(UNDER_WAY)

    async def push(body: bytes) -> str:
        async with gate:
            turn = time.perf_counter()
            last = await _push(client, body)
            turns.append(time.perf_counter() - turn)
        return last

    for last in await asyncio.gather(*(push(body) for body in bodies)):
        await client.receipt(last, wait_s=RECEIPT_WAIT_S)
    ended, count = time.perf_counter(), rows * len(bodies)
    return Taken(
        rows=count,
        batch_rows=rows,
        to_receipt=count / (ended - began),
        answer_s=median(turns),
        server_us=(cpu_seconds(pid) - server) / count * 1e6,
        postgres_us=(children_seconds(parent) - database) / count * 1e6,
        body_mib=len(bodies[0]) / 2**20,
    )


async def _push(client: HubClient, body: bytes) -> str:
    """Send a batch, see that every row was accepted, and return its last entry."""
    headers = {
        "content-type": "application/x-ndjson",
        "content-digest": content_digest(body),
        "idempotency-key": os.urandom(16).hex(),
    }
    answer, sent = await client._signed("/batches", f"source={SOURCE}", headers, body)
    if answer.is_error:
        raise RuntimeError(f"batch refused: {answer.status_code} {answer.text[:500]}")
    await client._verified(answer, sent)
    outcomes = answer.json()["rows"]
    refused = [row for row in outcomes if row["outcome"] != "ACCEPTED"]
    if refused:
        raise RuntimeError(f"{len(refused)} rows not accepted: {json.dumps(refused[0])[:500]}")
    return str(outcomes[-1]["entryId"])


def _bodies(partner: Partner, *, signed: bool, batches: int, rows: int) -> Iterator[bytes]:
    data = Data(instruments=batches * rows)
    records = (record for _, record in data.instrument_rows())
    producer = Producer(partner.key, partner.client.party) if signed else None
    # Only its own institution signs a record; a request may carry those of many.
    own = {"institutionKey": partner.client.party} if signed else {}
    for _ in range(batches):
        now = system_clock()
        lines: list[Any] = [
            record_row("Instrument", {**record, **own}, producer=producer, now=now)
            for record in islice(records, rows)
        ]
        text = "\n".join(
            json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines
        )
        yield text.encode() + b"\n"


def log_folder() -> Path:
    """Return where the measured servers write what goes wrong."""
    return TOOLS / "server.log"

"""`python -m bench.vouchers`: claims on vouchers a second, long vouchers, the audit of a million movements.

    python -m bench.vouchers                                            about five minutes
    python -m bench.vouchers --claims 400 --movements 20000 --rate 50   a look

Writes the part "Claims on vouchers" of `bench/RESULTS.md`; ends with 1 where a message was not taken or the
audit finds a fault.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from bench.machine import children_seconds, cores_of_machine, load, pin, postmaster
from bench.page import VOUCHERS, write_part
from bench.place import ROOT, TOOLS, drop_database, fresh_database, postgres, serving
from bench.report import table
from bench.voucher_ledger import AuditedLedger, audited, filled_ledger, long_voucher
from bench.voucher_road import TAKEN, Ran, drive, senders, signed
from bench.voucher_world import HUB, ISSUER, PROVIDER, Claimable, bench_law, filled
from hub.access.agreements import Agreements
from hub.cli.serve import settle_collector
from hub.clock import system_clock
from hub.customs.service import CustomsDesk
from hub.embedded.server import EmbeddedPostgres, binaries
from hub.errors import HubError
from hub.store.database import Database
from hub.vouchers.money.audit import audit
from hub.vouchers.question import VoucherAsking, VoucherWanted
from hub.vouchers.service import VoucherDesk
from hub.vouchers.services.stored import StoredServices
from schema.codes import VoucherEvent

RESULTS = ROOT / "bench" / "RESULTS.md"
NAME = "bench_vouchers"
AT_ONCE = 32
CLIENTS = 32
"""Callers of the desk; each may have so many messages waiting."""
LENGTHS = (10, 1_000, 10_000)
MESSAGES_OF_LENGTH = 60
LOG_WAIT_S = 120.0
MEMORY_MOST_MIB = 400.0
"""Of a process that audits, whatever there is to audit."""
_PLAIN = b"""
CREATE TABLE plain_voucher (id int PRIMARY KEY, available bigint NOT NULL, reserved bigint NOT NULL);
CREATE TABLE plain_movement (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, voucher int NOT NULL,
  claim text NOT NULL, event text NOT NULL, fen bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
INSERT INTO plain_voucher SELECT v, 1000000000, 0 FROM generate_series(1, 200) v"""
_PLAIN_SCRIPT = """\\set v random(1, 200)
BEGIN;
SELECT available FROM plain_voucher WHERE id = :v FOR UPDATE;
INSERT INTO plain_movement (voucher, claim, event, fen) VALUES (:v, 'C-1', 'RESERVE', 800);
UPDATE plain_voucher SET available = available - 800, reserved = reserved + 800 WHERE id = :v;
COMMIT;
"""


@dataclass(kw_only=True)
class VouchersMeasured:
    """What one run found: runs by name, messages about vouchers of some lengths, the audit, the peer."""

    runs: dict[str, Ran] = field(default_factory=dict)
    lengths: dict[int, Ran] = field(default_factory=dict)
    ledger: AuditedLedger | None = None
    plain_per_s: float = 0.0
    load: float = 0.0
    rate: float = 0.0
    """Messages a second that are sent whatever comes back."""
    faults: list[str] = field(default_factory=list)


def desk_of(database: Database) -> VoucherDesk:
    """Return the desk as the hub builds it, with the law of the benchmark."""
    law = bench_law()
    customs = CustomsDesk(database, Agreements(database, system_clock), system_clock, law=law)
    services = StoredServices(database, customs, law, "hub.bench")
    return VoucherDesk(
        database, services, system_clock, party=HUB, issuers=frozenset({ISSUER}), law=law
    )


async def desk_alone(
    desk: VoucherDesk,
    wanted: Sequence[VoucherWanted],
    parent: int,
    at_once: int,
    per_s: float = 0.0,
) -> Ran:
    """Give messages to the desk itself, so many at a time, or so many a second whatever comes back."""
    ran, waiting = Ran(), iter(enumerate(wanted))
    began, cpu, pg = time.perf_counter(), time.process_time(), children_seconds(parent)

    async def take(number: int, each: VoucherWanted, due: float) -> None:
        key = f"{each.event.value}-{each.code}-{each.claim_no}"
        asking = VoucherAsking(
            client=f"c{number % CLIENTS}", party=PROVIDER, key=key, body_hash=b"\0" * 32
        )
        try:
            told = await desk.take(asking, each)
        except HubError as error:
            ran.faults.append(f"{each.claim_no}: {error.code.name}")
            return
        ran.each_s.append(time.perf_counter() - due)
        if told.state is None:
            ran.faults.append(f"{each.claim_no}: {told.refused or told.missing}")

    async def sender() -> None:
        for number, each in waiting:
            await take(number, each, time.perf_counter())

    if per_s:
        async with asyncio.TaskGroup() as tasks:
            for number, each in waiting:
                due = began + number / per_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                tasks.create_task(take(number, each, due))
    else:
        await asyncio.gather(*(sender() for _ in range(at_once)))
    ran.seconds, ran.hub_s = time.perf_counter() - began, time.process_time() - cpu
    ran.postgres_s = children_seconds(parent) - pg
    return ran


async def one_desk(
    url: str, items: Sequence[Claimable], parent: int, found: VouchersMeasured, rate: float
) -> None:
    """Measure the desk without HTTP: one message after another, many at once, and at a rate."""
    tenth, half = len(items) // 10, len(items) // 2
    few, many, offered = items[:tenth], items[tenth:half], items[half:]
    async with Database(url) as database:
        desk = desk_of(database)
        settle_collector()  # as a hub that serves does: else its pauses are in the figures
        for event in (VoucherEvent.RESERVE, VoucherEvent.CONSUME):
            for name, part, at_once, per_s in (
                ("alone", few, 1, 0.0),
                ("together", many, AT_ONCE, 0.0),
                ("at a rate", offered, 0, rate),
            ):
                wanted = [each.wanted(event) for each in part]
                ran = await desk_alone(desk, wanted, parent, at_once, per_s)
                _note(found, f"desk {event.value} {name}", ran)
                await asyncio.to_thread(_analysed, url)


async def of_lengths(url: str, parent: int, found: VouchersMeasured) -> None:
    """Measure messages about vouchers that have had few and many."""
    async with Database(url) as database:
        desk = desk_of(database)
        for length in LENGTHS:
            code = f"L-{length}"
            await long_voucher(database, code, length // 2)
            wanted = [
                Claimable(10**6 + number).of_voucher(code, VoucherEvent.RESERVE)
                for number in range(MESSAGES_OF_LENGTH)
            ]
            await desk_alone(desk, wanted[:1], parent, 1)  # makes the balance from the movements
            found.lengths[length] = await desk_alone(desk, wanted[1:], parent, 1)
            found.faults += found.lengths[length].faults


async def whole_road(
    url: str, items: Sequence[Claimable], parent: int, found: VouchersMeasured, rate: float
) -> None:
    """Measure signed requests to a hub process: as fast as they come back, at a rate, at half of it."""
    third = len(items) // 3
    ways = (("fast", 0.0), ("at a rate", rate), ("at half the rate", rate / 2))
    with serving("vouchers", url, _fresh_folder()) as running:
        await asyncio.to_thread(_wait_for_log, url)
        async with Database(url) as database, AsyncExitStack() as stack:
            clients = await senders(database, f"http://{running.host}")
            for client in clients:
                await stack.enter_async_context(client)
            for event in (VoucherEvent.RESERVE, VoucherEvent.CONSUME):
                for at, (name, per_s) in enumerate(ways):
                    part = items[at * third : (at + 1) * third]
                    requests = await signed(clients, part, event)
                    ran = await drive(
                        running, parent, requests, TAKEN[event], at_once=AT_ONCE * (2 if per_s else 1), per_s=per_s
                    )  # fmt: skip
                    _note(found, f"road {event.value} {name}", ran)
                    await asyncio.to_thread(_analysed, url)


def _note(found: VouchersMeasured, name: str, ran: Ran) -> None:
    found.runs[name] = ran
    found.faults += ran.faults[:3]
    count = len(ran.each_s)
    print(
        f"  {name}: {ran.per_s:.0f}/s, p50 {ran.at(0.5):.1f} ms, p99 {ran.at(0.99):.1f} ms, hub "
        f"{1000 * ran.hub_s / count:.2f} ms, PostgreSQL {1000 * ran.postgres_s / count:.2f} ms each", flush=True,
    )  # fmt: skip


def _wait_for_log(url: str) -> None:
    """Wait until every entry has its place in the log: only then a service can be paid for."""
    until = time.monotonic() + LOG_WAIT_S
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < until:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM entry) - (SELECT count(*) FROM leaf)"
            ).fetchone()
            if row is not None and row[0] == 0:
                connection.execute("VACUUM ANALYZE")
                return
            time.sleep(0.2)
    raise TimeoutError("the sequencer did not come after")


def _analysed(url: str) -> None:
    """Have PostgreSQL look at the tables, as it does each minute where a hub runs.

    They were empty when it looked last; a phase is shorter than that minute.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def plain(url: str, seconds: int) -> float:
    """Return transactions a second of pgbench: lock a voucher, note the movement, move the money."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_PLAIN)
    script = TOOLS / "plain_voucher.sql"
    script.write_text(_PLAIN_SCRIPT)
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    done = subprocess.run(
        [
            str(binaries() / "pgbench"), "-n", "-M", "prepared", f"-c{AT_ONCE}", "-j1", f"-T{seconds}",
            "-h", asked["host"][0], "-p", asked["port"][0], "-U", "postgres", f"-f{script}", parts.path[1:],
        ],
        capture_output=True, text=True, timeout=seconds + 60, check=False,
    )  # fmt: skip
    tps = re.search(r"tps = ([0-9.]+)", done.stdout)
    if tps is None:
        raise RuntimeError(f"pgbench: {done.stderr[-800:]}")
    return float(tps[1])


def in_a_process(url: str) -> AuditedLedger:
    """Audit in this process (`audited`)."""
    return asyncio.run(audited(url))


def measured(server: EmbeddedPostgres, asked: argparse.Namespace) -> VouchersMeasured:
    """Measure everything, each in a database of its own."""
    found, parent = VouchersMeasured(load=load(), rate=asked.rate), postmaster(server.folder)
    parts = set(asked.parts.split(","))
    pin(parent, cores_of_machine())
    if parts & {"road", "desk", "length", "plain"}:
        url = fresh_database(server, NAME)
        items = asyncio.run(_filled(url, 2 * asked.claims))
        if "road" in parts:
            asyncio.run(whole_road(url, items[: asked.claims], parent, found, asked.rate))
        if "desk" in parts:
            if "road" not in parts:
                with serving("vouchers", url, _fresh_folder()):
                    _wait_for_log(url)
            asyncio.run(one_desk(url, items[asked.claims :], parent, found, asked.rate))
        if "length" in parts:
            asyncio.run(of_lengths(url, parent, found))
        found.faults += asyncio.run(_faults(url))
        if "plain" in parts:
            found.plain_per_s = plain(url, 5)
        drop_database(server, NAME)
    if "audit" in parts:
        url = fresh_database(server, f"{NAME}_ledger")
        asyncio.run(_filled_ledger(url, asked.movements))
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found.ledger = pool.submit(in_a_process, url).result()
        found.faults += [found.ledger.fault] if found.ledger.fault else []
        if found.ledger.peak_mib > MEMORY_MOST_MIB:
            found.faults.append(f"the audit held {found.ledger.peak_mib:.0f} MiB")
        drop_database(server, f"{NAME}_ledger")
    return found


def _fresh_folder() -> Path:
    folder = TOOLS / "hub-vouchers"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    return folder


async def _filled(url: str, services: int) -> list[Claimable]:
    async with Database(url) as database:
        return await filled(database, services)


async def _filled_ledger(url: str, movements: int) -> None:
    async with Database(url) as database:
        await filled(database, 0)
        await filled_ledger(database, movements)


async def _faults(url: str) -> list[str]:
    async with Database(url) as database:
        return [
            f"{each.voucher}: {each.code} {each.detail}" for each in (await audit(database)).faults
        ]


def markdown(found: VouchersMeasured) -> str:
    """Return the part of the page."""
    names = {"desk": "the desk alone", "road": "signed requests over HTTP"}
    ways = {
        "alone": "one after another",
        "together": f"{AT_ONCE} at once",
        "fast": f"{AT_ONCE} connections",
        "at a rate": f"{found.rate:,.0f} a second are sent",
        "at half the rate": f"{found.rate / 2:,.0f} a second are sent",
    }
    rows = []
    for name, ran in found.runs.items():
        where, event, how = name.split(" ", 2)
        how = ways.get(how, how)
        count = len(ran.each_s)
        rows.append([
            f"{names[where]}, {event.lower()}, {how}", f"{ran.per_s:,.0f}", f"{ran.at(0.5):,.1f}",
            f"{ran.at(0.99):,.1f}", f"{1000 * ran.hub_s / count:.2f}", f"{1000 * ran.postgres_s / count:.2f}",
        ])  # fmt: skip
    parts = [
        "Written by `python -m bench.vouchers`. Rates are invented, and of the check STATUS the benchmark says that it "
        "passed; every other check is made on stored records. A claim is two messages: its money is reserved, then "
        "consumed for a checked service. Hub and load generator and PostgreSQL share the machine. Load before: "
        f"{found.load:.1f} on {os.cpu_count()} cores.",
        table(["messages", "a second", "p50 ms", "p99 ms", "hub processor ms each", "PostgreSQL processor ms each"], rows),
    ]  # fmt: skip
    if found.plain_per_s:
        parts.append(
            "The same movement as a bare transaction of pgbench (lock a voucher, one row, two amounts; no checks, no log, "
            f"no record, no signature), {AT_ONCE} connections: {found.plain_per_s:,.0f} a second."
        )
    if found.lengths:
        lengths = [
            [
                f"{length:,}",
                f"{ran.at(0.5):,.1f}",
                f"{1000 * (ran.hub_s + ran.postgres_s) / len(ran.each_s):.2f}",
            ]
            for length, ran in found.lengths.items()
        ]
        parts.append(
            table(
                ["movements that a voucher has had", "p50 ms of the next", "processor ms each"],
                lengths,
            )
        )
    if found.ledger:
        of = found.ledger
        parts.append(
            f"Audit of {of.movements:,} movements and {of.movements // 2:,} claims: {of.movements / of.seconds:,.0f} movements "
            f"a second ({of.seconds:,.0f} s), of processor time of the hub {1e6 * of.cpu_s / of.movements:,.0f} µs each; its "
            f"process held {of.peak_mib:,.0f} MiB at most, everything that it imports included."
        )
    return "\n\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the part of the page."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.vouchers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--claims", type=int, default=4_000, help="of each of road and desk")
    parser.add_argument("--rate", type=float, default=500.0, help="signed requests a second")
    parser.add_argument("--movements", type=int, default=1_000_000, help="that are audited")
    parser.add_argument("--parts", default="road,desk,length,plain,audit")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    with postgres() as server:
        found = measured(server, asked)
    text = markdown(found)
    print(text)
    write_part(asked.out, VOUCHERS, text)
    for fault in found.faults[:10]:
        print(fault, file=sys.stderr)
    return 1 if found.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())

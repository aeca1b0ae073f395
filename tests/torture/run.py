"""One run: start, load, kill, let it recover, fetch what anybody can fetch, judge."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import HubClient
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.ledger.keys import parse_keys
from hub.store.database import Database
from hub.store.sources import register_source
from tests.torture import history as diaries
from tests.torture.checker import WRITTEN, Findings, Proof, PublicLog, judge
from tests.torture.disk import small_disk
from tests.torture.fleet import COMMAND, ROOT, Fleet
from tests.torture.history import History
from tests.torture.load import PARTY, Balancer, Pusher, watch
from tests.torture.scenarios import SCENARIOS, SHIFTED_SCENARIOS, Scene

SCOPES = ("records:push", "records:withdraw", "receipt:read")
READER, READS = "torture-reader", ("catalogue:read", "graphql:adhoc")
SOURCES = ("torture-a", "torture-b")
WATCHERS = 2
RECEIPT_S = 60.0
FETCHES = 8
WARM_S = 60.0
"""Longest wait for the first acknowledgement of every client."""
RECOVERY_S = 90.0
"""Longest wait, when the trouble is over, for an acknowledgement of every client."""
POLL_S = 0.05
CHECK_S = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run does. `throwaway`: PostgreSQL without fsync, which SIGKILL does not notice."""

    seed: int
    kills: int
    clients: int = 4
    throwaway: bool = False
    scenario: str = "kills"
    """One of `scenarios.SCENARIOS`, or several, joined by `+`: one after the other, on one hub."""
    scale: float = 1.0
    """How long and how large the trouble is, where it is not kills."""

    @property
    def troubles(self) -> list[str]:
        return self.scenario.split("+")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it."""

    plan: Plan
    kills: Counter[str]
    deaths: Counter[str]
    failures: Counter[str]
    epochs: int
    findings: Findings
    store_check: str
    store_is_right: bool
    seconds: float
    seen: Counter[str]

    @property
    def is_clean(self) -> bool:
        return self.store_is_right and not self.findings.violations


async def torture(plan: Plan, folder: Path) -> Result:
    """Run the plan in an empty folder; everything that was started has ended afterwards."""
    with small_disk(folder / "disk") if "full-disk" in plan.troubles else nullcontext():
        return await _torture(plan, folder)


async def _torture(plan: Plan, folder: Path) -> Result:
    began = time.monotonic()
    is_shifted = not SHIFTED_SCENARIOS.isdisjoint(plan.troubles)
    fleet = Fleet(folder, plan.seed, throwaway=plan.throwaway, is_shifted=is_shifted)
    diary = folder / "history"
    diary.mkdir()
    try:
        await fleet.start()
        names = [f"torture-{number}" for number in range(plan.clients)]
        keys = {name: generate_key() for name in (*names, READER)}
        await _register(fleet, keys)
        async with AsyncExitStack() as stack:
            hubs = {
                name: await stack.enter_async_context(
                    HubClient(
                        fleet.base,
                        name,
                        key,
                        transport=Balancer(fleet.ports, Random(f"ports {plan.seed} {name}")),
                    )
                )
                for name, key in keys.items()
            }
            scene = await _storm(plan, fleet, hubs, diary)
            await fleet.settle()
            lines = diaries.read(diary)
            if is_shifted:
                scene.seen["rows refused for their time"] = excuse_times(lines)
            proofs = await _proofs(list(hubs.values()), lines)
            log = await _public_log(fleet, keys.values())
        findings = await asyncio.to_thread(judge, lines, log, proofs)
        for detail in scene.wrong:
            findings.wrong("SCENARIO", f"{plan.scenario}: {detail}")
        epochs = await _epochs(fleet)
        checked = await asyncio.to_thread(_store_check, fleet)
    finally:
        await fleet.stop()
    failures = Counter(
        f"{line['status'] or '-'} {line['code']}" for line in lines if line["kind"] == "failed"
    )
    told = (checked.stdout + checked.stderr).strip()
    is_right = checked.returncode == 0
    seconds = time.monotonic() - began
    return Result(
        plan,
        fleet.kills,
        fleet.deaths,
        failures,
        epochs,
        findings,
        told,
        is_right,
        seconds,
        scene.seen,
    )


async def _register(fleet: Fleet, keys: dict[str, SigningKey]) -> None:
    async with Database(fleet.url) as database:
        now = system_clock()
        for source in SOURCES:
            await register_source(database, source, source, mode="PUSH", owners=[PARTY], now=now)
        for number, (name, key) in enumerate(keys.items()):
            application = read_application(application_document(name, name, key.public))
            source = SOURCES[number % len(SOURCES)]
            scopes = READS if name == READER else SCOPES
            grant = ClientGrant(PARTY, ClientKind.UNIVERSITY, scopes, (source,))
            await admit(DatabaseClientStore(database), application, grant, now)


async def _storm(plan: Plan, fleet: Fleet, hubs: dict[str, HubClient], diary: Path) -> Scene:
    """Load and trouble at once; ends when it is over and every batch is acknowledged."""
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        jobs: list[Coroutine[None, None, None]] = []
        pushers: list[Pusher] = []
        pushing = {name: hub for name, hub in hubs.items() if name != READER}
        for number, (name, hub) in enumerate(pushing.items()):
            kept = stack.enter_context(History(diary, name))
            random = Random(f"load {plan.seed} {name}")
            pushers.append(Pusher(name, SOURCES[number % len(SOURCES)], hub, kept, random))
            jobs.append(pushers[-1].run(stop))
        for number in range(WATCHERS):
            kept = stack.enter_context(History(diary, f"watcher-{number}"))
            balancer = Balancer(fleet.ports, Random(number))
            stack.push_async_callback(balancer.aclose)
            jobs.append(watch(kept, fleet.base, balancer, stop))
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
            await _all_get_on(pushers, WARM_S)
            scene = Scene(
                fleet,
                hubs[READER],
                plan.seed,
                plan.kills,
                plan.scale,
                lambda: sum(each.acknowledged for each in pushers),
            )
            for name in plan.troubles:
                await SCENARIOS[name](scene)
                await _all_get_on(pushers, RECOVERY_S)
            stop.set()
    return scene


async def _all_get_on(pushers: Sequence[Pusher], within_s: float) -> None:
    """Wait until every client is acknowledged one more batch."""
    before = [each.acknowledged for each in pushers]
    async with asyncio.timeout(within_s):
        while any(p.acknowledged <= n for p, n in zip(pushers, before, strict=True)):
            await asyncio.sleep(POLL_S)


def excuse_times(lines: Sequence[diaries.Line]) -> int:
    """Let pass that a hub whose clock is behind refuses what was signed in its future; count it."""
    intents = {line["idem"]: line for line in lines if line["kind"] == "intent"}
    excused = 0
    for line in lines:
        if line["kind"] == "ack":
            for row in line["rows"]:
                bad = intents[line["idem"]]["bad"]
                of_time = [p.get("value") == "STATEMENT_TIME" for p in row.get("problems", ())]
                if of_time and all(of_time) and row["row"] not in bad:
                    bad.append(row["row"])
                    excused += 1
    return excused


async def _proofs(hubs: list[HubClient], lines: Iterable[diaries.Line]) -> dict[str, Proof]:
    """Fetch receipt and record of every entry that was acknowledged, as its source."""
    by_name = {hub.client_id: hub for hub in hubs}
    owner: dict[str, HubClient] = {}
    for line in lines:
        if line["kind"] == "ack":
            for row in line["rows"]:
                if row["outcome"] in WRITTEN:
                    owner[row["entryId"]] = by_name[line["client"]]
    gate, proofs = asyncio.Semaphore(FETCHES), dict[str, Proof]()

    async def fetch(entry: str, hub: HubClient) -> None:
        async with gate:
            text = await hub.receipt(entry, wait_s=RECEIPT_S)
            proofs[entry] = Proof(text, await hub.record(entry))

    async with asyncio.TaskGroup() as group:
        for entry, hub in owner.items():
            group.create_task(fetch(entry, hub))
    return proofs


async def _public_log(fleet: Fleet, keys: Iterable[SigningKey]) -> PublicLog:
    """Fetch the log as an auditor does."""
    async with httpx.AsyncClient(base_url=fleet.base) as http:

        async def get(path: str) -> bytes:
            answer = await http.get(f"/log/{path}")
            answer.raise_for_status()
            return answer.content

        checkpoint = (await get("checkpoint")).decode()
        size = int(checkpoint.split("\n")[1])
        leaves: list[bytes] = []
        for index, width in _tiles(size):
            leaves += _bundle(await get(_path("entries", index, width)))
        tiles: dict[tuple[int, int], bytes] = {}
        for level in range(8):
            for index, width in _tiles(size >> 8 * level):
                tiles[level, index] = await get(_path(str(level), index, width))
        jwks = [{**key.public.jwk, "kid": key.kid, "party": PARTY} for key in keys]
        return PublicLog(
            checkpoint,
            (await get("vkey")).decode(),
            await get("policy"),
            leaves,
            tiles,
            parse_keys(json.dumps({"keys": jwks}).encode()),
        )


def _tiles(width: int) -> list[tuple[int, int]]:
    return [(first // 256, min(256, width - first)) for first in range(0, width, 256)]


def _path(level: str, index: int, width: int) -> str:
    name = f"x{index // 1000:03d}/{index % 1000:03d}" if index >= 1000 else f"{index:03d}"
    return f"tile/{level}/{name}" + ("" if width == 256 else f".p/{width}")


def _bundle(data: bytes) -> list[bytes]:
    entries = []
    while data:
        end = 2 + int.from_bytes(data[:2], "big")
        entries.append(data[2:end])
        data = data[end:]
    return entries


async def _epochs(fleet: Fleet) -> int:
    """How often a sequencer took the lead."""
    async with Database(fleet.url) as database:
        ((epoch,),) = await database.reads.fetch_all("SELECT epoch FROM log_state")
    return int(epoch)


def _store_check(fleet: Fleet) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMAND, "store", "check"],
        env={**os.environ, **fleet.environment()},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=CHECK_S,
        check=False,
    )

"""The race: many claims at once for few services at four hubs that are killed at random.

Every hub is a process of its own with its own database. Each service is wanted by claims on
vouchers of all four hubs. A sender holds several claims in flight at each hub and sends what was
not settled again with the same idempotency key, as a client does whose hub died.

Counted all the while: claims that are consumed, per service; money of every voucher at every hub,
recomputed from its movements.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from hub.client import HubClient
from hub.client.errors import ClientError
from hub.clock import system_clock
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.store.database import Database
from hub.vouchers.money.audit import audit
from hub.vouchers.money.balances import KeptBalance, keep_balances
from hub.vouchers.money.ledger import open_ledger, read_voucher, source_of
from hub.vouchers.money.movements import standing_of
from schema.dates import format_instant
from tests.databases import opened
from tests.integration.vouchers.claim_hubs import ClaimPlace, client_at, written
from tests.integration.vouchers.voucher_world import HOLDER
from tests.ordering import sent

CONSUME = """mutation ($input: VoucherClaimInput!) { consumeVoucher(input: $input) {
  state refused missing replayed userErrors { code } } }"""
FEN = 1_000
TRIES_MAX = 400
PAUSE_S = 0.3
READY_S = 300.0
END_S = 60.0
"""Seconds after which everything has to be settled once all hubs are back."""
AUDIT_S = 5.0
"""Least seconds between two times that the money of every hub is made again from its movements …"""
AUDIT_SHARE = 20.0
"""… and the pause is so many times as long as the last audit took, for they share the machine."""
LOOK_S = 1.0
"""Seconds between two times that what is consumed is counted."""
AWAY_S = 0.5
"""Most seconds for which a killed hub stays away before it is started again."""
KILL_LOOK_S = 0.05
"""Seconds between two looks whether the moment of the next kill has come."""
ROWS_AT_ONCE = 2_000
PASSING = frozenset({"UNKNOWN", "LOST"})
"""Answers after which a claim is sent again."""
TOLD_MAX = 60
"""Most moments of which the report tells what was waiting."""
CLAIMS_OF_VOUCHER = 250


@dataclass(frozen=True, slots=True)
class Wish:
    """One claim: at which hub, on which voucher, for which service."""

    place: ClaimPlace
    code: str
    claim_no: str
    service: str

    @property
    def given(self) -> dict[str, Any]:
        """Return what the message is given."""
        return {
            "issuer": self.place.issuer,
            "code": self.code,
            "claimNo": self.claim_no,
            "fen": FEN,
            "service": self.service,
        }


@dataclass
class RaceReport:
    """What came of a race."""

    claims: int
    services: int
    kills: int = 0
    started_s: float = 0.0
    """Seconds until all hubs ran."""
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    """By hub: CONSUMED, refusals, UNKNOWN (answers for want of a peer), LOST (no answer at all)."""
    unknown: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the beginning, and claims that were waiting for a hub then."""
    most_of_one: int = 0
    """Most claims that were ever consumed for one service."""
    consumed: int = 0
    seconds: float = 0.0
    """From the first claim to the answer to the last."""
    settled_s: float = 0.0
    """Seconds from when all hubs were back to when every service was paid for once."""
    audits: int = 0
    """Times that the money of one hub was made again, while it ran and at the end …"""
    faults: int = 0
    """… and what was wrong with it, all together."""

    @property
    def answers(self) -> int:
        """Claims of which it was said what became of them."""
        return sum(
            count
            for each in self.counts.values()
            for name, count in each.items()
            if name not in PASSING
        )

    def __str__(self) -> str:
        per_s = self.answers / self.seconds if self.seconds else 0.0
        lines = [
            f"{self.claims} claims on {self.services} services at {len(self.counts)} hubs "
            f"(all ran after {self.started_s:.0f} s), {self.kills} kills, {self.seconds:.0f} s "
            f"({per_s:.0f}/s): {self.consumed} consumed, "
            f"at most {self.most_of_one} for one service, settled {self.settled_s:.1f} s after "
            f"all were back, {self.audits} audits, {self.faults} faults of money"
        ]
        lines += [f"{name}: {dict(sorted(each.items()))}" for name, each in self.counts.items()]
        told = self.unknown[:: -(-len(self.unknown) // TOLD_MAX) or 1]
        lines.append(
            "waiting for a hub, by second: "
            + ", ".join(f"{at:.0f} s {count}" for at, count in told)
        )
        return "\n".join(lines)


class HubProcess:
    """One hub as a process of its own."""

    def __init__(self, place: ClaimPlace) -> None:
        self.place = place
        self._file = written(place)
        self._running: subprocess.Popen[bytes] | None = None
        self.is_back = asyncio.Event()

    @property
    def pid(self) -> int:
        """The process, which runs."""
        assert self._running is not None, "it was started"
        return self._running.pid

    async def start(self) -> None:
        log = Path(self.place.folder) / "hub.log"
        with log.open("ab") as out:
            self._running = await asyncio.to_thread(
                subprocess.Popen,
                [sys.executable, "-m", "tests.integration.vouchers.claim_program", self._file],
                stdout=out,
                stderr=out,
                env=dict(os.environ),
            )
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.place.port)
            except OSError:
                pass
            else:
                own, other = map(writer.get_extra_info, ("sockname", "peername"))
                writer.close()
                if own != other:  # who asks a free port again and again may meet itself there
                    self.is_back.set()
                    return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{self.place.name} did not start: {log.read_text()[-2000:]}")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.is_back.clear()
        if self._running is not None:
            self._running.kill()
            self._running.wait()


async def reserve_all(places: Sequence[ClaimPlace], wishes: Sequence[Wish]) -> None:
    """State the reservations of every claim, as the desk states them, many at a time."""
    for place in places:
        async with opened(place.url) as database:
            await open_ledger(database, place.issuer, system_clock())
            numbers: Counter[str] = Counter()
            rows: list[dict[str, Any]] = []
            for wish in (each for each in wishes if each.place is place):
                numbers[wish.code] += 1
                rows += _reservation(wish, numbers[wish.code])
            for at in range(0, len(rows), ROWS_AT_ONCE):
                batch = Batch(
                    source=source_of(place.issuer),
                    party=f"hub:{place.origin}",
                    channel=Channel.LIVE,
                    rows=rows[at : at + ROWS_AT_ONCE],
                    evidence=Evidence(
                        assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="race"
                    ),
                    as_of=system_clock(),
                )
                outcomes = (await submit(database, batch, clock=system_clock)).rows
                assert {each.outcome for each in outcomes} == {Outcome.ACCEPTED}
            if numbers:
                await _keep_balances(database, place.issuer, sorted(numbers))


async def _keep_balances(database: Database, issuer: str, codes: Sequence[str]) -> None:
    """Write down what every voucher holds, as the desk does with each movement."""
    async with database.writes.transaction() as connection:
        balances = []
        for code in codes:
            found = await read_voucher(database, connection, issuer, code)
            assert found is not None
            standing = standing_of(found.granted, found.movements)
            balances.append(KeptBalance(issuer, code, found.last, standing))
        await keep_balances(connection, balances)


def _reservation(wish: Wish, number: int) -> list[dict[str, Any]]:
    at = format_instant(system_clock() - timedelta(minutes=1))
    head = {
        "issuerKey": wish.place.issuer,
        "code": wish.code,
        "claimNo": wish.claim_no,
        "holderKey": HOLDER,
        "providerKey": wish.service.partition("/")[0],
    }
    movement = {
        "number": str(number),
        "event": "RESERVE",
        "at": at,
        "claimState": "RESERVED",
        "moves": [{"source": "AVAILABLE", "target": "RESERVED", "fen": FEN}],
    }
    claim = {"state": "RESERVED", "voucherFen": FEN, "changedAt": at}
    return [
        {"type": "VoucherMovement", "record": {**head, **movement}},
        {"type": "VoucherClaim", "record": {**head, **claim}},
    ]


def wishes_of(places: Sequence[ClaimPlace], claims: int, services: int) -> list[Wish]:
    """Spread claims over the hubs, and services over their homes; all want every service."""
    made = []
    for at in range(claims):
        place = places[at % len(places)]
        number = at // len(places)
        wanted = number % services
        home = places[wanted % len(places)]
        code = f"V-{number // CLAIMS_OF_VOUCHER}"
        made.append(Wish(place, code, f"C{at}", home.service(wanted)))
    return made


class ClaimRace:
    """One race. Kills are spread over it: each comes after a number of answers drawn at random."""

    def __init__(self, places: Sequence[ClaimPlace], wishes: Sequence[Wish], seed: int) -> None:
        self._places = places
        self._hubs = {place.name: HubProcess(place) for place in places}
        self._wishes = list(wishes)
        self._chance = random.Random(seed)
        self._chance.shuffle(self._wishes)
        services = len({each.service for each in wishes})
        self.report = RaceReport(len(wishes), services)
        self.report.counts = {place.name: Counter() for place in places}
        self._began = 0.0
        self._databases: list[Database] = []
        self._tries: Counter[str] = Counter()

    async def run(self, kills: int, at_once: int) -> RaceReport:
        """Send every claim while hubs are killed; `at_once`: claims in flight at each hub."""
        try:
            async with AsyncExitStack() as stack:
                for each in self._places:
                    database = await stack.enter_async_context(opened(each.url))
                    self._databases.append(database)
                await self._raced(kills, at_once)
        finally:
            for hub in self._hubs.values():
                hub.kill()
        return self.report

    async def _raced(self, kills: int, at_once: int) -> None:
        began = time.monotonic()
        await asyncio.gather(*(each.start() for each in self._hubs.values()))
        self._began = time.monotonic()
        self.report.started_s = self._began - began
        watching = asyncio.create_task(self._watch())
        async with asyncio.TaskGroup() as tasks:
            for each in self._places:
                tasks.create_task(self._send(each, at_once))
            tasks.create_task(self._kill(kills))
        self.report.seconds = time.monotonic() - self._began
        await self._settle()
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching  # what it met is told
        await self._look()
        await self._audit()

    async def _kill(self, kills: int) -> None:
        """Kill a hub each time that so many claims, drawn at random, have their answer."""
        for moment in sorted(self._chance.randrange(len(self._wishes)) for _ in range(kills)):
            while self.report.answers < moment:
                await asyncio.sleep(KILL_LOOK_S)
            hub = self._hubs[self._chance.choice(self._places).name]
            hub.kill()
            self.report.kills += 1
            await asyncio.sleep(self._chance.uniform(0.0, AWAY_S))
            await hub.start()

    async def _audit(self) -> None:
        """Make the money of every hub again from its movements."""
        for database in self._databases:
            self.report.faults += (await audit(database)).faults_count
            self.report.audits += 1

    async def _send(self, place: ClaimPlace, at_once: int) -> None:
        waiting = asyncio.Queue[Wish]()
        for wish in self._wishes:
            if wish.place is place:
                waiting.put_nowait(wish)
        async with AsyncExitStack() as stack:
            labs = {
                each.provider: await stack.enter_async_context(client_at(place, f"lab-{each.name}"))
                for each in self._places
            }
            await asyncio.gather(*(self._sender(labs, waiting) for _ in range(at_once)))

    async def _sender(self, labs: Mapping[str, HubClient], waiting: asyncio.Queue[Wish]) -> None:
        """Send claims; one that is not settled is sent again behind the others that wait."""
        while not waiting.empty():
            wish = waiting.get_nowait()
            if await self._is_settled(labs[wish.service.partition("/")[0]], wish):
                continue
            self._tries[wish.claim_no] += 1
            assert self._tries[wish.claim_no] < TRIES_MAX, f"{wish} has no end"
            await asyncio.sleep(PAUSE_S)
            waiting.put_nowait(wish)

    async def _is_settled(self, client: HubClient, wish: Wish) -> bool:
        """Send one claim; whether it was said what became of it."""
        counts, hub = self.report.counts[wish.place.name], self._hubs[wish.place.name]
        await hub.is_back.wait()
        try:
            answer = await sent(client, CONSUME, wish.given, f"race-{wish.claim_no}")
            told = answer["data"]["consumeVoucher"]
            problems = [each["code"] for each in told["userErrors"]]
        except (ClientError, KeyError, TypeError, OSError):
            counts["LOST"] += 1
            return False
        if told["state"] == "CONSUMED" or told["refused"] is not None or problems:
            counts[told["state"] or told["refused"] or problems[0]] += 1
            return True
        counts["UNKNOWN"] += 1
        return False

    async def _watch(self) -> None:
        due = time.monotonic() + AUDIT_S
        while True:
            await self._look()
            if (began := time.monotonic()) > due:
                await self._audit()
                now = time.monotonic()
                due = now + max(AUDIT_S, AUDIT_SHARE * (now - began))
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        """Count what is consumed at all hubs, and what waits."""
        paid: Counter[str] = Counter()
        pending = 0
        for database in self._databases:
            rows = await database.writes.fetch_all(
                "SELECT service_key FROM voucher_claim_source WHERE state = 'CONSUMED'"
            )
            paid.update(key for (key,) in rows)
            ((count,),) = await database.writes.fetch_all(
                "SELECT count(*) FROM shared_claim WHERE state = 'PENDING'"
            )
            pending += count
        self.report.consumed = paid.total()
        self.report.most_of_one = max(self.report.most_of_one, *paid.values(), 0)
        self.report.unknown.append((time.monotonic() - self._began, pending))

    async def _settle(self) -> None:
        """Wait until every service is paid for, at most `END_S` from when all hubs are back."""
        began = time.monotonic()
        while time.monotonic() - began < END_S:
            await self._look()
            if self.report.consumed >= self.report.services:
                break
            await asyncio.sleep(0.5)
        self.report.settled_s = time.monotonic() - began

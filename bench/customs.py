"""`python -m bench.customs`: decisions of customs law a second, and their share in a booking.

    python -m bench.customs                        about a minute
    python -m bench.customs --decisions 200 --bookings 20

The booked system is a stand-in that answers at once, so the share is the greatest that it can be. Writes the part
"Customs answers" of `bench/RESULTS.md`; ends with 1 where an answer is not what it must be.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters import discover
from adapters._booking import BookingOutcome, BookingProtocol, BookingResult, BookingSteps
from bench.page import CUSTOMS, write_part
from bench.place import ROOT, drop_database, fresh_database, postgres
from bench.report import table
from hub.access.agreements import Agreements
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.customs.answer import UseAnswer
from hub.customs.question import UseQuestion
from hub.customs.service import NOBODY, CustomsAsker, CustomsDesk
from hub.embedded.server import EmbeddedPostgres
from hub.harvest.connections import HttpConnection
from hub.harvest.source import HarvestSource
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.orders.service import OrderDesk, TimeWanted
from hub.policy.customs.decision import CustomsAnswer, may_serve
from hub.policy.customs.facts import CustomsFacts, CustomsPlace, Period, UseRequest
from hub.policy.law import current_law
from hub.policy.working_days import months_after
from hub.store.database import Database
from hub.store.sources import register_source
from schema.codes import CustomsGoodsKind, CustomsStatus, ServicePurpose
from schema.dates import local_date

RESULTS = ROOT / "bench" / "RESULTS.md"
NAME = "bench_customs"
OWNER, USER, OFFICE = "uscc:12330000470003281H", "uscc:12100000470095016Q", "moe:10345"
INSTRUMENTS = 100
AT_ONCE = 16
USES = list(ServicePurpose)
PLACE = CustomsPlace("HANGZHOU", "campus")
OWN = CustomsAsker(OWNER, frozenset({"catalogue:read", "customs:read"}))


@dataclass(kw_only=True)
class CustomsMeasured:
    """What one run found. Seconds; `customs_s`: of each booking, what the desk took of it."""

    rules: int = 0
    rules_s: float = 0.0
    decisions: int = 0
    alone_s: float = 0.0
    alone_cpu_s: float = 0.0
    together_s: float = 0.0
    booked_s: list[float] = field(default_factory=list)
    customs_s: list[float] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    load: float = 0.0
    """Programs that wanted a core before the run began, over the last minute."""

    @property
    def share(self) -> float:
        """Which part of a booking is the decision."""
        return sum(self.customs_s) / sum(self.booked_s)


def rule_alone(count: int, found: CustomsMeasured) -> None:
    """Ask the rules themselves, over facts in memory."""
    day = date(2026, 11, 1)
    asked_at = datetime(2026, 11, 1, 1, tzinfo=UTC)
    reports = tuple((year, datetime(year, 5, 1, tzinfo=UTC)) for year in (2025, 2026))
    facts = CustomsFacts(
        owner=OWNER, status=CustomsStatus.SUPERVISED, origin="DEU", has_record=True, as_of=asked_at,
        kind=CustomsGoodsKind.OTHER, released_on=date(2024, 6, 1), approved_place=PLACE,
        approved_uses=frozenset(USES), nrii_since=date(2024, 9, 1), agreement_signed=True, approvals=(),
        reports=reports, duties=(),
    )  # fmt: skip
    use = UseRequest(
        user=USER, purpose=ServicePurpose.RESEARCH, place=PLACE, period=Period(day, day)
    )
    law = current_law().on(day, "330106")
    began = time.perf_counter()
    answers = {may_serve(facts, use, law, asked_at).rule for _ in range(count)}
    found.rules, found.rules_s = count, time.perf_counter() - began
    if answers != {8}:
        found.faults.append(f"rules {answers} answered, not the eighth")


async def filled(database: Database) -> None:
    """State instruments under supervision, in order."""
    now = system_clock()
    await register_source(
        database, NAME, "性能测试", mode="PUSH", owners=[OWNER], now=now, purpose="CUSTOMS",
        authority=f"{OWNER}/{NAME}",
    )  # fmt: skip
    batch = Batch(
        source=NAME, party="hub:bench", channel=Channel.FILE, rows=list(_rows(local_date(now))),
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"), as_of=now,
    )  # fmt: skip
    outcomes = await submit(database, batch, clock=system_clock)
    bad = [row for row in outcomes.rows if row.outcome is not Outcome.ACCEPTED]
    assert bad == [], bad[:3]


def _rows(today: date) -> Any:
    released = months_after(today.replace(day=1), -29)
    years = [year for year in range(released.year + 1, today.year + 1) if date(year, 6, 30) < today]
    yield {
        "type": "Institution",
        "record": {"institutionKey": OWNER, "name": {"zh": "大学"}, "kind": "UNIVERSITY"},
    }
    for number in range(INSTRUMENTS):
        item = {
            "declarationNo": f"{number:018}", "itemNo": "01", "instrumentKey": f"{OWNER}/{number}", "customsKey": OFFICE,
        }  # fmt: skip
        yield {"type": "Instrument", "record": {
            "institutionKey": OWNER, "localNo": f"{number}", "name": {"zh": "电镜"}, "status": "IN_SERVICE",
            "originCountry": "DEU", "customsStatus": "SUPERVISED",
        }}  # fmt: skip
        yield {"type": "CustomsSupervision", "record": {
            **item, "district": "HANGZHOU", "goodsKind": "OTHER", "releasedOn": released.isoformat(), "approvedPlace": "campus",
            "approvedUses": [each.value for each in USES], "nriiSince": released.isoformat(),
        }}  # fmt: skip
        for year in years:
            yield {
                "type": "CustomsReport",
                "record": {**item, "year": year, "filedAt": f"{year}-05-01T00:00:00Z"},
            }


def _question(number: int) -> UseQuestion:
    day = local_date(system_clock())
    return UseQuestion(
        instrument=f"{OWNER}/{number % INSTRUMENTS}", user=USER, purpose=ServicePurpose.RESEARCH,
        first=day, last=day, agreement_signed=True,
    )  # fmt: skip


async def desk_alone(desk: CustomsDesk, count: int, found: CustomsMeasured) -> None:
    """Ask the desk, which reads the store and signs: one after another, and several at once."""
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        _note(found, await desk.decide(_question(number), OWN))
    found.alone_s, found.alone_cpu_s = time.perf_counter() - began, time.process_time() - cpu
    numbers = iter(range(count))

    async def asker() -> None:
        for number in numbers:
            _note(found, await desk.decide(_question(number), OWN))

    began = time.perf_counter()
    await asyncio.gather(*(asker() for _ in range(AT_ONCE)))
    found.decisions, found.together_s = count, time.perf_counter() - began


def _note(found: CustomsMeasured, answer: UseAnswer) -> None:
    told = f"{answer.answer.value} by rule {answer.rule}"
    found.answers[told] = found.answers.get(told, 0) + 1


class TimedDesk(CustomsDesk):
    """A desk that says how long it took."""

    took_s = 0.0

    async def decide(self, question: UseQuestion, asker: CustomsAsker = NOBODY) -> UseAnswer:
        """Answer a question."""
        began = time.perf_counter()
        answer = await super().decide(question, asker)
        self.took_s = time.perf_counter() - began
        return answer


def _at_once(_: object) -> BookingSteps:
    """Answer for a system that takes no time."""
    yield from ()
    return BookingResult(outcome=BookingOutcome.FIRM, reference="1")


async def bookings(database: Database, desk: TimedDesk, count: int, found: CustomsMeasured) -> None:
    """Book the owner's own instruments at a system that answers at once."""
    adapter = replace(
        discover()["nemo"], booking=BookingProtocol(book=_at_once, cancel=_at_once, find=_at_once)
    )
    connection = HttpConnection(base_url="http://127.0.0.1:9")
    source = HarvestSource(
        id=NAME,
        adapter=adapter,
        connection=connection,
        owners=(OWNER,),
        authority=f"{OWNER}/{NAME}",
    )
    orders = OrderDesk(database, desk, "hub:bench", system_clock)
    start = system_clock().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    for number in range(count):
        wanted = TimeWanted(
            order=f"B-{number}", instrument=f"{OWNER}/{number % INSTRUMENTS}", user=OWNER,
            purpose=ServicePurpose.RESEARCH, start=start, end=start + timedelta(hours=1),
        )  # fmt: skip
        began = time.perf_counter()
        booked = await orders.request(source, wanted)
        found.booked_s.append(time.perf_counter() - began)
        found.customs_s.append(desk.took_s)
        if booked.outcome is not BookingOutcome.FIRM:
            found.faults.append(f"{wanted.order}: {booked.outcome.value}")


async def measured(server: EmbeddedPostgres, decisions: int, booked: int) -> CustomsMeasured:
    """Measure everything in a database of its own."""
    found = CustomsMeasured(load=os.getloadavg()[0])
    rule_alone(decisions * 10, found)
    url = fresh_database(server, NAME)
    key = generate_key()
    async with Database(url) as database:
        await filled(database)
        agreements = Agreements(database, system_clock)
        desk = TimedDesk(
            database, agreements, system_clock, issuer="https://bench", key=lambda: key
        )
        await desk_alone(desk, decisions, found)
        await bookings(database, desk, booked, found)
    drop_database(server, NAME)
    if set(found.answers) != {f"{CustomsAnswer.ALLOW.value} by rule 8"}:
        found.faults.append(f"answers: {found.answers}")
    return found


def markdown(found: CustomsMeasured) -> str:
    """Return the part of the page."""
    each_ms = [1000 * seconds for seconds in found.booked_s]
    rows = [
        [
            "the rules alone, facts in memory",
            f"{found.rules / found.rules_s:,.0f}",
            f"{1e6 * found.rules_s / found.rules:,.0f}",
        ],
        [
            "the desk: reads the store, decides, signs; one after another",
            f"{found.decisions / found.alone_s:,.0f}",
            f"{1e6 * found.alone_cpu_s / found.decisions:,.0f}",
        ],
        [f"the same, {AT_ONCE} at once", f"{found.decisions / found.together_s:,.0f}", "-"],
    ]
    written = (
        "Written by `python -m bench.customs`. Every answer is ALLOW by rule 8 on supervision, reports and place. "
        "A booking is one at a system that answers at once, so the share is the greatest that it can be. Load of the "
        f"machine before: {found.load:.1f} on {os.cpu_count()} cores."
    )
    share = [
        ["median of a booking, ms", f"{statistics.median(each_ms):,.1f}"],
        ["of it the decision, ms", f"{1000 * statistics.median(found.customs_s):,.1f}"],
        ["share of the decision in all bookings", f"{found.share:.0%}"],
    ]
    return "\n\n".join([
        written, table(["what", "decisions/s", "hub processor µs each"], rows), table(["what", "figure"], share),
    ])  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the part of the page."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.customs", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--decisions", type=int, default=3_000)
    parser.add_argument("--bookings", type=int, default=300)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    with postgres() as server:
        found = asyncio.run(measured(server, asked.decisions, asked.bookings))
    text = markdown(found)
    print(text)
    write_part(asked.out, CUSTOMS, text)
    for fault in found.faults[:10]:
        print(fault, file=sys.stderr)
    return 1 if found.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())

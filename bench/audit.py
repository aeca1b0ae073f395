"""`audit`: what it costs to write down who read which restricted record, before its answer leaves.

One party reads the usage records of another one by agreement: the same pages from an engine with
the audit and from one without it, in turn. Everything is new in a database of its own.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hub.access.agreements import Agreements
from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.audit.service import Audit
from hub.clock import system_clock
from hub.graphql.hooks import ServiceFacts
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine, Parts
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.sources import register_source
from schema.dates import format_instant

OWNER, READER = "moe:10335", "moe:10246"
RECORDS = 100
PAGES = (1, 20, 100)
REQUESTS, ROUNDS = 100, 5
SOURCE = "audited"
SCOPES = frozenset({"catalogue:read", "graphql:adhoc", "service:read"})


@dataclass(frozen=True, slots=True)
class AuditCost:
    """A page of so many restricted records: milliseconds of an answer without audit and with it."""

    rows: int
    without_ms: float
    with_ms: float


async def audit_costs(database: Database) -> list[AuditCost]:
    """Measure every page; each round asks both engines."""
    await _fill(database)
    agreements = Agreements(database, system_clock)
    facts = ServiceFacts(version="bench", standard_version="1", sandbox=False)
    plain, audited = (
        Engine(database, system_clock, Parts(facts=facts, audit=audit), agreements=agreements)
        for audit in (None, Audit(database, system_clock))
    )
    return [await _cost(rows, plain, audited) for rows in PAGES]


async def _cost(rows: int, plain: Engine, audited: Engine) -> AuditCost:
    document = f"{{ usageRecords(first: {rows}) {{ nodes {{ key hours startedAt }} }} }}"
    samples: dict[bool, list[float]] = {False: [], True: []}
    for number in range(ROUNDS + 1):  # the first round warms plans and connections
        for is_audited, engine in ((False, plain), (True, audited)):
            took = await _asked(engine, document, rows)
            if number:
                samples[is_audited].append(took)
    return AuditCost(rows, statistics.median(samples[False]), statistics.median(samples[True]))


async def _asked(engine: Engine, document: str, rows: int) -> float:
    """Return milliseconds of one answer, over many."""
    caller = Caller("reader", READER, ClientKind.PARTNER, SCOPES)
    began = time.perf_counter()
    for _ in range(REQUESTS):
        answer = await engine.answer(
            GraphRequest(query=document), Asking(caller=caller, language="en")
        )
        if answer.body.count(b'"hours"') != rows or b'"errors"' in answer.body:
            raise RuntimeError(f"answered {answer.body[:600]!r}")
    return (time.perf_counter() - began) * 1000 / REQUESTS


async def _fill(database: Database) -> None:
    now = system_clock()
    await register_source(
        database, SOURCE, SOURCE, mode="PUSH", owners=[OWNER], authority=f"{OWNER}/lims", now=now
    )
    outcomes = await submit(
        database,
        Batch(
            source=SOURCE,
            party="hub:hub.delta.example/records",
            channel=Channel.HARVEST,
            rows=[{"type": kind, "record": record} for kind, record in _records()],
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"
            ),
            as_of=now,
        ),
        clock=system_clock,
    )
    if outcomes.counts[Outcome.ACCEPTED] != len(outcomes.rows):
        raise RuntimeError(f"not all was taken: {outcomes.counts}")


def _records() -> list[tuple[str, dict[str, Any]]]:
    made: list[tuple[str, dict[str, Any]]] = [
        ("Institution", {"institutionKey": OWNER, "name": {"zh": "大学"}, "kind": "UNIVERSITY"}),
        (
            "Instrument",
            {
                "institutionKey": OWNER,
                "localNo": "A1",
                "name": {"zh": "透射电镜"},
                "status": "IN_SERVICE",
            },
        ),
        ("Agreement", {"providerKey": OWNER, "consumerKey": READER, "dataset": "SERVICE"}),
    ]
    for number in range(RECORDS):
        started = system_clock() - timedelta(days=number + 1)
        made.append(
            (
                "UsageRecord",
                {
                    "instrumentKey": f"{OWNER}/A1",
                    "localId": f"U{number}",
                    "startedAt": format_instant(started),
                    "hours": "4.0",
                    "collectionMethod": "SENSOR",
                },
            )
        )
    return made

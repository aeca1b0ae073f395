"""A small delta: what is in it is written out, so that every expected answer can be read off.

Tuesday 1 December 2026, Asia/Shanghai, is the day that is asked for:
- T1: open 8 to 20, covered, taken 10 to 12: free 2 h and 8 h
- T2: open 8 to 20, covered until 12 only: free 4 h, unknown 8 h
- T3: open 8 to 20, covered, a tentative booking 9 to 10: free
- S1: open 8 to 20, covered, taken all day: busy
- S2: open 8 to 20, no source covered it: unknown
- X1: nobody stated opening hours: unknown
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.graphql.hooks import ServiceFacts
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine, Parts
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.query.answer.respond import Answer
from hub.query.plan.limits import QueryLimits
from hub.store.database import Database
from hub.store.sources import register_source
from tests.databases import analyze, as_owner, lent_to_hub, opened

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
TUESDAY = {"from": "2026-12-01T00:00:00+08:00", "until": "2026-12-02T00:00:00+08:00"}
A, B, C, P = "moe:10335", "moe:10246", "moe:10284", "moe:10358"
READ = frozenset({"catalogue:read", "graphql:adhoc"})
ALL = READ | {"asset:read", "service:read", "voucher:read", "customs:read"}
TEM = {"scheme": "GB/T 32847", "version": "2016", "code": "010101"}
SHANGHAI = {"divisionCode": "310110"}
SEM = {"scheme": "GB/T 32847", "version": "2016", "code": "010102"}


def caller(party: str | None = P, scopes: frozenset[str] = ALL) -> Caller:
    return Caller("client-of-" + str(party), party, ClientKind.PARTNER, scopes)


def institution(key: str, zh: str, en: str, division: str) -> dict[str, Any]:
    return {
        "institutionKey": key,
        "name": {"zh": zh, "en": en},
        "kind": "UNIVERSITY",
        "divisionCode": division,
    }


def instrument(owner: str, number: str, zh: str, classes: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "institutionKey": owner,
        "localNo": number,
        "name": {"zh": zh},
        "classes": classes,
        "status": "IN_SERVICE",
        "use": "GENERAL",
        "sharing": "OUTSIDE",
        **more,
    }


def offer(key: str, code: str, audience: str, price: str, **more: Any) -> dict[str, Any]:
    return {
        "instrumentKey": key,
        "code": code,
        "audience": audience,
        "unit": "HOUR",
        "price": {"amount": price, "currency": "CNY"},
        **more,
    }


def service(owner_key: str, number: str, user: str | None, **more: Any) -> dict[str, Any]:
    return {
        "instrumentKey": owner_key,
        "localId": number,
        **({"userKey": user} if user else {}),
        "startedAt": "2026-11-02T01:00:00Z",
        "endedAt": "2026-11-02T05:00:00Z",
        "hours": "4.0",
        "purpose": "RESEARCH",
        "collectionMethod": "BOOKING_SYSTEM",
        "charge": {"amount": "1200.00", "currency": "CNY"},
        **more,
    }


def usage(owner_key: str, number: str, user: str) -> dict[str, Any]:
    made = service(owner_key, number, user)
    del made["charge"]
    return made


def span(start: str, end: str) -> dict[str, str]:
    return {"startAt": f"2026-12-01T{start}:00Z", "endAt": f"2026-12-01T{end}:00Z"}


def occupancy(key: str, number: str, certainty: str, start: str, end: str) -> dict[str, Any]:
    return {
        "instrumentKey": key,
        "localId": number,
        "kind": "RESERVATION",
        "certainty": certainty,
        **span(start, end),
    }


def money(amount: str, currency: str = "CNY") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def _catalogue() -> list[tuple[str, dict[str, Any]]]:
    t1, t2, t3, s1, s2 = f"{A}/T1", f"{A}/T2", f"{A}/T3", f"{B}/S1", f"{B}/S2"
    rows: list[tuple[str, dict[str, Any]]] = [
        ("Institution", institution(A, "浙江大学", "Zhejiang University", "330106")),
        ("Institution", institution(B, "复旦大学", "Fudan University", "310110")),
        ("Institution", institution(C, "南京大学", "Nanjing University", "320102")),
        (
            "Centre",
            {
                "institutionKey": A,
                "code": "EM",
                "name": {"zh": "电镜中心"},
                "kind": "ANALYSIS_CENTRE",
            },
        ),
    ]
    rows += [
        ("Instrument", each)
        for each in (
            instrument(
                A,
                "T1",
                "场发射透射电镜",
                [TEM],
                model="JEM-2100F",
                originalValue=money("5125000.00"),
                centreCode="EM",
                acceptedOn="2020-05",
                identifiers=[{"scheme": "NRII", "value": "2020-T1"}],
                annualHours=1500,
                place={"divisionCode": "330106", "address": '玉泉"校区"\\1号楼 东'},
            ),
            instrument(
                A,
                "T2",
                "冷冻透射电镜",
                [TEM],
                originalValue=money("20000000.00"),
                place={"divisionCode": "330206"},
            ),
            instrument(A, "T3", "透射电镜", [TEM], place={"divisionCode": "340102"}),
            instrument(
                B,
                "S1",
                "扫描电镜",
                [SEM],
                place=SHANGHAI,
                originalValue=money("3000000.00"),
                annualHours=9,
            ),
            instrument(B, "S2", "环境扫描电镜", [SEM], place=SHANGHAI, status="IDLE"),
            instrument(C, "X1", "X射线衍射仪", [], joinedOn="2019-03-01"),
        )
    ]
    days = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")
    for key in (t1, t2, t3, s1, s2):
        for day in days:
            hours = {"periods": [{"opens": "08:00", "closes": "20:00"}]}
            rows.append(("OpeningHours", {"instrumentKey": key, "weekday": day, **hours}))
        for day in ("SATURDAY", "SUNDAY"):
            rows.append(("OpeningHours", {"instrumentKey": key, "weekday": day}))
    for key, end in ((t1, "16:00"), (t2, "04:00"), (t3, "16:00"), (s1, "16:00")):
        covered = {"startAt": "2026-11-30T16:00:00Z", "endAt": f"2026-12-01T{end}:00Z"}
        rows.append(("OccupancyCoverage", {"instrumentKey": key, **covered}))
    return rows


def _bookings() -> list[tuple[str, dict[str, Any]]]:
    t1, t2, t3, s1 = f"{A}/T1", f"{A}/T2", f"{A}/T3", f"{B}/S1"
    return [
        ("Occupancy", occupancy(t1, "1", "FIRM", "02:00", "04:00")),
        ("Occupancy", occupancy(t3, "2", "TENTATIVE", "01:00", "02:00")),
        ("Occupancy", occupancy(s1, "3", "FIRM", "00:00", "12:00")),
        ("ServiceOffer", offer(t1, "E", "ENTERPRISE", "500.00", minimumCharge=money("3000.00"))),
        ("ServiceOffer", offer(t1, "E9", "ENTERPRISE", "1.00", validUntil="2025-12-31")),
        ("ServiceOffer", offer(t1, "O", "OUTSIDE", "300.00")),
        ("ServiceOffer", offer(t2, "O", "OUTSIDE", "400.50")),
        ("ServiceOffer", offer(s1, "I", "INSIDE", "10.00")),
        ("ServiceRecord", service(t1, "R1", B, voucherFen=30000)),
        ("ServiceRecord", service(t1, "R2", None)),
        ("ServiceRecord", service(s1, "R3", None)),
        ("UsageRecord", usage(t1, "U1", B)),
    ]


SOURCE_OF = {A: "alpha", B: "beta", C: "gamma"}


def owner_of(kind: str, row: dict[str, Any]) -> str:
    for name in ("institutionKey", "providerKey"):
        if name in row:
            return str(row[name])
    return str(row["instrumentKey"]).partition("/")[0]


async def put(database: Database, rows: list[tuple[str, dict[str, Any]]], source: str) -> None:
    """Put rows in as a harvest would; every one of them must be accepted."""
    batch = Batch(
        source=source,
        party="hub:delta.example",
        channel=Channel.HARVEST,
        rows=[{"type": kind, "record": row} for kind, row in rows],
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"),
        as_of=NOW,
    )
    outcomes = await submit(database, batch, clock=lambda: NOW)
    bad = [row for row in outcomes.rows if row.outcome is Outcome.QUARANTINED]
    assert bad == []


async def register(database: Database) -> None:
    for owner, source in SOURCE_OF.items():
        await register_source(
            database,
            source,
            f"来源{source}",
            mode="HARVEST",
            now=NOW,
            owners=[owner],
            promised_freshness_s=3600,
        )
    await register_source(database, "late", "迟到的来源", mode="HARVEST", now=NOW, owners=["moe:1"])


async def seed(url: str) -> None:
    async with Database(url) as database:
        await register(database)
        for owner, source in SOURCE_OF.items():
            rows = [row for row in [*_catalogue(), *_bookings()] if owner_of(*row) == owner]
            await put(database, rows, source)
        await put(database, [("Agreement", agreement(A, "ASSET"))], "alpha")
        fields = {"fields": ["originalValue"]}
        await put(database, [("Agreement", agreement(B, "ASSET", **fields))], "beta")
    with psycopg.connect(as_owner(url), autocommit=True) as connection:
        connection.execute(
            "UPDATE source SET last_ok_at = %s, last_status = 'OK', rows = 9"
            " WHERE source_id IN ('alpha', 'gamma')",
            (NOW,),
        )
        connection.execute(
            "UPDATE source SET last_ok_at = %s::timestamptz - interval '1 day', rows = 9"
            " WHERE source_id = 'beta'",
            (NOW,),
        )
    analyze(url)


def agreement(provider: str, dataset: str, consumer: str = P, **more: Any) -> dict[str, Any]:
    return {
        "providerKey": provider,
        "consumerKey": consumer,
        "dataset": dataset,
        "purpose": "跨区域共享",
        **more,
    }


@pytest.fixture(scope="session")
def world_url(cluster: str, template: str) -> Iterator[str]:
    """The address of a database that holds the small delta; tests only read it."""
    with lent_to_hub(cluster, template) as url:
        asyncio.run(seed(url))
        yield url


@dataclass(slots=True)
class Asker:
    """Asks an engine and reads its answers."""

    engine: Engine
    of_subgraph: bool = False
    last: dict[str, Any] = field(default_factory=dict)

    async def raw(
        self, query: str, variables: dict[str, Any] | None = None, who: Caller | None = None
    ) -> Answer:
        request = GraphRequest(query=query, variables=variables or {}, of_subgraph=self.of_subgraph)
        return await self.engine.answer(request, Asking(caller=who or caller(), language="en"))

    async def __call__(
        self, query: str, variables: dict[str, Any] | None = None, who: Caller | None = None
    ) -> Any:
        """Return the data of an answer; `last` holds all of it."""
        self.last = json.loads((await self.raw(query, variables, who)).body)
        return self.last.get("data")

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.last.get("errors", [])]


def engine_on(database: Database, limits: QueryLimits | None = None, **parts: Any) -> Engine:
    facts = ServiceFacts(version="1", standard_version="1", sandbox=True)
    return Engine(database, lambda: NOW, Parts(facts=facts, **parts), limits)


@pytest.fixture
async def ask(world_url: str) -> AsyncIterator[Asker]:
    async with opened(world_url) as database:
        yield Asker(engine_on(database))

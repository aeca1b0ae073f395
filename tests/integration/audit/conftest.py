"""A university with protected records, and parties with and without a right to read them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.access.agreements import Agreements
from hub.access.cases import CaseGrant
from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.audit.rows import AuditRow
from hub.audit.service import Audit
from hub.exchange.service import ChangeFeed
from hub.graphql.hooks import ServiceFacts
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine, Parts
from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.sources import register_source

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
UNIVERSITY, USER, AGREED, STRANGER = "moe:10335", "moe:10246", "moe:10358", "moe:10284"
HUB = "hub:hub.delta.example/records"
KEY = f"{UNIVERSITY}/A1"
SCOPES = frozenset(
    {"catalogue:read", "graphql:adhoc", "changes:read", "asset:read", "service:read"}
)
CASE = CaseGrant(
    scope="person:read", case_no="2026-17", purpose="复核", until=NOW + timedelta(days=1)
)
BREAKING = CaseGrant(
    scope="operator:break-glass", case_no="E-1", purpose="应急", until=NOW + timedelta(days=1)
)


def caller(party: str | None, *scopes: str, cases: tuple[CaseGrant, ...] = ()) -> Caller:
    return Caller(
        f"of-{party}",
        party,
        ClientKind.PARTNER,
        SCOPES | set(scopes),
        cases={each.scope: each for each in cases},
    )


class Hub:
    """Answers GraphQL, and shows its audit."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.at = NOW
        agreements = Agreements(database, self.clock)
        self.audit = Audit(database, self.clock)
        parts = Parts(
            facts=ServiceFacts(version="1", standard_version="1", sandbox=True),
            changes=ChangeFeed(database, agreements, self.clock).page,
            audit=self.audit,
        )
        self.engine = Engine(database, self.clock, parts, agreements=agreements)

    def clock(self) -> datetime:
        return self.at

    async def ask(self, who: Caller, document: str, **more: Any) -> dict[str, Any]:
        asking = replace(Asking(caller=who), **more)
        request = GraphRequest(query=document, of_subgraph="_entities" in document)
        answer = await self.engine.answer(request, asking)
        assert b"\x01" not in answer.body
        assert b"\x02" not in answer.body
        return dict(json.loads(answer.body))

    async def rows(self) -> list[AuditRow]:
        return await self.audit.all(0, 200)


@pytest.fixture
async def hub(database: Database) -> AsyncIterator[Hub]:
    await register_source(database, "zju", "浙江大学", mode="PUSH", owners=[UNIVERSITY], now=NOW)
    instrument = {
        "institutionKey": UNIVERSITY,
        "localNo": "A1",
        "name": {"zh": "电镜"},
        "status": "IN_SERVICE",
        "originalValue": {"amount": "10.00", "currency": "CNY"},
        "originals": [{"path": "originalValue.amount", "text": "十元"}],
    }
    usage = {
        "instrumentKey": KEY,
        "localId": "U1",
        "hours": "4.0",
        "startedAt": "2026-11-02T01:00:00Z",
        "endedAt": "2026-11-02T05:00:00Z",
        "purpose": "RESEARCH",
        "collectionMethod": "SENSOR",
        "userKey": USER,
        "userReference": "p-1",
    }
    grants = [
        {"providerKey": UNIVERSITY, "consumerKey": AGREED, "dataset": dataset}
        for dataset in ("ASSET", "SERVICE", "PERSON")
    ]
    rows = [
        {"type": "Instrument", "record": instrument},
        {"type": "UsageRecord", "record": usage},
        {"type": "UsageRecord", "record": {**usage, "localId": "U2"}},
        *({"type": "Agreement", "record": each} for each in grants),
    ]
    seen = Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"d" * 32, run_id="r")
    batch = Batch(
        source="zju", party=HUB, channel=Channel.FILE, rows=rows, evidence=seen, as_of=NOW
    )
    outcomes = await submit(database, batch, clock=lambda: NOW)
    assert [each.problems for each in outcomes.rows if each.problems] == []
    yield Hub(database)


@pytest.fixture
def ids(hub: Hub) -> Callable[[str], Any]:
    async def of(table: str) -> list[str]:
        rows = await hub.database.reads.fetch_all(f"SELECT item_id FROM {table} ORDER BY key")
        return [row[0] for row in rows]

    return of

"""A registered university and a province platform, and batches of theirs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.intake.batch import (
    Assurance,
    Batch,
    Channel,
    Evidence,
    Idempotency,
    Outcomes,
    RequestSignature,
)
from hub.intake.service import submit
from hub.ledger.policy import NONE, Policy
from hub.store.database import Database

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
UNIVERSITY = "moe:10335"
KID = "k" * 43

Row = dict[str, Any]


def make_instrument(number: int = 1, **changes: Any) -> Row:
    record = {
        "institutionKey": UNIVERSITY,
        "localNo": f"A{number:05}",
        "name": {"zh": f"场发射扫描电镜{number}", "en": "Field emission SEM"},
        "model": "JEM-2100F",
        "status": "IN_SERVICE",
        "originalValue": {"amount": "1250000.50", "currency": "CNY"},
        "acceptedOn": "2021-06",
        "topics": ['新材料 "A"', "back\\slash"],
        "functions": "微区形貌观察\n能谱分析",
        "annualHours": 1400,
        "place": {"divisionCode": "330106", "address": "紫金港校区"},
    }
    record.update(changes)
    return {"type": "Instrument", "record": {k: v for k, v in record.items() if v is not None}}


@pytest.fixture
def instrument() -> Callable[..., Row]:
    return make_instrument


@pytest.fixture
async def sources(database: Database) -> None:
    async with database.writes.transaction() as connection:
        await connection.execute(
            "INSERT INTO source (source_id, title, mode, kind, authority, owners, created_at) "
            "VALUES ('zju', '浙江大学', 'PUSH', 'OWN', 'moe:10335/lims', %s, %s), "
            "('anhui', '安徽', 'HARVEST', 'PLATFORM', 'platform:anhui/booking', NULL, %s), "
            "('other', '别的', 'PUSH', 'PLATFORM', 'platform:other/booking', NULL, %s)",
            ([UNIVERSITY], NOW, NOW, NOW),
        )
        await connection.execute(
            "INSERT INTO client (client_id, party, kind, name, scopes, sources, status, created_at)"
            " VALUES ('zju-client', %s, 'UNIVERSITY', '浙江大学', '{records:push}', '{zju}', "
            "'ACTIVE', %s)",
            (UNIVERSITY, NOW),
        )


Push = Callable[..., Any]


@pytest.fixture
def push(database: Database, sources: None) -> Push:
    """Submit rows as the university's client; keyword arguments change the batch."""

    async def send(
        *rows: Any, key: str | None = None, body: bytes = b"1", **changes: Any
    ) -> Outcomes:
        batch = {
            "source": "zju",
            "party": UNIVERSITY,
            "client_id": "zju-client",
            "channel": Channel.PUSH,
            "rows": list(rows),
            "evidence": Evidence(
                assurance=Assurance.REQUEST_SIGNED,
                request=RequestSignature("base", b"signature", KID),
            ),
            "as_of": NOW,
            "idempotency": Idempotency(key=key, body_hash=body) if key else None,
        }
        clock = changes.pop("clock", lambda: NOW)
        return await submit(database, Batch(**{**batch, **changes}), clock=clock)

    return send


@pytest.fixture
def harvest(database: Database, sources: None) -> Push:
    """Submit rows as the hub, seen at a source that may speak for any institution."""

    async def send(*rows: Any, source: str = "anhui", as_of: datetime = NOW) -> Outcomes:
        batch = Batch(
            source=source,
            party="hub:hub.delta.example",
            channel=Channel.HARVEST,
            rows=list(rows),
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED, document_hash=b"d" * 32, run_id="run-1"
            ),
            as_of=as_of,
        )
        return await submit(database, batch, clock=lambda: NOW)

    return send


@pytest.fixture
def policy() -> Policy:
    """The policy of a hub that nobody witnesses."""
    return Policy((), {}, {}, NONE)

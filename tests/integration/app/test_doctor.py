"""The checkup of a partner against a hub that really listens."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.access.clients import ClientKind, KeyStatus
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.app import Hub, build
from hub.cli.serve import listening
from hub.client import create_key
from hub.client.checkup import CheckupFinding, Questions, collect
from hub.client.profile import Profile
from hub.clock import system_clock
from hub.explorer.samples import document
from hub.settings import Settings
from hub.store.database import Database
from hub.store.sources import register_source
from hub.store.webhooks import Webhook, WebhookState, add_webhook
from tests.integration.app.conftest import UNIVERSITY

START_S_MAX = 20
SCOPES = ("catalogue:read", "records:push", "changes:read")


@dataclass
class Practice:
    hub: Hub
    profile: Profile
    kid: str


@pytest.fixture
async def practice(database: Database, tmp_path: Path) -> AsyncIterator[Practice]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    hub = await build(Settings(data_dir=tmp_path, port=port), database, system_clock)
    await register_source(
        database, "mine", "推送", mode="PUSH", owners=[UNIVERSITY], now=system_clock()
    )
    key = create_key(tmp_path / "key.pem")
    application = read_application(application_document("patient", "patient", key.public))
    grant = ClientGrant(UNIVERSITY, ClientKind.UNIVERSITY, SCOPES, ("mine",))
    await admit(DatabaseClientStore(database), application, grant, system_clock())
    async with listening(hub):
        base = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(START_S_MAX):
            while not hub.sequencer.health.is_well:
                await asyncio.sleep(0.01)
        yield Practice(hub, Profile(base, "patient", tmp_path / "key.pem"), key.kid)


async def look(
    practice: Practice, source: str | None = None, ahead_s: int = 0
) -> list[CheckupFinding]:
    def clock() -> datetime:
        return system_clock() + timedelta(seconds=ahead_s)

    questions = Questions(document("who_am_i"), document("sources"))
    return await collect(practice.profile, questions, clock, source)


def ill(findings: list[CheckupFinding]) -> dict[str, str]:
    return {finding.step.split()[0]: finding.result for finding in findings if not finding.is_well}


async def test_a_partner_in_order_is_told_so_step_by_step(practice: Practice) -> None:
    findings = await look(practice)
    assert ill(findings) == {}
    steps = [finding.step.split()[0] for finding in findings]
    assert steps == ["address", "clock", "key", "token", "scopes", "query", "webhooks", "push"]
    assert findings[-1].result.startswith("mine: signature accepted")


async def test_a_wrong_clock_is_named(practice: Practice) -> None:
    assert set(ill(await look(practice, ahead_s=400))) == {"clock"}


async def test_a_source_of_another_is_named(practice: Practice) -> None:
    assert ill(await look(practice, source="theirs")) == {"push": "SOURCE_FORBIDDEN"}


async def test_a_key_that_others_may_read_ends_the_checkup(practice: Practice) -> None:
    practice.profile.key.chmod(0o644)
    findings = await look(practice)
    assert set(ill(findings)) == {"key"}
    assert findings[-1].ends


async def test_a_revoked_key_is_named(practice: Practice, database: Database) -> None:
    await DatabaseClientStore(database).revoke_key(practice.kid, KeyStatus.LOST, system_clock())
    practice.hub.access.clients.forget("patient")
    assert ill(await look(practice)) == {"token": "invalid_client"}


async def test_an_address_without_a_hub_is_named(practice: Practice) -> None:
    lost = Practice(
        practice.hub,
        Profile("http://127.0.0.1:9", "patient", practice.profile.key),
        practice.kid,
    )
    assert set(ill(await look(lost))) == {"address"}


@pytest.mark.parametrize(
    ("state", "fault", "advice"),
    [
        (WebhookState.STOPPED, "HTTP 410", "/replay starts it"),
        (WebhookState.PENDING, None, "/challenge"),
        (WebhookState.ACTIVE, "SCOPE_MISSING", "changes:read"),  # made with no scope
    ],
)
async def test_a_partner_is_told_that_a_webhook_gets_nothing(
    practice: Practice, state: WebhookState, fault: str | None, advice: str
) -> None:
    made = Webhook(
        webhook_id="wh_1",
        client_id="patient",
        url="https://hooks.example/",
        types=None,
        owner=None,
        scopes=[],
        state=state,
        secret="s",
        former_secret=None,
        former_until=None,
        cursor=None,
        dead=0,
        fault=fault,
        created_at=system_clock(),
        tried_at=None,
    )
    await add_webhook(practice.hub.database, made)
    (finding,) = (each for each in await look(practice) if each.step.startswith("webhooks"))
    assert finding.result == f"1: wh_1 {state} {fault or ''}".rstrip()
    assert advice in finding.advice

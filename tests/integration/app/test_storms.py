"""Storms of some callers leave room for others: in the order of answers, whatever they last."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from hub.access.clients import ClientKind
from hub.client import CallRefusedError
from hub.errors import RateLimitedError
from hub.intake.limits import BATCHES_OF_ONE, BATCHES_WAITING
from hub.query.plan.documents import registered
from hub.store.database import Database
from hub.store.fair import Asker, Shares, StatementAllowance
from tests.eventually import until
from tests.integration.app.conftest import BASE, UNIVERSITY, World

pytestmark = pytest.mark.integration
SLOW = b"SELECT pg_sleep(0.05)::text"
STORM, STRANGER = Asker("storm"), Asker("from:x", is_anonymous=True)


@pytest.mark.parametrize("asker", [STORM, STRANGER], ids=["a client", "an address"])
async def test_a_victim_is_answered_long_before_the_end_of_a_storm(
    database: Database, asker: Asker
) -> None:
    ended: list[str] = []

    async def ask(who: Asker, name: str) -> None:
        await database.answer(SLOW, [], who)
        ended.append(name)

    shares = Shares()
    most = shares.address_runs + shares.address_waits if asker.is_anonymous else 40
    storm = [asyncio.create_task(ask(asker, "storm")) for _ in range(most)]
    await asyncio.sleep(0)
    await ask(Asker("victim"), "victim")
    assert ended.count("storm") <= 2 * shares.client_runs  # and there are many more to come
    await asyncio.gather(*storm)
    assert ended.count("storm") == most


async def test_strangers_together_leave_room_and_the_rest_of_them_is_refused(
    database: Database,
) -> None:
    askers = [Asker(f"from:{n}", is_anonymous=True) for n in range(100)]
    storm = [asyncio.create_task(database.answer(SLOW, [], each)) for each in askers]
    await asyncio.sleep(0)
    assert await database.answer(b"SELECT 'on'", [], Asker("victim")) == b"on"
    told: list[Any] = await asyncio.gather(*storm, return_exceptions=True)
    refused = [each for each in told if isinstance(each, RateLimitedError)]
    shares = Shares()
    assert len(refused) == 100 - shares.anonymous_runs - shares.anonymous_waits
    assert all(isinstance(each, bytes | RateLimitedError) for each in told)


async def test_dear_statements_of_many_callers_leave_connections_to_who_asks_for_little(
    database: Database,
) -> None:
    ended: list[str] = []

    async def ask(who: str, *, is_dear: bool) -> None:
        await database.answer(SLOW, [], Asker(who), StatementAllowance(is_dear=is_dear))
        ended.append(who)

    storm = [asyncio.create_task(ask(f"client {n}", is_dear=True)) for n in range(30)]
    await asyncio.sleep(0)
    await ask("victim", is_dear=False)
    assert len(ended) <= Shares().dear_runs + 1  # none of them had to end before it could begin
    await asyncio.gather(*storm)
    assert len(ended) == 31


async def test_a_storm_over_http_is_told_to_come_back_and_a_client_is_answered(
    world: World,
) -> None:
    document = next(name for name, text in registered().items() if "query FreeInstruments(" in text)
    body = {
        "documentId": document,
        "variables": {
            "class": "01", "from": "2026-12-01T00:00:00Z", "until": "2026-12-02T00:00:00Z",
            "hours": "4", "audience": "ENTERPRISE",
        },
    }  # fmt: skip
    victim = await world.register(
        "victim", UNIVERSITY, ClientKind.PARTNER, ("catalogue:read", "graphql:adhoc")
    )

    async def stranger(number: int) -> list[httpx.Response]:
        transport = httpx.ASGITransport(world.hub.asgi, client=(f"203.0.113.{number}", 1))
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            return [await client.post("/graphql", json=body) for _ in range(10)]

    storm = [asyncio.create_task(stranger(n)) for n in range(40)]
    answers = [await victim.query("{ instruments { totalCount } }") for _ in range(20)]
    assert [answer.get("errors") for answer in answers] == [None] * 20
    told = [each for answers in await asyncio.gather(*storm) for each in answers]
    assert {each.status_code for each in told} <= {200, 429, 503}
    assert all("retry-after" in each.headers for each in told if each.status_code != 200)


async def test_a_storm_of_batches_waits_behind_itself_and_another_producer_s_is_taken(
    world: World,
) -> None:
    storm = await world.register(
        "storm", UNIVERSITY, ClientKind.UNIVERSITY, ("records:push",), "zju-push"
    )
    other = await world.register(
        "other", UNIVERSITY, ClientKind.UNIVERSITY, ("records:push",), "zju-push"
    )
    owner = {"institutionKey": UNIVERSITY, "name": {"zh": "大学"}, "status": "IN_SERVICE"}

    def rows(number: int) -> list[dict[str, Any]]:
        return [{"type": "Instrument", "record": {**owner, "localNo": f"S{number}"}}]

    most = BATCHES_OF_ONE + BATCHES_WAITING
    await storm.token()
    async with world.hub.database.checking:  # nothing is taken in meanwhile
        pushes = [
            asyncio.create_task(storm.push(rows(n), source="zju-push")) for n in range(most + 5)
        ]

        async def refused() -> bool:
            return sum(push.done() for push in pushes) == 5

        await until(refused)
        mine = asyncio.create_task(other.push(rows(999), source="zju-push"))
        await asyncio.sleep(0.1)
        assert not mine.done()  # it waits for the same as all, and is not refused
    told: list[Any] = await asyncio.gather(*pushes, return_exceptions=True)
    refusals = [each for each in told if isinstance(each, CallRefusedError)]
    assert [each.code for each in refusals] == ["RATE_LIMITED"] * 5
    taken = [each for each in told if not isinstance(each, CallRefusedError)]
    assert sum(each.body["counts"]["accepted"] for each in taken) == most
    assert (await mine).body["counts"]["accepted"] == 1

"""What callers do over connections that stay open is counted, and how it ended."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from hub.watching import requests
from hub.watching.metrics import Metrics
from tests.eventually import until

from .conftest import PROTOCOL, Serve, World

pytestmark = pytest.mark.integration
ME = "{ me { party } }"


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    """The figures of one test."""
    from hub.graphql import socket, streaming

    mine = Metrics()
    for module in (requests, socket, streaming):
        monkeypatch.setattr(module, "METRICS", mine)
    return mine


async def counted(metrics: Metrics, operation: str, status: str) -> None:
    """Wait until an operation is counted once, with the time that it took."""
    labels = f'door="graphql",operation="{operation}"'
    wanted = (
        f'deltahub_requests_total{{{labels},status="{status}"}} 1.0',
        f"deltahub_request_duration_seconds_count{{{labels}}} 1.0",
    )

    async def told() -> bool:
        text = metrics.exposition().decode()
        return all(each in text for each in wanted)

    await until(told)


async def followed(world: World, how: str) -> None:
    """Follow changes over a connection, and hang up."""
    partner = await world.register("partner")
    if how == "events":
        async with world.events(partner) as events:
            await events.page()
        return
    async with world.socket(partner) as socket:
        await socket.subscribe("1")
        await socket.page()
        await socket.send(type="complete", id="1")


@pytest.mark.parametrize(("how", "status"), [("events", "200"), ("socket", "cut")])
async def test_a_subscription_is_counted_when_it_ends(
    serve: Serve, metrics: Metrics, how: str, status: str
) -> None:
    await followed(await serve(), how)
    await counted(metrics, "subscription", status)


async def test_each_operation_of_a_socket_is_counted_and_the_socket_itself(
    serve: Serve, metrics: Metrics
) -> None:
    world = await serve()
    partner = await world.register("partner")
    async with world.socket(partner) as socket:
        await socket.subscribe("1", ME)
        first = await socket.read()
        assert await socket.read() == {"type": "complete", "id": "1"}
        await socket.subscribe("2", "mutation { withdraw { id } }")
        assert (await socket.read())["type"] == "error"
    await counted(metrics, "adhoc", "complete")
    await counted(metrics, "", "error")
    await counted(metrics, "socket", "101")
    told = metrics.exposition().decode()
    assert 'deltahub_refused_total{door="graphql",reason="GRAPHQL_VALIDATION_FAILED"} 1.0' in told
    assert first["payload"]["extensions"]["requestId"]


async def test_an_upgrade_that_is_refused_is_counted_as_what_it_was_answered(
    serve: Serve, metrics: Metrics
) -> None:
    world = await serve()
    with pytest.raises(InvalidStatus):
        async with connect(
            f"{world.base.replace('http', 'ws')}/graphql",
            subprotocols=[PROTOCOL],  # type: ignore[list-item]
            additional_headers={"Authorization": "DPoP x"},
        ):
            pass
    await counted(metrics, "socket", "401")

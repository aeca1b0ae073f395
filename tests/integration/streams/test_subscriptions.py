"""Changes are told as they come, over server-sent events and WebSocket."""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hub.access.clients import ClientChange, ClientStatus
from hub.access.store import DatabaseClientStore
from hub.clock import system_clock
from hub.graphql import socket as sockets
from hub.graphql import streaming
from tests.eventually import until

from .conftest import CHANGES, READING, UNIVERSITY, Serve, World

pytestmark = pytest.mark.integration
QUERY = CHANGES.replace("subscription", "query")


def keys(page: dict[str, Any]) -> list[str]:
    return [str(node["key"]).removeprefix(f"{UNIVERSITY}/") for node in page["nodes"]]


async def told(stream: Any, wanted: set[str]) -> str:
    """Read pages until these changes were told; return the last cursor."""
    cursor, missing = "", set(wanted)
    while missing:
        page = await stream.page()
        missing -= set(keys(page))
        cursor = page["endCursor"]
    return cursor


async def test_events_tell_what_polling_tells_and_go_on_from_its_cursor(world: World) -> None:
    partner = await world.register("partner")
    await world.state("A1", "A2")
    async with world.events(partner) as events:
        assert events.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert events.answer.headers["cache-control"] == "no-store"
        await told(events, {"A1", "A2"})
        await world.state("A3")
        cursor = await told(events, {"A3"})
    # away: what happens meanwhile is told afterwards, whichever way is taken
    await world.state("A4")

    async def polled() -> bool:
        page = (await partner.query(QUERY, {"after": cursor}))["data"]["changes"]
        return keys(page) == ["A4"]

    await until(polled)
    async with world.events(partner, after=cursor) as events:
        assert keys(await events.page()) == ["A4"]
    async with world.socket(partner) as opened:
        await opened.subscribe(after=cursor)
        assert keys(await opened.page()) == ["A4"]


async def test_a_socket_carries_several_operations_and_each_ends_alone(world: World) -> None:
    partner = await world.register("partner")
    async with world.socket(partner) as opened:
        await opened.subscribe("all", first=1)
        await opened.subscribe("offers", types=["ServiceOffer"])
        await opened.send(type="ping")
        got = [await opened.read() for _ in range(3)]
        assert {message["type"] for message in got} == {"next", "pong"}
        await opened.send(type="complete", id="offers")
        await opened.subscribe("who", "{ me { clientId } }")
        answers = [await opened.read() for _ in range(2)]
        assert answers[0]["payload"]["data"] == {"me": {"clientId": "partner"}}
        assert answers[1] == {"type": "complete", "id": "who"}
        await world.state("B1", "B2")
        seen: set[str] = set()
        while seen != {"B1", "B2"}:
            message = await opened.read()
            assert (message["type"], message["id"]) == ("next", "all")
            page = message["payload"]["data"]["changes"]
            assert len(page["nodes"]) <= 1
            seen |= set(keys(page))


async def test_what_cannot_be_subscribed_to_is_told_as_each_protocol_has_it(world: World) -> None:
    partner = await world.register("partner")
    blind = await world.register("blind", "catalogue:read", "graphql:adhoc")
    wrong = {
        "GRAPHQL_VALIDATION_FAILED": ("subscription { nothing }", {}),
        # an event of nothing, for ever
        "GRAPHQL_VALIDATION_FAILED ": (
            "subscription { changes @skip(if: true) { endCursor } }",
            {},
        ),
        "GRAPHQL_PARSE_FAILED": ("subscription {", {}),
        "BAD_CURSOR": (CHANGES, {"after": "x"}),
        "BAD_USER_INPUT": (CHANGES, {"first": 0}),
        "UNAUTHENTICATED": (
            'mutation { withdrawRecords(source: "x", rows: []) { counts { accepted } } }',
            {},
        ),
    }
    async with world.socket(partner) as opened:
        for name, (document, variables) in wrong.items():
            code = name.strip()
            await opened.subscribe(code, document, **variables)
            message = await opened.read()
            assert (message["type"], message["id"]) == ("error", code)
            found = message["payload"][0]["extensions"]["code"]
            assert code in {found, "UNAUTHENTICATED"}, message
            async with world.events(partner, document, **variables) as events:
                kind, data = await events.read()
                assert (kind, data["errors"][0]["extensions"]["code"]) == ("next", found)
                assert await events.read() == ("complete", None)
                assert (await events.read())[0] == ""
    async with world.socket(blind) as opened:
        await opened.subscribe()
        message = await opened.read()
        assert message["payload"][0]["extensions"]["code"] == "SCOPE_MISSING"
    plain = await partner.query(CHANGES)
    assert plain["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"


async def test_who_may_not_call_gets_no_stream(world: World) -> None:
    partner = await world.register("partner")
    first = await world.credentials(partner, "GET")
    async with world.socket(init=False) as opened:
        await opened.send(type="connection_init", payload=first)
        assert await opened.read() == {"type": "connection_ack"}
    for payload, reason in (
        (first, "DPOP_REPLAYED"),
        ({}, "TOKEN_MISSING"),
        ({"Authorization": "Bearer x"}, "TOKEN_SCHEME"),
        ({"Authorization": 7}, "REQUEST_TARGET_INVALID"),
        (await world.credentials(partner, "POST"), "DPOP_TARGET"),
    ):
        async with world.socket(init=False) as opened:
            await opened.send(type="connection_init", payload=payload)
            assert await opened.closed() == (4403, reason)
    headers = await world.credentials(partner, "GET")
    async with world.socket(init=False, additional_headers=headers) as opened:
        await opened.send(type="connection_init")
        assert await opened.read() == {"type": "connection_ack"}


async def test_what_is_no_message_of_the_protocol_closes_the_socket(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = await world.register("partner")
    for sent, code in (
        ("x", 4400),
        ("[]", 4400),
        ('{"type":"nothing"}', 4400),
        ('{"type":"subscribe"}', 4400),
        ('{"type":"subscribe","id":"1","payload":[]}', 4400),
        ('{"type":"subscribe","id":7,"payload":{}}', 4400),
        ('{"type":"subscribe","id":"\\ud800","payload":{"query":"{ me { party } }"}}', 4400),
        ('{"type":"subscribe","id":"\\u0000","payload":{"query":"{ me { party } }"}}', 4400),
        ('{"type":"connection_init"}', 4429),
        (b"\0", 4400),
    ):
        async with world.socket(partner) as opened:
            await opened.connection.send(sent)
            assert (await opened.closed())[0] == code, sent
    async with world.socket(partner) as opened:
        await opened.subscribe("1")
        await opened.subscribe("1")
        while (await opened.closed())[0] is None:
            await opened.read()
        assert await opened.closed() == (4409, "Subscriber for 1 already exists")
    async with world.socket(init=False) as opened:
        await opened.subscribe()
        assert (await opened.closed())[0] == 4401
    monkeypatch.setattr(sockets, "INIT_S", 0.1)
    async with world.socket(init=False) as opened:
        assert (await opened.closed())[0] == 4408


async def test_a_socket_ends_with_its_token_and_a_stream_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = await world.register("partner")
    for module in (streaming, sockets):
        monkeypatch.setattr(module, "RIGHTS_LOOK_S", 0.05)
    async with world.socket(partner) as opened, world.events(partner) as events:
        await opened.subscribe()
        await opened.page()
        await events.page()
        store = DatabaseClientStore(world.database)
        await store.set_status("partner", ClientStatus.SUSPENDED, system_clock())
        world.hub.access.clients.forget("partner")  # or wait until what is known of it is old
        name, data = await events.read()
        assert (name, data["errors"][0]["extensions"]["code"]) == ("next", "CLIENT_INACTIVE")
        assert await events.read() == ("complete", None)
        assert await opened.closed() == (4403, "CLIENT_INACTIVE")


async def test_what_stays_open_ends_when_its_token_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.access.tokens.TOKEN_LIFETIME_S", 2)
    partner = await world.register("partner")
    async with world.socket(partner) as opened, world.events(partner) as events:
        await opened.subscribe()
        await opened.page()
        await events.page()
        name, data = await events.read()
        assert (name, data["errors"][0]["extensions"]["code"]) == ("next", "TOKEN_EXPIRED")
        assert await opened.closed() == (4403, "TOKEN_EXPIRED")


async def test_other_scopes_end_a_subscription_with_a_reset(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "LOOK_ANYWAY_S", 0.05)
    monkeypatch.setattr(streaming, "RIGHTS_LOOK_S", 0.05)
    partner = await world.register("partner", *READING, "asset:read")
    async with world.events(partner) as events:
        await events.page()
        store = DatabaseClientStore(world.database)
        await store.change("partner", ClientChange(scopes=READING), system_clock())
        world.hub.access.clients.forget("partner")
        codes = []
        while (event := await events.read())[0] == "next":
            codes += [each["extensions"]["code"] for each in event[1].get("errors", ())]
        assert codes[0] in {"CURSOR_RESET", "TOKEN_REVOKED"}
        assert event == ("complete", None)


async def test_connections_that_stay_open_are_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "PLACES_OF_ONE", 1)
    monkeypatch.setattr(streaming, "PLACES", 2)
    partner, other = await world.register("partner"), await world.register("other")
    third = await world.register("third")
    async with world.events(partner) as events:
        await events.page()
        async with world.events(partner) as refused:
            assert refused.answer.status_code == 429
        async with world.socket(partner, init=False) as opened:
            await opened.send(
                type="connection_init", payload=await world.credentials(partner, "GET")
            )
            assert await opened.closed() == (1013, "RATE_LIMITED")
        async with world.socket(other), world.events(third) as refused:
            assert refused.answer.status_code == 503

        async def free() -> bool:
            return world.hub.following.streams._places.total() == 1

        await until(free)

    async def empty() -> bool:
        return not world.hub.following.streams._places

    await until(empty)


async def test_silence_is_broken_by_comments(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(streaming, "RIGHTS_LOOK_S", 0.05)
    monkeypatch.setattr(streaming, "CURSOR_KEPT_S", 0.3)
    monkeypatch.setattr(streaming, "LOOK_ANYWAY_S", 0.05)
    partner = await world.register("partner")
    async with world.events(partner) as events:
        await events.page()
        assert (await events.page())["nodes"] == []  # its cursor is kept up to date
        assert events.comments >= 1


async def test_pages_of_other_origins_open_no_socket_unless_they_are_listed(serve: Serve) -> None:
    world = await serve(cors_origins=("https://lab.example.edu.cn",))
    partner = await world.register("partner")
    for origin in ("https://lab.example.edu.cn", world.base):
        async with world.socket(partner, origin=origin):
            pass
    for origin in ("https://evil.example", "null"):
        with pytest.raises(InvalidStatus) as refused:
            async with world.socket(partner, origin=origin):
                pass
        assert refused.value.response.status_code == 403


async def test_one_who_takes_nothing_is_closed_and_goes_on_with_his_cursor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SEND_S", 0.3)
    partner = await world.register("partner")
    await world.state(*(f"C{n}" for n in range(300)))
    long = " ".join(f"{name}{n}: {name}" for n in range(14) for name in ("key", "id"))
    text = CHANGES.replace("id key", f"key {long}")
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", urlsplit(world.base).port))
    async with world.socket(partner, max_queue=1, sock=narrow, ping_interval=None) as reader:
        reader.connection.transport.pause_reading()
        for n in range(16):
            await reader.subscribe(str(n), text)

        async def closing() -> bool:
            return not world.hub.following.streams._places

        await until(closing)
        reader.connection.transport.resume_reading()
        while True:
            try:
                message = await reader.read()
            except ConnectionClosed:
                break
            assert message["type"] == "next"
        assert await reader.closed() == (4413, "nothing is taken: go on later")
    async with world.socket(partner) as again:
        await again.subscribe()
        await told(again, {f"C{n}" for n in range(300)})


async def test_a_hub_that_stops_ends_its_streams_so_that_clients_come_back(world: World) -> None:
    partner = await world.register("partner")
    async with world.socket(partner) as opened, world.events(partner) as events:
        await opened.subscribe()
        await opened.page()
        await events.page()
        assert world.server is not None
        world.server.close()
        assert await events.read() == ("", None)  # no `complete`: it is not over
        assert (await opened.closed())[0] == 1012


async def test_a_stream_that_is_left_leaves_nothing_behind(world: World) -> None:
    partner = await world.register("partner")
    bells = world.hub.following.watch._bells

    async def listening() -> bool:
        return len(bells) == 2  # who delivers to webhooks, and who follows for vouchers

    await until(listening)
    own = set(bells)

    async def tasks() -> int:
        return sum(
            task.get_name() in {"operation of a socket", "rights of a socket"}
            for task in asyncio.all_tasks()
        )

    async with world.socket(partner) as opened:
        await opened.subscribe()
        await opened.page()
        assert await tasks() == 2
    async with world.events(partner) as events:
        await events.page()

    async def gone() -> bool:
        return not (await tasks() or bells - own)

    await until(gone)

"""Changes are delivered to addresses of clients: at least once, in order, and only there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as StandardWebhook

from hub.access.clients import ClientStatus
from hub.access.store import DatabaseClientStore
from hub.client import HubClient
from hub.clock import system_clock
from hub.exchange.webhooks import deliveries, retries, sending
from hub.store import webhooks as kept
from hub.store.epoch import begin_anew
from tests.eventually import until

from .conftest import Serve, World
from .receiver import HookReceiver, receiving

pytestmark = pytest.mark.integration
PATH = "/clients/self/webhooks"


async def asked(
    client: HubClient, method: str, path: str = "", content: Any = None
) -> tuple[int, dict[str, Any]]:
    body = b"" if content is None else json.dumps(content).encode()
    answer = await client.relay(method, PATH + path, {"content-type": "application/json"}, body)
    return answer.status_code, answer.json()


async def registered(client: HubClient, receiver: HookReceiver, **more: Any) -> str:
    """Register a receiver and have it challenged; return the id of the webhook."""
    status, made = await asked(client, "POST", content={"url": receiver.url, **more})
    assert status == 201, made
    receiver.secret = made["secret"]
    status, answer = await asked(client, "POST", f"/{made['webhookId']}/challenge")
    assert (status, answer) == (200, {"state": "ACTIVE"})
    return str(made["webhookId"])


async def shown(client: HubClient, webhook: str) -> dict[str, Any]:
    status, found = await asked(client, "GET", f"/{webhook}")
    assert status == 200
    return found


@pytest.fixture
async def receivers() -> AsyncIterator[list[HookReceiver]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(receiving()) for _ in range(4)]


@pytest.fixture
async def world(
    serve: Serve, receivers: list[HookReceiver], monkeypatch: pytest.MonkeyPatch
) -> World:
    monkeypatch.setattr(deliveries, "LOOK_S", 0.1)
    return await serve(webhook_origins=tuple(each.origin for each in receivers))


async def test_a_webhook_is_told_what_changed_once_it_has_answered_a_challenge(
    world: World, receivers: list[HookReceiver]
) -> None:
    hook, partner = receivers[0], await world.register("partner")
    await world.state("A1", "A2")
    status, made = await asked(partner, "POST", content={"url": hook.url, "types": ["Instrument"]})
    assert (status, made["state"]) == (201, "PENDING")
    hook.secret, webhook = made["secret"], made["webhookId"]
    assert "secret" not in await shown(partner, webhook)
    hook.echoes = True
    status, refused = await asked(partner, "POST", f"/{webhook}/challenge")
    assert (status, refused["code"]) == (409, "CONFLICT")
    assert hook.came == []
    hook.echoes = False
    assert (await asked(partner, "POST", f"/{webhook}/challenge"))[0] == 200

    async def told() -> bool:
        return len(hook.items) == 2

    await until(told)
    await world.state("A3")

    async def told_more() -> bool:
        return len(hook.items) == 3

    await until(told_more)
    identity, message = hook.came[-1]
    assert (message["type"], message["webhookId"]) == ("changes", webhook)
    (item,) = message["items"]
    assert set(item) == {"kind", "recordType", "id"}  # look again: nothing of the item itself
    found = await partner.query(
        "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Instrument { localNo } } }",
        {"ids": [item["id"]]},
    )
    assert found["data"]["nodes"] == [{"localNo": "A3"}]
    # its cursor is one of the feed
    page = await partner.query(
        'query($after: String) { changes(after: $after, types: ["Instrument"]) { nodes { id } } }',
        {"after": message["cursor"]},
    )
    assert page["data"]["changes"]["nodes"] == []
    assert len(set(hook.changes())) == len(hook.came)
    assert hook.headers[-1]["signature-input"].endswith('tag="hub-webhook-1"')

    async def settled() -> bool:
        messages = (await shown(partner, webhook))["messages"]
        return {each["state"] for each in messages} == {"DELIVERED"}

    await until(settled)
    # once more, because somebody asks for it
    status, again = await asked(partner, "POST", f"/{webhook}/replay", {"messageId": identity})
    assert (status, again) == (200, {"replayed": 1})

    async def repeated() -> bool:
        return hook.changes().count(identity) == 2

    await until(repeated)


async def test_a_failed_delivery_comes_again_with_the_same_id_and_in_order(
    world: World, receivers: list[HookReceiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "PAUSES_S", (0.05,))
    hook, partner = receivers[0], await world.register("partner")
    hook.answers = [(500, {}), (302, {"location": hook.url}), (429, {})]
    await world.state("B1")
    webhook = await registered(partner, hook)

    async def four() -> bool:
        return len(hook.came) >= 4

    await until(four)
    await world.state("B2")

    async def five() -> bool:
        return len(hook.came) >= 5

    await until(five)
    first, *_, last = hook.changes()
    assert hook.changes() == [first] * 4 + [last]
    assert last != first

    async def noted() -> bool:
        messages = {each["messageId"]: each for each in (await shown(partner, webhook))["messages"]}
        return messages[first]["state"] == "DELIVERED" and messages[first]["attempts"] == 4

    await until(noted)


async def test_a_message_dies_after_its_time_the_next_one_follows_and_it_can_be_replayed(
    world: World, receivers: list[HookReceiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "PAUSES_S", (0.05,))
    monkeypatch.setattr(retries, "TRIED_FOR", timedelta(seconds=0.3))
    monkeypatch.setattr(deliveries, "DEAD_MAX", 2)
    hook, partner = receivers[0], await world.register("partner")
    hook.standing = (503, {})
    await world.state("C1")
    webhook = await registered(partner, hook)

    async def dead(count: int) -> bool:
        messages = (await shown(partner, webhook))["messages"]
        return sum(each["state"] == "DEAD" for each in messages) == count

    async def one_dead() -> bool:
        return await dead(1)

    async def two_dead() -> bool:
        return await dead(2)

    await until(one_dead)
    assert (await shown(partner, webhook))["state"] == "ACTIVE"
    await world.state("C2")
    await until(two_dead)
    found = await shown(partner, webhook)
    assert (found["state"], found["fault"]) == ("STOPPED", "HTTP 503")
    ids = {each["messageId"] for each in found["messages"]}
    assert set(hook.changes()) == ids
    hook.standing, before = (200, {}), len(hook.came)
    assert await asked(partner, "POST", f"/{webhook}/replay", {}) == (200, {"replayed": 2})
    assert (await asked(partner, "POST", f"/{webhook}/challenge"))[0] == 200

    async def delivered() -> bool:
        return set(hook.changes()[before:]) == ids and await dead(0)

    await until(delivered)


async def test_a_receiver_that_says_gone_is_left_alone(
    world: World, receivers: list[HookReceiver]
) -> None:
    hook, partner = receivers[0], await world.register("partner")
    hook.standing = (410, {})
    await world.state("D1")
    webhook = await registered(partner, hook)

    async def stopped() -> bool:
        return (await shown(partner, webhook))["state"] == "STOPPED"

    await until(stopped)
    assert len(hook.came) == 1


async def test_receivers_that_never_answer_hold_up_nobody_else(
    world: World, receivers: list[HookReceiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "ATTEMPT_S", 30.0)  # longer than this test
    dead, good = receivers[:3], receivers[3]
    for number, each in enumerate(dead):
        each.standing = None
        await registered(await world.register(f"dead-{number}"), each)
    await registered(await world.register("good"), good)
    for number in range(3):
        await world.state(f"E{number}")

        async def told(count: int = number + 1) -> bool:
            return len(good.items) == count

        await until(told)
    assert [len(each.came) for each in dead] == [1, 1, 1]  # one attempt under way for each


async def test_two_secrets_are_live_after_a_change(
    world: World, receivers: list[HookReceiver]
) -> None:
    hook, partner = receivers[0], await world.register("partner")
    webhook = await registered(partner, hook)
    former = hook.secret
    status, made = await asked(partner, "POST", f"/{webhook}/secret")
    assert status == 200
    assert made["secret"] != former
    await world.state("F1")

    async def came() -> bool:
        return bool(hook.came)

    await until(came)  # the receiver still verifies by the former one
    body = json.dumps(hook.came[0][1], ensure_ascii=False, separators=(",", ":")).encode()
    for secret in (former, made["secret"]):
        StandardWebhook(secret).verify(body, hook.headers[0])
    hook.secret = made["secret"]
    assert (await asked(partner, "POST", f"/{webhook}/challenge"))[0] == 200


async def test_a_new_epoch_is_told_and_everything_comes_again(
    world: World, receivers: list[HookReceiver]
) -> None:
    hook, partner = receivers[0], await world.register("partner")
    await world.state("G1")
    await registered(partner, hook)

    async def told() -> bool:
        return len(hook.items) == 1

    await until(told)
    async with world.database.writes.transaction() as connection:
        await begin_anew(connection)

    async def again() -> bool:
        return len(hook.items) == 2

    await until(again)
    assert [message["type"] for _, message in hook.came] == [
        *("changes", "changes.reset", "changes")
    ]
    assert hook.items[0] == hook.items[1]


async def test_nobody_is_told_more_than_he_may_see(
    world: World, receivers: list[HookReceiver]
) -> None:
    """A webhook waits while its client is suspended, and ends with it."""
    hook, partner = receivers[0], await world.register("partner")
    webhook = await registered(partner, hook)
    store = DatabaseClientStore(world.database)
    await store.set_status("partner", ClientStatus.SUSPENDED, system_clock())
    world.hub.access.clients.forget("partner")
    await world.state("H1")

    async def waits() -> bool:
        found = await kept.find_webhook(world.database, webhook)
        return found is not None and found.fault == "FORBIDDEN"

    await until(waits)
    assert hook.came == []
    await store.set_status("partner", ClientStatus.REMOVED, system_clock())
    await kept.forget_ownerless(world.database)
    assert await kept.find_webhook(world.database, webhook) is None


async def test_webhooks_are_their_clients_own(
    world: World, receivers: list[HookReceiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = await world.register("mine"), await world.register("other")
    blind = await world.register("blind", "catalogue:read")
    webhook = await registered(mine, receivers[0])
    for method, path in (
        *(("GET", ""), ("DELETE", ""), ("POST", "/challenge"), ("POST", "/secret")),
        ("POST", "/replay"),
    ):
        content = {} if path == "/replay" else None
        assert (await asked(other, method, f"/{webhook}{path}", content))[0] == 404
        assert (await asked(blind, method, f"/{webhook}{path}", content))[0] == 403
    assert (await asked(other, "GET"))[1] == {"webhooks": []}
    for url in ("http://127.0.0.1:1/x", "https://127.0.0.1/", "https://[::1]/", "ftp://x/", 7):
        status, refused = await asked(mine, "POST", content={"url": url})
        assert (status, refused["code"]) == (400, "BAD_USER_INPUT"), url
    for more, code in (
        ({"types": ["Nothing"]}, "BAD_USER_INPUT"),
        ({"types": "Instrument"}, "BAD_USER_INPUT"),
        ({"after": "x"}, "BAD_CURSOR"),
        ({"more": 1}, "BAD_USER_INPUT"),
    ):
        content = {"url": receivers[1].url, **more}
        assert (await asked(mine, "POST", content=content))[1]["code"] == code
    same = {"url": receivers[0].url}
    assert (await asked(mine, "POST", content=same))[1]["code"] == "CONFLICT"
    monkeypatch.setattr(kept, "WEBHOOKS_OF_ONE", 1)
    content = {"url": receivers[1].url}
    assert (await asked(mine, "POST", content=content))[1]["code"] == "CONFLICT"
    assert (await asked(mine, "DELETE", f"/{webhook}"))[1] == {"removed": webhook}
    assert (await asked(mine, "GET"))[1] == {"webhooks": []}

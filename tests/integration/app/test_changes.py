"""A partner follows changes through the real client, token and all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.access.clients import ClientKind

from .conftest import UNIVERSITY, World

pytestmark = pytest.mark.integration

ASKS = 600
FEED = """query($after: String) { changes(after: $after) {
  nodes { kind recordType id key } resync endCursor hasMore retryAfterS } }"""
LOOK = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Instrument { localNo } } }"


async def test_a_partner_hears_of_a_push_and_of_its_withdrawal(world: World) -> None:
    pushing = ("records:push", "records:withdraw")
    university = await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, pushing, "zju-push")
    reading = ("catalogue:read", "changes:read", "graphql:adhoc")
    partner = await world.register("follower", "moe:10335", ClientKind.PARTNER, reading)
    cursor: str | None = None

    async def told() -> list[Any]:
        nonlocal cursor
        for _ in range(ASKS):
            page = (await partner.query(FEED, {"after": cursor}))["data"]["changes"]
            cursor = page["endCursor"]
            if page["nodes"]:
                return list(page["nodes"])
            await asyncio.sleep(0.02)
        raise AssertionError("nothing was told")

    record = {
        "institutionKey": UNIVERSITY,
        "localNo": "T1",
        "name": {"zh": "透射电镜"},
        "status": "IN_SERVICE",
    }
    await university.push([{"type": "Instrument", "record": record}], source="zju-push")
    (made,) = await told()
    assert (made["kind"], made["key"]) == ("CHANGED", f"{UNIVERSITY}/T1")
    found = await partner.query(LOOK, {"ids": [made["id"]]})
    assert found["data"]["nodes"] == [{"id": made["id"], "localNo": "T1"}]
    withdrawal = {"key": f"{UNIVERSITY}/T1", "reason": "报废"}
    await university.push([{"type": "Instrument", "withdraw": withdrawal}], source="zju-push")
    assert await told() == [
        {"kind": "REMOVED", "recordType": "Instrument", "id": made["id"], "key": None}
    ]
    found = await partner.query(LOOK, {"ids": [made["id"]]})
    assert found["data"]["nodes"] == [None]

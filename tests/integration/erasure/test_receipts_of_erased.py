"""What a receipt is worth after its record was erased, and who is told of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hub.access.clients import ClientKind
from hub.client import CallRefusedError, HubClient
from hub.clock import system_clock
from hub.erasure.finding import Wanted
from hub.erasure.register import ErasureRegister
from hub.erasure.service import Erasing
from hub.ledger.keys import ProducerKeys
from hub.ledger.policy import parse_policy
from hub.ledger.verify import Word, verify
from tests.integration.app.conftest import UNIVERSITY, World, world  # noqa: F401 - a fixture
from tests.integration.erasure.conftest import HUB, NAME, ORDER

pytestmark = pytest.mark.integration
READ = ("receipt:read", "catalogue:read", "graphql:adhoc")
ASK = "query($e: ID!) { receipt(entryId: $e) { state standing key proof revisionId leafIndex } }"


async def _kept(client: HubClient, entry: str) -> tuple[bytes, bytes]:
    for _ in range(50):
        text = await client.receipt(entry)
        if text.startswith("c2sp.org/tlog-proof@v1"):
            return text.encode(), await client.record(entry)
        await asyncio.sleep(0.2)
    raise AssertionError("the log did not sign")


async def _code(client: HubClient, entry: str) -> list[tuple[int, str]]:
    answers = []
    for ask in (client.receipt, client.record):
        with pytest.raises(CallRefusedError) as refused:
            await ask(entry)
        answers.append((refused.value.status, refused.value.code))
    return answers


async def test_an_erased_entry_is_erased_to_its_owner_and_unknown_to_strangers(
    world: World,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    owner = await world.register(
        "zju", UNIVERSITY, ClientKind.UNIVERSITY, ("records:push", *READ), "zju-push"
    )
    reader = await world.register("reader", UNIVERSITY, ClientKind.UNIVERSITY, READ)
    stranger = await world.register("other", "moe:10246", ClientKind.PARTNER, READ)
    record = {
        "institutionKey": UNIVERSITY,
        "localNo": "A1",
        "name": {"zh": "电镜"},
        "contact": NAME,
        "status": "IN_SERVICE",
    }
    answer = await owner.push([{"type": "Instrument", "record": record}], source="zju-push")
    entry = str(answer.body["rows"][0]["entryId"])
    receipt, body = await _kept(owner, entry)
    policy = parse_policy((await owner.policy()).encode())
    assert (await stranger.record(entry)) == body
    erasing = Erasing(world.hub.database, system_clock, HUB, ErasureRegister(tmp_path))
    await erasing.erase(Wanted(entries=(int(entry),)), **ORDER)
    for each in (owner, reader):
        assert await _code(each, entry) == [(410, "ERASED"), (410, "ERASED")]
        said = (await each.query(ASK, {"e": entry}))["data"]["receipt"]
        assert (said["state"], said["proof"], said["revisionId"]) == ("ERASED", None, None)
        assert said["standing"] == "ERASED"
        assert said["leafIndex"] is not None
    assert await _code(stranger, entry) == [(404, "NOT_FOUND"), (404, "NOT_FOUND")]
    assert (await stranger.query(ASK, {"e": entry}))["data"]["receipt"] is None
    verdict = verify(receipt, body, policy, ProducerKeys(), now=system_clock())
    assert verdict.word is Word.VALID_UNWITNESSED

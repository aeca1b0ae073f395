"""Each page of a subscription is judged when it is told: rows by their rule, rights as they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from hub.access.agreements import Agreements
from hub.access.resource import Caller
from hub.exchange.service import ChangeFeed
from hub.exchange.watch import FeedWatch
from hub.graphql import streaming
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.streaming import ChangeStreams
from tests.integration.exchange.conftest import (
    PAGE,
    SETTLED,
    A,
    Hub,
    U,
    V,
    agreement,
    caller,
    instrument,
    usage,
)

pytestmark = pytest.mark.integration
SUBSCRIPTION = PAGE.replace("query(", "subscription(")
WAIT_S = 30


class Stream:
    """One subscription of one caller."""

    def __init__(self, answers: streaming.Answers) -> None:
        self._answers = answers

    async def page(self) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            while (answer := await anext(self._answers)) is None:
                pass
        document = json.loads(answer.body)
        assert "errors" not in document, document
        return dict(document["data"]["changes"])

    async def until(self, key: str) -> list[dict[str, Any]]:
        """Read pages until one tells of a record; return all of them."""
        pages = [await self.page()]
        while key not in [node["key"] for node in pages[-1]["nodes"]]:
            pages.append(await self.page())
        return pages


@pytest.fixture
async def streams(hub: Hub) -> AsyncIterator[ChangeStreams]:
    feed = ChangeFeed(hub.database, Agreements(hub.database, hub.clock), hub.clock)
    watch, stop = FeedWatch(hub.database), asyncio.Event()
    watching = asyncio.create_task(watch.run(stop))

    async def again(who: Caller) -> Caller:
        return who

    yield ChangeStreams(hub.engines[0], again, feed.page, watch)
    stop.set()
    await watching


@asynccontextmanager
async def followed(made: ChangeStreams, who: Caller, **variables: Any) -> AsyncIterator[Stream]:
    request = GraphRequest(query=SUBSCRIPTION, variables={"first": 100, **variables})
    async with aclosing(made.answers(request, Asking(caller=who, language="en"))) as answers:
        yield Stream(answers)


async def test_nobody_is_told_of_what_he_may_not_see(hub: Hub, streams: ChangeStreams) -> None:
    async with followed(streams, caller(U)) as mine, followed(streams, caller(V)) as other:
        await hub.put(instrument(A, "T1"), usage(A, "1", None), source="a1")
        await hub.put(usage(A, "2", U), source="a1")
        await hub.put(instrument(A, "T2"), source="a1")
        told = [node["key"] for page in await mine.until(f"{A}/T2") for node in page["nodes"]]
        assert sorted(told) == [f"{A}/T1", f"{A}/T1/2", f"{A}/T2"]
        told = [node["key"] for page in await other.until(f"{A}/T2") for node in page["nodes"]]
        assert sorted(told) == [f"{A}/T1", f"{A}/T2"]
        await hub.put(usage(A, "2", V), source="a1")
        (change,) = (await mine.page())["nodes"]  # it is not his any more
        assert (change["kind"], change["key"]) == ("REMOVED", None)
        assert [node["key"] for node in (await other.page())["nodes"]] == [f"{A}/T1/2"]


async def test_other_rights_send_their_consumer_to_the_owner(
    hub: Hub, streams: ChangeStreams
) -> None:
    await hub.put(instrument(A, "T1"), usage(A, "1", None), source="a1")
    async with followed(streams, caller(U)) as mine, followed(streams, caller(V)) as other:
        assert [node["key"] for node in (await mine.page())["nodes"]] == [f"{A}/T1"]
        await other.page()
        await hub.put(agreement(A, U), source="a1")
        async with passing_time(hub):
            seen: list[str] = []
            while not seen:
                seen = (await mine.page())["resync"]
            assert seen == [A]
            for _ in range(3):
                assert (await other.page())["resync"] == []


@asynccontextmanager
async def passing_time(hub: Hub) -> AsyncIterator[None]:
    """Let things happen and hours pass, so that every worker goes by new rights."""

    async def happen() -> None:
        number = 100
        while True:
            hub.wait(SETTLED)
            await hub.put(instrument(A, f"T{number}"), source="a1")
            number += 1
            await asyncio.sleep(0.1)

    task = asyncio.create_task(happen())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_right_that_begins_with_the_day_is_told_without_any_entry(
    hub: Hub, streams: ChangeStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "LOOK_ANYWAY_S", 0.05)
    monkeypatch.setattr(streaming, "RIGHTS_LOOK_S", 0.05)
    await hub.put(instrument(A, "T1"), agreement(A, U, validFrom="2026-11-26"), source="a1")
    _, last = await hub.all(caller(U))
    async with followed(streams, caller(U), after=last["endCursor"]) as mine:
        assert (await mine.page())["resync"] == []
        hub.wait(86_400 + SETTLED)  # nothing is stated, only the day is another one
        async with asyncio.timeout(WAIT_S):
            while (page := await mine.page())["resync"] != [A]:
                assert page["nodes"] == []


async def test_streams_end_with_the_hub(hub: Hub, streams: ChangeStreams) -> None:
    async with followed(streams, caller(U)) as mine:
        await mine.page()
        streams.end()
        with pytest.raises(StopAsyncIteration):
            await mine.page()

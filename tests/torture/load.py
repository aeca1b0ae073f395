"""Clients that push signed batches until each is acknowledged, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import httpx

from hub.client import (
    AnswerUnverifiedError,
    CallRefusedError,
    ClientError,
    HubClient,
    HubUnreachableError,
    Producer,
    record_row,
    withdrawal_row,
)
from hub.clock import system_clock
from hub.crypto.keys import SigningKey
from tests.torture.history import History

PARTY = "uscc:12100000470095016Q"
TYPE = "Instrument"
ROWS_MAX = 12
SHARED_KEYS = 15
PUSH_LIMIT_S = 240.0
"""Longest that one batch is tried."""
PAUSE_S = (0.05, 0.4)
THINK_S = (0.02, 0.25)
REQUEST_S = 30.0
_PASSES = frozenset({401, 409, 429})
"""Refusals after which the same request may succeed."""


class Balancer(httpx.AsyncBaseTransport):
    """What stands before several workers: sends each request to one that takes connections."""

    def __init__(self, ports: Callable[[], Sequence[int]], random: Random) -> None:
        self._ports = ports
        self._random = random
        self._inner = httpx.AsyncHTTPTransport(http1=True)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        ports = list(self._ports())
        self._random.shuffle(ports)
        extensions = {**request.extensions, "timeout": httpx.Timeout(REQUEST_S).as_dict()}
        for last, port in enumerate(ports, start=1 - len(ports)):
            sent = httpx.Request(
                request.method,
                request.url.copy_with(port=port),
                headers=request.headers,  # with the Host of the public address
                stream=request.stream,
                extensions=extensions,
            )
            try:
                return await self._inner.handle_async_request(sent)
            except httpx.ConnectError:
                if last == 0:
                    raise
        raise httpx.ConnectError("there is no worker")

    async def aclose(self) -> None:
        await self._inner.aclose()


class Pusher:
    """One client; what it pushes follows from the seed and from what was acknowledged."""

    def __init__(
        self, name: str, source: str, hub: HubClient, history: History, random: Random
    ) -> None:
        self.name = name
        self._source = source
        self._hub = hub
        self._history = history
        self._random = random
        self._producer = Producer(hub.key, PARTY)
        self._known: dict[str, dict[str, Any]] = {}
        self._entries: list[str] = []
        self._count = 0
        self._fresh = 0
        self.acknowledged = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Push batch after batch; the last one begun is acknowledged before this returns."""
        while not stop.is_set():
            rows, bad = self._batch()
            self._count += 1
            idem = f"{self.name}-{self._count}"
            await self._history.write("intent", idem=idem, source=self._source, rows=rows, bad=bad)
            draw = self._random.random()
            if draw < 0.1:  # an impatient client: the same request twice at once
                await asyncio.gather(self._push(idem, rows), self._push(idem, rows))
            else:
                await self._push(idem, rows)
            if draw > 0.85:  # a forgetful one: the same request again later
                await self._push(idem, rows)
            await self._look()
            await asyncio.sleep(self._random.uniform(*THINK_S))

    async def _push(self, idem: str, rows: list[dict[str, Any]]) -> None:
        async with asyncio.timeout(PUSH_LIMIT_S):
            while not await self._attempt(idem, rows):
                await asyncio.sleep(self._random.uniform(*PAUSE_S))

    async def _attempt(self, idem: str, rows: list[dict[str, Any]]) -> bool:
        await self._history.write("send", idem=idem)
        try:
            answer = await self._hub.push(rows, source=self._source, idempotency_key=idem)
        except CallRefusedError as error:
            await self._failed(idem, error.code, error.status)
            if error.status < 500 and error.status not in _PASSES:
                raise
            return False
        except (HubUnreachableError, AnswerUnverifiedError) as error:
            await self._failed(idem, error.code, 0)
            return False
        outcomes = answer.body["rows"]
        await self._history.write("ack", idem=idem, rows=outcomes, replayed=answer.body["replayed"])
        self.acknowledged += 1
        self._entries += [each["entryId"] for each in outcomes if each.get("entryId")]
        return True

    async def _failed(self, idem: str, code: str, status: int) -> None:
        await self._history.write("failed", idem=idem, code=code, status=status)

    async def _look(self) -> None:
        """Now and then fetch the receipt of an earlier entry and keep it."""
        if not self._entries or self._random.random() > 0.25:
            return
        entry = self._random.choice(self._entries)
        try:
            text = await self._hub.receipt(entry, wait_s=0)
        except ClientError:
            return
        await self._history.write("receipt", entry=entry, text=text)

    def _batch(self) -> tuple[list[dict[str, Any]], list[int]]:
        rows: dict[str, dict[str, Any]] = {}
        bad: list[int] = []
        for _ in range(self._random.randint(1, ROWS_MAX)):
            number, row, is_bad = self._row()
            if number not in rows:
                rows[number] = row
                if is_bad:
                    bad.append(len(rows))
        return list(rows.values()), bad

    def _row(self) -> tuple[str, dict[str, Any], bool]:
        random, draw = self._random, self._random.random()
        own = list(self._known)
        self._fresh += 1
        if draw < 0.12:
            number = f"shared-{random.randrange(SHARED_KEYS)}"
            return number, record_row(TYPE, _record(number, random.randrange(3))), False
        if draw < 0.17:
            number = f"{self.name}-bad-{self._fresh}"
            return number, record_row(TYPE, _record(number, 0) | {"status": "BROKEN"}), True
        if draw < 0.23 and own:
            number = own[random.randrange(len(own))]
            del self._known[number]
            return number, withdrawal_row(TYPE, f"{PARTY}/{number}", "sold", system_clock()), False
        number = (
            own[random.randrange(len(own))] if draw < 0.45 and own else f"{self.name}-{self._fresh}"
        )
        record = self._known.get(number) if draw < 0.28 else None
        record = record or _record(number, random.randrange(10**6))
        self._known[number] = record
        now = system_clock()
        if random.random() < 0.2:
            return number, record_row(TYPE, record, producer=self._producer, now=now), False
        return number, record_row(TYPE, record), False


def _record(number: str, model: int) -> dict[str, Any]:
    return {
        "institutionKey": PARTY,
        "localNo": number,
        "name": {"zh": "透射电子显微镜"},
        "model": f"M-{model}",
        "status": "IN_SERVICE",
    }


async def watch(
    history: History, base: str, transport: httpx.AsyncBaseTransport, stop: asyncio.Event
) -> None:
    """Write down every checkpoint that the world is shown."""
    last = ""
    async with httpx.AsyncClient(transport=transport, base_url=base) as http:
        while not stop.is_set():
            try:
                answer = await http.get("/log/checkpoint")
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.is_success and answer.text != last:
                last = answer.text
                await history.write("checkpoint", note=last)
            await asyncio.sleep(0.2)


def client(base: str, name: str, key: SigningKey, transport: httpx.AsyncBaseTransport) -> HubClient:
    """Return the real client of a partner, before a balancer."""
    return HubClient(base, name, key, transport=transport)

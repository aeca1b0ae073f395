"""A receiver of webhooks that somebody else might have written: it verifies and answers."""

from __future__ import annotations

import asyncio
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook as StandardWebhook

OK = (200, {})


@dataclass
class HookReceiver:
    """Takes messages; `answers` say what it does with the next ones, `None`: nothing, for ever."""

    port: int = 0
    secret: str = ""
    answers: list[tuple[int, dict[str, str]] | None] = field(default_factory=list)
    standing: tuple[int, dict[str, str]] | None = OK
    """What it answers where `answers` says nothing."""
    echoes: bool = False
    """Whether it answers a challenge with what it was sent."""
    came: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Ids and messages, each attempt once, without challenges."""
    headers: list[dict[str, str]] = field(default_factory=list)
    challenges: int = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/hook"

    @property
    def items(self) -> list[str]:
        return [each["id"] for _, message in self.came for each in message.get("items", ())]

    def changes(self) -> list[str]:
        return [identity for identity, _ in self.came]

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head if line)
            }
            body = await reader.readexactly(int(headers["content-length"]))
            await self._answer(headers, body, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter
    ) -> None:
        message = json.loads(body)
        if message["type"] == "webhook.challenge":
            self.challenges += 1
            answer = (200, {}), self._challenged(message)
        else:
            StandardWebhook(self.secret).verify(body, headers)
            self.came.append((headers["webhook-id"], message))
            self.headers.append(headers)
            answer = (self.answers.pop(0) if self.answers else self.standing), {}
        said, content = answer
        if said is None:
            await asyncio.Event().wait()
            return
        status, more = said
        sent = json.dumps(content).encode()
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(sent)}"]
        lines += [f"{name}: {value}" for name, value in more.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + sent)
        await writer.drain()

    def _challenged(self, message: dict[str, Any]) -> dict[str, str]:
        if self.echoes:
            return {"answer": message["challenge"], "challenge": message["challenge"]}
        key = b64decode(self.secret.removeprefix("whsec_"))
        made = hmac.digest(key, f"challenge.{message['challenge']}".encode(), "sha256")
        return {"answer": b64encode(made).decode()}


@asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[HookReceiver]:
    """Let a receiver listen on the loopback while the block runs."""
    made = HookReceiver()
    tasks: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await made.take(reader, writer)
        tasks.discard(task)

    server = await asyncio.start_server(take, "127.0.0.1", port)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

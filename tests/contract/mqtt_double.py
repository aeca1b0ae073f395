"""A broker of MQTT 5 that obeys a `Play`: sends its rows to whoever subscribes, and then is silent.

Written from the standard (OASIS MQTT 5.0 §3), as far as a subscriber with QoS 1 needs it. It calls
every message a repetition, as a broker does for one that it sent before a cut.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from connectors.limits import Limits
from connectors.mqtt_session import BrokerAddress, MqttSession
from tests.loopback import loopback_server

CONNECT, CONNACK, PUBLISH, SUBSCRIBE, SUBACK = 1, 0x20, 0x3A, 8, 0x90
"""0x3A: PUBLISH with DUP and QoS 1."""
PINGREQ, PINGRESP, DISCONNECT = 12, 0xD0, 14
TOPIC = b"lists/one"
NOT_AUTHORISED = 135
MQTT_FAULTS = ("hang-up", "nonsense", "huge")
SPOILED = {"nonsense": b"\x00\xff\xff\xff\xff\xff\xff\xff", "huge": b"\x3a\xff\xff\xff\x7f\x00\x09"}


def packet(head: int, body: bytes) -> bytes:
    length, left = b"", len(body)
    while True:
        left, digit = divmod(left, 128)
        length += bytes([digit | 128 if left else digit])
        if not left:
            return bytes([head]) + length + body


def publish(number: int, text: str) -> bytes:
    payload = json.dumps({"text": text}).encode()
    topic = len(TOPIC).to_bytes(2, "big") + TOPIC
    return packet(PUBLISH, topic + number.to_bytes(2, "big") + b"\0" + payload)


def raw(text: str) -> bytes:
    return TOPIC + b"\0" + json.dumps({"text": text}).encode() + b"\n"


async def received(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readexactly(1))[0]
    length, factor = 0, 1
    while True:
        digit = (await reader.readexactly(1))[0]
        length += (digit & 127) * factor
        factor *= 128
        if not digit & 128:
            return head >> 4, await reader.readexactly(length)


@dataclass(frozen=True)
class Broker:
    """What it plays, whom it lets in, and where a fault shows."""

    play: Any
    password: str
    page: int
    faulty: int

    def rows(self) -> bytes:
        """Return what whoever subscribes is sent."""
        play, texts = self.play, list(self.play.rows)
        pages = [texts[at : at + self.page] for at in range(0, len(texts), self.page)] or [[]]
        play.sent[:] = [b"".join(map(raw, each)) for each in pages]
        if play.fault in MQTT_FAULTS:
            texts = texts[: (self.faulty - 1) * self.page]
        sent = b"".join(publish(at, text) for at, text in enumerate(texts, start=1))
        return sent + SPOILED.get(play.fault, b"")

    def answer(self, kind: int, body: bytes) -> bytes | None:
        """Return what a packet is answered with; None: nothing, and the end."""
        if kind == CONNECT:
            assert self.password.encode() in body
            code = NOT_AUTHORISED if self.play.fault == "first-denied" else 0
            return packet(CONNACK, bytes([0, code, 0]))
        if kind == SUBSCRIBE:
            return packet(SUBACK, body[:2] + b"\0\x01") + self.rows()
        if kind == PINGREQ:
            return packet(PINGRESP, b"")
        return None if kind == DISCONNECT else b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.play.connections += 1
        try:
            while True:
                kind, body = await received(reader)
                answer = self.answer(kind, body)
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
                if kind == SUBSCRIBE and self.play.fault == "hang-up":
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self.play.connections -= 1


@asynccontextmanager
async def mqtt_broker(play: Any, password: str, page: int, faulty: int) -> AsyncIterator[Any]:
    """Serve as long as the block runs; gives how a session is opened."""
    broker = Broker(play, password, page, faulty)
    async with loopback_server(broker.serve) as port:

        @asynccontextmanager
        async def open_session(_: Any, limits: Limits) -> AsyncIterator[MqttSession]:
            address = BrokerAddress(
                host="127.0.0.1",
                port=port,
                topics=(TOPIC.decode(),),
                client_id="hub",
                user="hub",
                password=password,
            )
            session = MqttSession("the-source", address, limits)
            try:
                yield session
            finally:
                await session.drop()

        yield open_session

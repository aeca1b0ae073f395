"""`MqttSession`: a persistent subscription at an MQTT broker, with acknowledgement by hand.

- aiomqtt keeps the connection on this event loop. Its messages come without the mark of repetition
  and are acknowledged by paho before anybody has kept them, so messages are taken from paho's own
  callback, with manual acknowledgement: what paho offers and aiomqtt 2.5 does not pass on.
- The broker keeps what it sends between two connections (session expiry `KEPT_S`, no clean start),
  under the name of this client; two connections of one name drive each other out.
- MQTT 5: the broker is told to have at most `IN_FLIGHT_MAX` messages unacknowledged and to send no
  packet beyond `packet_bytes_max`. MQTT 3.1.1 cannot say either, and mosquitto 2.0.11 forgets the
  first once messages are acknowledged. So nothing is read from the socket while `INBOX_MAX`
  messages wait here, until `IN_FLIGHT_MAX` are left: the rest waits at the broker. A packet that is
  too large ends the connection before its bytes are read.
- Whoever leaves a full inbox for longer than two `KEEP_ALIVE_S` loses the connection, because the
  answers to our pings are not read either; what was not acknowledged comes again.
- Connecting runs in a thread (paho blocks); a cancelled caller waits for it, at most `connect_s`.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
from aiomqtt.client import MQTT_LOGGER
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from connectors.errors import (
    ConnectorError,
    PayloadError,
    SourceRefusedError,
    SourceUnavailableError,
)
from connectors.limits import Limits
from connectors.mqtt import IN_FLIGHT_MAX, MqttMessage

__all__ = ["BrokerAddress", "MqttSession"]

KEPT_S = 7 * 86_400
"""How long a broker keeps messages for a hub that is away."""
KEEP_ALIVE_S = 30
INBOX_MAX = 4 * IN_FLIGHT_MAX
"""Messages that wait here before nothing more is read; one TLS record may add what it holds."""
GATHER_S = 1.0
"""Longest wait for a batch to fill after its first message: a state is kept within 5 s."""
IDLE_S = 0.05
"""A batch is given when nothing more came in so short a time."""
QOS = 1
DENIED = {4, 5, 134, 135, 138, 140}
"""Reason codes of MQTT 3.1.1 and 5 for: wrong password, not authorised, banned, bad method."""
REFUSED_FROM = 128
"""Codes of a subscription from here on: the broker does not give the topic."""


@dataclass(frozen=True, kw_only=True)
class BrokerAddress:
    """Where a broker is, and who asks."""

    host: str
    port: int
    topics: tuple[str, ...]
    client_id: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    version: str = "5"

    @property
    def place(self) -> str:
        """Return it in words, without a secret."""
        scheme = "mqtts" if self.tls else "mqtt"
        return f"{scheme}://{self.host}:{self.port}/{','.join(self.topics)}"


class MqttSession:
    """A connection to a broker, made when somebody first reads, and anew after it was dropped."""

    def __init__(self, source: str, address: BrokerAddress, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.place = address.place
        self.topics = ",".join(address.topics)
        self._address = address
        self._client: aiomqtt.Client | None = None
        self._current: aiomqtt.Client | None = None
        """The connection whose end matters: also the one that is being made."""
        self._inbox: deque[MqttMessage] = deque()
        self._woken = asyncio.Event()
        self._failure: ConnectorError | None = None
        self._paused = asyncio.Event()

    async def receive(self, count: int, quiet_s: float) -> list[MqttMessage]:
        """Return what has come, at most so many; empty when nothing comes for so long."""
        await self._connect()
        loop = asyncio.get_running_loop()
        if not await self._arrived(quiet_s):
            return []
        until, seen = loop.time() + GATHER_S, 0
        while seen < len(self._inbox) < count and loop.time() < until:
            seen = len(self._inbox)
            await asyncio.sleep(IDLE_S)
        self._check()
        given = [self._inbox.popleft() for _ in range(min(count, len(self._inbox)))]
        self._go_on()
        return given

    async def acknowledge(self, messages: Sequence[MqttMessage]) -> None:
        """Tell the broker that they are kept; a connection that is lost meanwhile is an error."""
        await asyncio.sleep(0)
        self._check()
        assert self._client is not None
        for each in messages:
            if each.number and self._paho(self._client).ack(each.number, QOS):
                raise self._unavailable("lost while messages were acknowledged")

    async def drop(self) -> None:
        """End the connection, gracefully where that is possible; it may have ended already."""
        client, self._client, self._current = self._client, None, None
        self._inbox.clear()
        if client is not None:
            await _close(client)

    async def _arrived(self, quiet_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(quiet_s):
                while not self._inbox:
                    self._check()
                    self._woken.clear()
                    await self._woken.wait()
        self._check()
        return bool(self._inbox)

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _connect(self) -> None:
        if self._client is not None:
            return
        self._inbox.clear()
        self._failure = None
        self._paused.clear()
        client = self._current = self._made()
        entering = asyncio.create_task(_enter(client))
        try:
            await asyncio.shield(entering)
            await self._ask(client)
        except BaseException as error:
            self._current = None
            await asyncio.wait([entering])
            if not entering.cancelled() and entering.exception() is None:
                await _close(client)
            if isinstance(error, aiomqtt.MqttError | OSError | ValueError):
                raise self._told(error) from None
            raise
        self._client = client

    def _made(self) -> aiomqtt.Client:
        address, is_new = self._address, self._address.version == "5"
        if address.tls is not None:
            address.tls.sslsocket_class = _ClosedOnFailure
        version = aiomqtt.ProtocolVersion.V5 if is_new else aiomqtt.ProtocolVersion.V311
        client = aiomqtt.Client(
            address.host,
            address.port,
            username=address.user,
            password=address.password,
            identifier=address.client_id,
            protocol=version,
            clean_session=None if is_new else False,
            clean_start=False if is_new else MQTT_CLEAN_START_FIRST_ONLY,
            properties=_wishes(self.limits.packet_bytes_max) if is_new else None,
            tls_context=address.tls,
            timeout=self.limits.connect_s,
            keepalive=KEEP_ALIVE_S,
            logger=MQTT_LOGGER,
        )
        paho = self._paho(client)
        paho.manual_ack_set(on=True)
        paho.connect_timeout = self.limits.connect_s
        paho.on_message = self._take
        receive = paho._sock_recv

        def bounded(size: int) -> bytes:
            if size > self.limits.packet_bytes_max:
                self._fail(PayloadError(self.source, f"{self.place}: a packet of {size} bytes"))
                raise OSError("the packet is too large")
            received: bytes = receive(size)
            return received

        paho._sock_recv = bounded
        client._disconnected.add_done_callback(lambda ended: self._lost(client, ended))
        return client

    @staticmethod
    def _paho(client: aiomqtt.Client) -> Any:
        return client._client

    async def _ask(self, client: aiomqtt.Client) -> None:
        """Subscribe; a broker may send what it kept before it answers: that is read meanwhile."""
        code, number = self._paho(client).subscribe(
            [(topic, QOS) for topic in self._address.topics]
        )
        if code or number is None:
            raise aiomqtt.MqttCodeError(code, "the subscription could not be sent")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        client._pending_subscribes[number] = answer
        paused = asyncio.create_task(self._paused.wait())
        try:
            async with asyncio.timeout(self.limits.connect_s):
                await asyncio.wait(
                    {answer, paused, client._disconnected}, return_when=asyncio.FIRST_COMPLETED
                )
        finally:
            paused.cancel()
        if answer.done():
            self._check_granted(answer.result())
        elif client._disconnected.done():
            raise self._unavailable("lost before the subscription was answered")
        else:
            answer.add_done_callback(lambda _: self._answered(client, answer))

    def _answered(self, client: aiomqtt.Client, answer: asyncio.Future[Any]) -> None:
        if answer.cancelled() or self._current is not client:
            return
        try:
            self._check_granted(answer.result())
        except SourceRefusedError as refused:
            self._fail(refused)

    def _check_granted(self, codes: Sequence[Any]) -> None:
        topics = self._address.topics
        refused = [
            topic
            for topic, code in zip(topics, codes, strict=False)
            if _number(code) >= REFUSED_FROM
        ]
        if refused or len(codes) != len(topics):
            raise SourceRefusedError(
                self.source, f"{self.place}: the broker does not give {', '.join(refused)}"
            )

    def _take(self, _client: Any, _userdata: Any, message: Any) -> None:
        taken = MqttMessage(
            topic=message.topic,
            payload=bytes(message.payload),
            is_retained=bool(message.retain),
            is_repeated=bool(message.dup),
            number=message.mid if message.qos else 0,
        )
        self._inbox.append(taken)
        self._woken.set()
        if len(self._inbox) >= INBOX_MAX:
            self._pause()

    def _pause(self) -> None:
        """Read nothing more from the socket for now."""
        sock = None if self._current is None else self._paho(self._current).socket()
        if sock is not None:
            asyncio.get_running_loop().remove_reader(sock.fileno())
            self._paused.set()

    def _go_on(self) -> None:
        """Read from the socket again, once enough was taken."""
        client = self._current
        if not self._paused.is_set() or client is None or len(self._inbox) > IN_FLIGHT_MAX:
            return
        self._paused.clear()
        paho = self._paho(client)
        sock = paho.socket()
        if sock is not None:
            client._on_socket_open(paho, None, sock)

    def _lost(self, client: aiomqtt.Client, ended: asyncio.Future[None]) -> None:
        """Note that the connection ended; what ended it is told without its words."""
        if not ended.cancelled():
            ended.exception()
        if self._current is client:
            self._fail(self._unavailable("the connection was lost"))

    def _fail(self, error: ConnectorError) -> None:
        self._failure = self._failure or error
        self._woken.set()

    def _unavailable(self, detail: str) -> SourceUnavailableError:
        return SourceUnavailableError(self.source, f"{self.place}: {detail}")

    def _told(self, error: Exception) -> ConnectorError:
        if self._failure is not None:
            return self._failure
        code = getattr(error, "rc", None)
        number = 0 if code is None else _number(code)
        if number in DENIED:
            return SourceRefusedError(self.source, f"{self.place}: the broker refused the login")
        return self._unavailable(f"no connection ({type(error).__name__} {number})")


class _ClosedOnFailure(ssl.SSLSocket):
    """A socket that is closed where its handshake fails: paho leaves it open."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - as in `ssl`
        """Agree on keys, or close."""
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _wishes(packet_bytes_max: int) -> Properties:
    wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    wishes.SessionExpiryInterval = KEPT_S
    wishes.ReceiveMaximum = IN_FLIGHT_MAX
    wishes.MaximumPacketSize = packet_bytes_max
    return wishes


def _number(code: Any) -> int:
    """Return a reason code as its number, in whichever form paho has it."""
    value = getattr(code, "value", code)
    return value if isinstance(value, int) else int(MQTTErrorCode.MQTT_ERR_UNKNOWN)


async def _enter(client: aiomqtt.Client) -> None:
    await client.__aenter__()


async def _close(client: aiomqtt.Client) -> None:
    with suppress(aiomqtt.MqttError, OSError):
        await client.__aexit__(None, None, None)
    sock = client._client.socket()
    if sock is not None:
        client._client._sock_close()

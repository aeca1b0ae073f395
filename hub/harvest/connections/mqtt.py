"""`MqttConnection`: a source that publishes to an MQTT broker.

[mqtt]
host = "broker.example.edu.cn"
port = 8883
topics = ["meters/+/power"]
user = "hub"                  # and password, where the broker wants them
password = "…"
tls = true                    # or false; ca = "/etc/deltahub/broker-ca.pem" for an own authority
client_id = "deltahub-meters" # the name under which the broker keeps messages for this hub
version = "5"                 # or "3.1.1"
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from connectors.limits import Limits
from connectors.mqtt_session import BrokerAddress, MqttSession
from hub.harvest.connections.connection import from_table

__all__ = ["MQTT", "MqttConnection"]

VERSIONS = ("5", "3.1.1")
PORT_MAX = 65_535
TOPICS_MAX = 100
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class MqttConnection:
    """A broker, topics, and what lets us in."""

    source: str
    host: str
    topics: list[str]
    port: int = 8883
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = True
    ca: str | None = None
    client_id: str | None = None
    version: str = "5"

    def __post_init__(self) -> None:
        """Refuse what cannot be right: `ValueError`."""
        given: Any = self  # a file may hold anything
        if not isinstance(given.host, str) or not given.host:
            raise ValueError("mqtt.host names the broker")
        if type(given.port) is not int or not 1 <= given.port <= PORT_MAX:
            raise ValueError("mqtt.port is a port")
        if not isinstance(given.topics, list) or not 1 <= len(given.topics) <= TOPICS_MAX:
            raise ValueError(f"mqtt.topics lists 1 to {TOPICS_MAX} topics")
        if not all(isinstance(each, str) and each for each in given.topics):
            raise ValueError("mqtt.topics are texts")
        if given.version not in VERSIONS:
            raise ValueError(f"mqtt.version is one of {', '.join(VERSIONS)}")
        if type(given.tls) is not bool:
            raise ValueError("mqtt.tls is true or false")
        texts = (given.user, given.password, given.ca, given.client_id)
        if not all(each is None or isinstance(each, str) for each in texts):
            raise ValueError("mqtt.user, password, ca and client_id are texts")
        if self.password is not None and not self.tls and self.host not in LOOPBACK:
            raise ValueError("mqtt.password goes over TLS only: set tls = true")
        if self.password is not None and self.user is None:
            raise ValueError("mqtt.password needs mqtt.user")

    @property
    def place(self) -> str:
        """Broker and topics."""
        return self._address(None).place

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password."""
        return (self.password,) if self.password else ()

    @asynccontextmanager
    async def session(self, source: str, limits: Limits) -> AsyncIterator[MqttSession]:
        """Give a session that connects when it is first read; its connection ends here."""
        context = ssl.create_default_context(cafile=self.ca) if self.tls else None
        session = MqttSession(source, self._address(context), limits)
        try:
            yield session
        finally:
            await session.drop()

    def _address(self, context: ssl.SSLContext | None) -> BrokerAddress:
        return BrokerAddress(
            host=self.host,
            port=self.port,
            topics=tuple(self.topics),
            client_id=self.client_id or f"deltahub-{self.source}",
            user=self.user,
            password=self.password,
            tls=context,
            version=self.version,
        )


class _Mqtt:
    members = frozenset({"mqtt"})

    def read(self, source: str, content: Mapping[str, Any]) -> MqttConnection:
        return from_table(MqttConnection, "mqtt", content.get("mqtt"), source=source)


MQTT = _Mqtt()

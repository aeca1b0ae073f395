"""Connections: how a deployed source is reached; one file for each protocol.

An adapter says which protocol its source speaks (`Adapter.protocol`), the operator's file says
where the source is. A file of HTTP has `base_url` and what lets us in at its top; of every other
protocol a table of its name holds it all (`[sql]`, `[sftp]`, …). A new protocol is a `Connection`
in a file here, and a line in `PROTOCOLS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.harvest.connections.connection import Connection, ConnectionKind
from hub.harvest.connections.http import HTTP, ClientCredentials, HttpConnection, StaticToken
from hub.harvest.connections.mqtt import MQTT, MqttConnection

__all__ = [
    "PROTOCOLS",
    "ClientCredentials",
    "Connection",
    "HttpConnection",
    "MqttConnection",
    "StaticToken",
]

PROTOCOLS: Mapping[str, ConnectionKind] = {
    "http": HTTP,
    "mqtt": MQTT,
}
"""Readers of connections by `Adapter.protocol`."""

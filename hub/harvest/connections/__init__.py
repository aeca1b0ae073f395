"""Connections: how a deployed source is reached; one file for each protocol.

An adapter says which protocol its source speaks (`Adapter.protocol`), the operator's file says
where the source is. A file of HTTP has `base_url` and what lets us in at its top; of every other
protocol a table of its name holds it all (`[sql]`, `[sftp]`, …). A new protocol is a
`SourceConnection` in a file here, and a line in `PROTOCOLS`.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.harvest.connections.connection import ConnectionKind, SourceConnection
from hub.harvest.connections.files import FILES
from hub.harvest.connections.http import HTTP, ClientCredentials, HttpConnection, StaticToken
from hub.harvest.connections.hub import HUB, HubConnection
from hub.harvest.connections.mqtt import MQTT, MqttConnection
from hub.harvest.connections.sql import SQL

__all__ = [
    "PROTOCOLS",
    "ClientCredentials",
    "HttpConnection",
    "HubConnection",
    "MqttConnection",
    "SourceConnection",
    "StaticToken",
]

PROTOCOLS: Mapping[str, ConnectionKind] = {
    "http": HTTP,
    "hub": HUB,
    "files": FILES,
    "mqtt": MQTT,
    "sftp": FILES,
    "sql": SQL,
}
"""Readers of connections by `Adapter.protocol`."""

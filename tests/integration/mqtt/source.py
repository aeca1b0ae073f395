"""The source of sensors that these tests read, and their clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.power_meters import ADAPTER
from hub.harvest.connections import MqttConnection
from hub.harvest.source import HarvestSource

NOW = datetime(2026, 11, 24, 2, 0, 30, tzinfo=UTC)
"""10:00:30 in Shanghai."""
PARTY = "hub:hub.delta.example/records"
OWNER = "moe:10335"
METERS = 4


def meters_source(
    port: int, facts: Mapping[str, Any] | None = None, **broker: Any
) -> HarvestSource:
    """Return the source `meters`; `broker`: what else is said of its connection."""
    return HarvestSource(
        id="meters",
        adapter=ADAPTER,
        connection=MqttConnection(
            **{
                "source": "meters",
                "host": "127.0.0.1",
                "port": port,
                "topics": ["meters/+/power"],
                "tls": False,
                **broker,
            }
        ),
        facts={
            "thresholds": {"on_from": 100, "off_below": 50, "use_from": 800},
            **(facts or {}),
        },
        owners=(OWNER,),
    )

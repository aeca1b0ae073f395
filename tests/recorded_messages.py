"""`RecordedMessages`: messages of MQTT that were recorded, in place of a broker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.limits import Limits
from connectors.mqtt import MqttMessage


@dataclass
class RecordedMessages:
    """A session that gives recorded messages once, in their order."""

    source: str
    recorded: Sequence[Mapping[str, Any]]
    limits: Limits = field(default_factory=Limits)
    place: str = "recorded"
    topics: str = "#"
    acknowledged: int = 0
    _at: int = 0

    async def receive(self, count: int, quiet_s: float) -> list[MqttMessage]:
        del quiet_s
        part = self.recorded[self._at : self._at + count]
        self._at += len(part)
        return [
            MqttMessage(each["topic"], each["payload"].encode(), bool(each.get("retained")))
            for each in part
        ]

    async def acknowledge(self, messages: Sequence[MqttMessage]) -> None:
        self.acknowledged += len(messages)

    async def drop(self) -> None:
        self._at = self.acknowledged

"""`meters`: simulated power meters of instruments, which publish to a broker that is there.

Their messages are as `docs/standard/mappings/power_meters.md` says; what they measure is a plain
function of meter and minute: off at night, on from eight, in use by turns. Switches let them lie.

    python -m hub.sandbox.meters --port 1883 --meters 5

publishes a reading of each meter every minute until it is interrupted. No broker is begun.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import aiomqtt

from hub.clock import system_clock
from hub.sandbox.wire import FrozenAnswer, frozen_file

__all__ = ["Meters", "Switches", "publish"]

OFF_W, ON_W, USE_W = 4, 180, 950
SHANGHAI = timezone(timedelta(hours=8))
OPENS, CLOSES = 8, 20
USE_TURN = 3
"""Of so many hours a meter's instrument is in use one."""
QOS = 1
MINUTE_S = 60.0
OVERSIZE = 20_000
PAYLOADS = [
    json.loads(each["payload"]) for each in json.loads(frozen_file("power_meters", "readings.json"))
]
READING = FrozenAnswer("power_meters", "reading", text=json.dumps(PAYLOADS))
Sent = tuple[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Switches:
    """What the meters do wrong; of each the first so many meters."""

    silent: int = 0
    """They say nothing."""
    broken: int = 0
    """No JSON, a text for a value, or a message of 20 kB."""
    unknown: int = 0
    """So many messages of sensors that nobody has bound."""
    ahead: timedelta = timedelta(0)
    """How far the clocks of all are ahead; negative: behind."""
    repeated: bool = False
    """Everything is sent twice."""
    shuffled: bool = False
    """In any order."""


@dataclass(frozen=True, kw_only=True)
class Meters:
    """So many meters, `em-00000` and on."""

    count: int
    switches: Switches = Switches()
    topic: str = "meters/{sensor}/power"

    def sensors(self) -> Iterator[str]:
        """Yield the numbers of the sensors."""
        return (f"em-{at:05}" for at in range(self.count))

    def watts(self, at: int, moment: datetime) -> int:
        """Return what a meter measures."""
        local = moment.astimezone(SHANGHAI)
        if not OPENS <= local.hour < CLOSES:
            return OFF_W
        return USE_W if (local.hour + at) % USE_TURN == 0 else ON_W

    def messages(self, moment: datetime) -> list[Sent]:
        """Return what is sent at a moment, a topic and a payload each."""
        switches, sent = self.switches, []
        for at, sensor in enumerate(self.sensors()):
            if at < switches.silent:
                continue
            if at < switches.silent + switches.broken:
                bad = (b"{no json", b'{"time": 1, "value": "?"}', b"x" * OVERSIZE)[at % 3]
                sent.append((self.topic.format(sensor=sensor), bad))
                continue
            sent.append(self._reading(sensor, moment, self.watts(at, moment)))
        sent += [self._reading(f"nobody-{at}", moment, ON_W) for at in range(switches.unknown)]
        if switches.repeated:
            sent *= 2
        if switches.shuffled:
            random.shuffle(sent)
        return sent

    def _reading(self, sensor: str, moment: datetime, value: int) -> Sent:
        time = (moment + self.switches.ahead).astimezone(SHANGHAI).isoformat(timespec="seconds")
        number = int(moment.timestamp() // MINUTE_S)
        reading = READING.row({"time": time, "value": value, "unit": "W", "seq": number})
        return self.topic.format(sensor=sensor), json.dumps(reading).encode()


async def publish(
    host: str, port: int, sent: list[Sent], *, is_retained: bool = False, at_once: int = 100
) -> None:
    """Send messages, and wait until the broker has all of them."""
    async with aiomqtt.Client(host, port, max_inflight_messages=at_once) as client:
        client.pending_calls_threshold = at_once + 1
        for start in range(0, len(sent), at_once):
            async with asyncio.TaskGroup() as tasks:
                for topic, payload in sent[start : start + at_once]:
                    tasks.create_task(client.publish(topic, payload, QOS, retain=is_retained))


async def _for_ever(host: str, port: int, meters: Meters) -> None:
    while True:
        await publish(host, port, meters.messages(system_clock()))
        await asyncio.sleep(MINUTE_S)


def main() -> None:
    """Publish until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m hub.sandbox.meters", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--meters", type=int, default=5)
    parser.add_argument("--silent", type=int, default=0)
    parser.add_argument("--broken", type=int, default=0)
    asked = parser.parse_args()
    switches = Switches(silent=asked.silent, broken=asked.broken)
    asyncio.run(_for_ever(asked.host, asked.port, Meters(count=asked.meters, switches=switches)))


if __name__ == "__main__":
    main()

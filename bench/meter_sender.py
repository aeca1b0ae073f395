"""`meter_sender`: the meters of `bench.meters`, a process of their own that imports little.

python -m bench.meter_sender PORT METERS SECONDS RATE
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime

import aiomqtt

from hub.clock import system_clock

__all__ = ["AT_ONCE", "TOPIC", "send", "sensor_of"]

TOPIC = "meters/{sensor}/power"
AT_ONCE = 200
WATTS = (4, 180, 950)


def sensor_of(at: int) -> str:
    """Return the number of a sensor."""
    return f"em-{at:05}"


def reading(at: int, moment: datetime, turn: int) -> tuple[str, bytes]:
    """Return a message of a meter."""
    value = WATTS[(at + turn // 7) % len(WATTS)]
    body = {"time": moment.isoformat(), "value": value, "unit": "W"}
    return TOPIC.format(sensor=sensor_of(at)), json.dumps(body).encode()


async def send(port: int, count: int, seconds: float, rate: float) -> int:
    """Send readings of meters by turns, `rate` a second or (0) as fast as the broker takes them."""
    loop = asyncio.get_running_loop()
    sent, limit = 0, round(seconds * rate) if rate else count
    async with aiomqtt.Client("127.0.0.1", port, max_inflight_messages=AT_ONCE) as client:
        client.pending_calls_threshold = AT_ONCE + 1
        began = loop.time()
        while sent < limit:
            due = min(limit, int((loop.time() - began) * rate) + 1 if rate else sent + AT_ONCE)
            turn = 0 if rate else sent // count
            async with asyncio.TaskGroup() as tasks:
                for at in range(sent, min(due, sent + AT_ONCE)):
                    topic, payload = reading(at % count, system_clock(), turn)
                    tasks.create_task(client.publish(topic, payload, 1))
                sent = min(due, sent + AT_ONCE)
            await asyncio.sleep(0.005 if rate else 0)
    return sent


if __name__ == "__main__":
    port_given, meters_given, seconds_given, rate_given = sys.argv[1:]
    asyncio.run(send(int(port_given), int(meters_given), float(seconds_given), float(rate_given)))

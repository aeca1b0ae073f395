"""A process that reads sensors as a hub does, until it is killed: `reading_process URL PORT`."""

from __future__ import annotations

import asyncio
import sys

from hub.sensing.service import Sensing
from hub.store.database import Database
from tests.integration.mqtt.source import NOW, PARTY, meters_source
from tests.standing_clock import StandingClock


async def read(url: str, port: int) -> None:
    """Read for ever; the clock stands, as in the test that began this."""
    async with Database(url) as database:
        sensing = Sensing(database, PARTY, StandingClock(NOW), None)
        sensing.add(meters_source(port))
        await sensing.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(read(sys.argv[1], int(sys.argv[2])))

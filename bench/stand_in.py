"""`stand_in`: a register of public assets of any size, a process of its own: `python -m bench.stand_in COUNT`.

The sandbox's own `asset_cloud` on a free port of the loopback interface. Prints its address and its token as a line
of JSON when it answers, and serves until it is told to stop.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import date

import httpx

from hub.sandbox.asset_cloud import asset_cloud
from hub.sandbox.serve import serving
from hub.sandbox.world import UNIVERSITY_COUNT

MADE_S_MAX = 120.0
"""Longest time in which the rows are made, before anybody is told the address."""
DAY = date(2026, 11, 24)


def scale_of(count: int) -> float:
    """Return the share of the sandbox's university that has so many instruments."""
    return (count + 0.5) / UNIVERSITY_COUNT  # the sandbox rounds down


async def serve(count: int) -> None:
    """Serve until told to stop."""
    made = asset_cloud(lambda: DAY, scale_of(count))
    async with serving(made.app) as url:
        async with httpx.AsyncClient(auth=made.auth, timeout=MADE_S_MAX, trust_env=False) as client:
            (await client.get(f"{url}/api/asset/v1/cards")).raise_for_status()  # its rows are made
        print(json.dumps({"url": url, "token": made.token}), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))

"""`python -m tests.integration.vouchers.claim_program PLACE`: one hub that shares claims.

A program of its own, so that it can be killed at any moment. It looks after its claims as a hub
does, more often.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.integration.vouchers.claim_hubs import ClaimPlace, running

LOOK_S, AGAIN_S = 0.5, 3.0


async def _serve(place: ClaimPlace) -> None:
    async with running(place) as hub:
        while True:
            await hub.parts.keeping.look(AGAIN_S)
            await asyncio.sleep(LOOK_S)


def main() -> None:
    """Run until it is killed."""
    place = ClaimPlace(**json.loads(Path(sys.argv[1]).read_text("utf-8")))
    asyncio.run(_serve(place))


if __name__ == "__main__":
    main()

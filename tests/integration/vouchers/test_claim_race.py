"""Claims for a few services at hubs that are killed: each is paid for once, and no money is lost.

`HUB_CLAIM_RACE` is claims, services, kills and hubs of a long race; a small one in the gate.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.databases import Spares
from tests.integration.vouchers.claim_hubs import places_in, prepare
from tests.integration.vouchers.claim_race import (
    CLAIMS_OF_VOUCHER,
    FEN,
    ClaimRace,
    reserve_all,
    wishes_of,
)
from tests.running_hub import free_port

pytestmark = pytest.mark.integration
CLAIMS, SERVICES, KILLS, HUBS = map(int, os.environ.get("HUB_CLAIM_RACE", "16 4 1 2").split())
AT_ONCE = 6
SEED = 15


def test_of_many_claims_for_a_service_exactly_one_is_paid(spares: Spares, tmp_path: Path) -> None:
    with ExitStack() as stack:
        urls = [stack.enter_context(spares.lent()) for _ in range(HUBS)]
        places = places_in(tmp_path, urls, [free_port() for _ in urls])
        wishes = wishes_of(places, CLAIMS, SERVICES)
        codes = -(-CLAIMS // (HUBS * CLAIMS_OF_VOUCHER))

        async def race() -> None:
            await prepare(places, codes, FEN * CLAIMS_OF_VOUCHER)
            await reserve_all(places, wishes)
            report = await ClaimRace(places, wishes, SEED).run(KILLS, AT_ONCE)
            sys.stdout.write(f"{report}\n")
            assert report.most_of_one == 1
            assert report.consumed == SERVICES
            assert report.faults == 0

        asyncio.run(race())

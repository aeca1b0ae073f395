"""Three hubs that know each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.databases import Spares
from tests.integration.vouchers.claim_hubs import (
    ClaimHub,
    ClaimPlace,
    all_running,
    places_in,
    prepare,
)
from tests.integration.vouchers.claim_talk import CODES, FEN, settled, sound
from tests.running_hub import free_port


@pytest.fixture(scope="package")
def places(spares: Spares, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClaimPlace]]:
    """Three hubs that know each other; every test has services and claims of its own."""
    with spares.lent() as one, spares.lent() as two, spares.lent() as three:
        urls = (one, two, three)
        folder = tmp_path_factory.mktemp("claims")
        made = places_in(folder, urls, [free_port() for _ in urls])
        asyncio.run(_acquainted(made))
        yield made


async def _acquainted(places: list[ClaimPlace]) -> None:
    await prepare(places, CODES, FEN)
    async with all_running(places) as hubs:
        await settled(hubs)  # they hear each other


@pytest.fixture
async def hubs(places: list[ClaimPlace]) -> AsyncIterator[list[ClaimHub]]:
    async with all_running(places) as made:
        yield made
        for hub in made:
            hub.is_silent = False
        await settled(made)
        await sound(*made)

"""One laboratory for the tests of a module, and a source that reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adapters import discover
from connectors.limits import Limits
from hub.clock import system_clock
from hub.harvest.connections import HttpConnection, StaticToken
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.store.database import Database
from tests.ordering import Partners, booking_hub
from tests.standing_clock import StandingClock

INSTITUTION = {
    "institutionKey": "moe:10335",
    "name": {"zh": "浙江大学", "en": "Zhejiang University"},
    "kind": "UNIVERSITY",
}
FACTS = {
    "instance": "lab1",
    "booking_url": "https://lab.example/calendar",
    "inside_account_types": ["校内"],
    "outside_account_types": ["校外企业"],
    "purposes": {"科研": "RESEARCH"},
    "training_purpose": "TEACHING",
}


def _load(name: str) -> ModuleType:
    """Load a neighbour by path; this folder is no package because NEMO's Python runs in it too."""
    spec = util.spec_from_file_location(f"nemo_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


laboratories = _load("laboratory")


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """NEMO in its own environment, installed on demand, seeded and started once."""
    try:
        laboratories.installation.install()
    except laboratories.installation.InstallError as error:
        pytest.skip(f"NEMO could not be installed, so nothing real was tested: {error}")
    now = system_clock().replace(minute=0, second=0, microsecond=0)
    with laboratories.laboratory(tmp_path_factory.mktemp("nemo") / "lab", now) as running:
        yield running


@pytest.fixture
def lab(laboratory: Any) -> Any:
    """The laboratory as it was seeded, whatever the last test did to it."""
    laboratory.begin_anew()
    return laboratory


@pytest.fixture
def time(lab: Any) -> StandingClock:
    return StandingClock(lab.now)


@pytest.fixture
def nemo(lab) -> HarvestSource:
    return HarvestSource(
        id="nemo-lab1",
        adapter=discover()["nemo"],
        connection=HttpConnection(base_url=lab.url, auth=StaticToken(f"Token {lab.hub_token}")),
        institution=INSTITUTION,
        facts=FACTS,
        owners=("moe:10335",),
        limits=Limits(attempts_max=1),
    )


@pytest.fixture
def harvester(database: Database, time: StandingClock) -> Harvester:
    return Harvester(database, "hub:hub.delta.example/records", time)


@pytest.fixture
async def partners(
    database: Database, lab: Any, nemo: HarvestSource, harvester: Harvester, time: StandingClock
) -> AsyncIterator[Partners]:
    """Clients of a hub that has read the laboratory and books there."""
    assert (await harvester.harvest(nemo)).counts()["accepted"] > 0
    async with booking_hub(database, lab, nemo, time) as made:
        yield made

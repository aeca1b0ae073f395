"""One laboratory for the tests of a module, and a source that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest

from adapters import discover
from connectors.limits import Limits
from hub.clock import system_clock
from hub.harvest.connections import HttpConnection, StaticToken
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.store.database import Database

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


@dataclass
class Time:
    """A clock that stands until it is told otherwise."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture(scope="session")
def nemo_installed() -> None:
    """NEMO in its own environment; installed on demand."""
    try:
        laboratories.installation.install()
    except laboratories.installation.InstallError as error:
        pytest.skip(f"NEMO could not be installed, so nothing real was tested: {error}")


@pytest.fixture
def time() -> Time:
    return Time(system_clock().replace(minute=0, second=0, microsecond=0))


@pytest.fixture
def lab(nemo_installed: None, tmp_path: Path, time: Time) -> Iterator[object]:
    with laboratories.laboratory(tmp_path / "lab", time.now) as running:
        yield running


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
def harvester(database: Database, time: Time) -> Harvester:
    return Harvester(database, "hub:hub.delta.example/records", time)

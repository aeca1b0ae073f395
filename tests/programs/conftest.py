"""Programs of others that ask through a partner's proxy; big to install, so `make suites` only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node_tools import ROOT
from tests.running_proxy import running_proxy


@pytest.fixture(scope="session")
def tools() -> Path:
    if not os.environ.get("HUB_TEST_PROGRAMS"):
        pytest.skip(
            "big programs of others: HUB_TEST_PROGRAMS=1 installs them, as make suites does"
        )
    folder = ROOT / ".tools" / "programs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def proxy(tools: Path, database_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of a proxy before a hub that really runs."""
    with running_proxy(database_url, tmp_path) as address:
        yield address

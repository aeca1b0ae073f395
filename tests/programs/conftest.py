"""Programs of others that ask through a partner's proxy; big to install, so `make suites` only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.node_tools import ROOT, NodeTools, node_tools
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


@pytest.fixture(scope="session")
def gateways(tools: Path) -> NodeTools:
    """Apollo Gateway and Hive Gateway; the benchmark runs the same."""
    del tools  # it skips where big programs are not asked for
    return node_tools(ROOT / "bench" / "peers" / "gateways")


@pytest.fixture
def proxy(tools: Path, database_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of a proxy before a hub that really runs."""
    with running_proxy(database_url, tmp_path) as address:
        yield address

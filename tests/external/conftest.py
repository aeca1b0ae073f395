"""The suites of others, installed from npm on demand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.node_tools import NodeTools, node_tools


@pytest.fixture(scope="session")
def suites() -> NodeTools:
    return node_tools(Path(__file__).parent)

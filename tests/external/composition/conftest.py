"""Both compositions, installed from npm on demand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.external.supergraph import Compositions
from tests.node_tools import node_tools


@pytest.fixture(scope="session")
def compositions() -> Compositions:
    return Compositions(node_tools(Path(__file__).parent))

"""The session's PostgreSQL, for readers of databases."""

from __future__ import annotations

import pytest

from tests.contract.sql_double import CLUSTER


@pytest.fixture(scope="session", autouse=True)
def cluster_for_readers(cluster: str) -> None:
    """Tell the doubles where the server is."""
    CLUSTER[:] = [cluster]

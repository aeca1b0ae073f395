"""The session's PostgreSQL and MariaDB, for readers of databases."""

from __future__ import annotations

import pytest

from tests.contract.sql_double import CLUSTER, MARIADB


@pytest.fixture(scope="session", autouse=True)
def cluster_for_readers(cluster: str) -> None:
    """Tell the doubles where the server is."""
    CLUSTER[:] = [cluster]


@pytest.fixture(autouse=True)
def mariadb_for_readers(request: pytest.FixtureRequest) -> None:
    """Start it for tests of its double only; where it is not installed they skip."""
    double = getattr(request.node, "callspec", None) and request.node.callspec.params.get("double")
    if getattr(double, "name", "") == "a view of MariaDB":
        MARIADB[:] = [request.getfixturevalue("mariadb_server")]

"""urql and Apollo Client keep the data that comes with an error, where they are told to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.node_tools import NodeTools, node_tools
from tests.running_proxy import running_proxy

pytestmark = [pytest.mark.external, pytest.mark.integration]


@pytest.fixture(scope="module")
def clients() -> NodeTools:
    return node_tools(Path(__file__).parent)


def test_two_clients_read_what_there_is_beside_what_they_may_not(
    clients: NodeTools, database_url: str, tmp_path: Path
) -> None:
    with running_proxy(database_url, tmp_path) as proxy:
        done = clients.node("partial.mjs", proxy)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for client in ("urql", "apollo"):
        assert len(told[client]["keys"]) == 2, told
        assert told[client]["values"] == [None, None]
        assert told[client]["codes"] == ["SCOPE_MISSING"]
    assert told["urql"]["sources"] == 3
    assert told["urqlRefused"] == {"data": None, "codes": ["BAD_USER_INPUT"]}
    assert len(set(told["pages"])) == 2
    by_itself = told["apolloByItself"]
    assert by_itself == {"data": None, "codes": ["SCOPE_MISSING"]}, "so the pages say: all"

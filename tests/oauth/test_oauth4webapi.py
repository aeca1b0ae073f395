"""The authorization server, used by oauth4webapi: discovery, tokens, introspection, revocation."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import create_key
from hub.clock import system_clock
from hub.store.database import Database
from tests.node_tools import NodeTools, node_tools
from tests.running_hub import running_hub

pytestmark = [pytest.mark.external, pytest.mark.integration]
CLIENT = "oauth4webapi"


@pytest.fixture(scope="module")
def suites() -> NodeTools:
    return node_tools(Path(__file__).parent)


async def register(url: str, file: Path) -> str:
    key = create_key(file)
    application = read_application(application_document(CLIENT, CLIENT, key.public))
    grant = ClientGrant("moe:10335", ClientKind.PARTNER, ("catalogue:read", "graphql:adhoc"))
    async with Database(url) as database:
        await admit(DatabaseClientStore(database), application, grant, system_clock())
    return key.kid


def test_a_certified_client_library_finds_its_way_alone(
    suites: NodeTools, database_url: str, tmp_path: Path
) -> None:
    key = tmp_path / "key.pem"
    kid = asyncio.run(register(database_url, key))
    with running_hub(database_url, tmp_path) as base:
        done = suites.node("client.mjs", base, CLIENT, str(key), kid)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "client_credentials" in told["wanted"]
    assert told["token"] == {"type": "dpop", "scope": "catalogue:read", "seconds": 300}
    assert told["resource"]["resource_policy_uri"] == base + "/access-policy"
    assert told["self"] == told["claims"]["sub"] == CLIENT
    assert told["claims"]["bound"] == 43
    assert told["active"] == [True, CLIENT, False]
    assert told["after"] == "invalid_token"

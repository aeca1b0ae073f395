"""People sign in at their institution: a real OpenID provider, a browser's library, and the hub."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.store.database import Database
from tests.node_tools import NodeTools, node_tools
from tests.running_hub import running_hub

pytestmark = [pytest.mark.external, pytest.mark.integration]
PROVIDERS = """
[[provider]]
issuer = "http://127.0.0.1:{port}"
audience = "hub-portal"
client = "zju"
jwks_uri = "http://127.0.0.1:{port}/jwks"
scopes = ["catalogue:read", "asset:read"]
groups = "groups"
roles = {{ DECIDER = ["instrument-office"], PROPOSER = ["laboratory"] }}
"""


@pytest.fixture(scope="module")
def suites() -> NodeTools:
    return node_tools(Path(__file__).parent)


async def register(url: str) -> None:
    application = read_application(application_document("zju", "zju", generate_key().public))
    grant = ClientGrant("moe:10335", ClientKind.UNIVERSITY, ("catalogue:read", "records:push"))
    async with Database(url) as database:
        await admit(DatabaseClientStore(database), application, grant, system_clock())


def test_a_person_gets_a_token_for_the_institution_s_client_with_the_role_of_the_group(
    suites: NodeTools, database_url: str, tmp_path: Path
) -> None:
    asyncio.run(register(database_url))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    providers = tmp_path / "providers.toml"
    providers.write_text(PROVIDERS.format(port=port), "utf-8")
    more = {"HUB_IDENTITY_PROVIDERS": str(providers)}
    with running_hub(database_url, tmp_path, more) as base:
        done = suites.node("provider.mjs", base, str(port), "hub-portal")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])  # the provider prints notices before
    decider, student = told["chen"], told["li"]
    for each in (decider, student):
        assert each["claims"]["client_id"] == "zju"
        assert each["claims"]["sub"].startswith("person:")
        assert each["scope"] == "catalogue:read", "what both the client and the provider allow"
        assert each["status"] == 200
        assert each["stolen"] == each["forged"] == "invalid_grant"
        assert each["wider"] == "invalid_scope"
    assert decider["claims"]["hub_role"] == "DECIDER"
    assert "hub_role" not in student["claims"]
    assert decider["claims"]["sub"] != student["claims"]["sub"]
    assert "chen" not in json.dumps(decider["claims"]), "a pseudonym"

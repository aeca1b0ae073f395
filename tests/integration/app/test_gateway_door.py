"""The door of gateways: tokens for it alone, and documents that a client registered for it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.client import CallRefusedError, HubClient
from tests.integration.app.conftest import BASE, UNIVERSITY, World

pytestmark = pytest.mark.integration
PLAIN, SUBGRAPH = "/graphql", "/federation/graphql"
PARTY = "{ me { party } }"
JOIN = """query Join($r: [_Any!]!) {
  _entities(representations: $r) { ... on Institution { key } } }"""


async def gateway(world: World, name: str, *scopes: str) -> HubClient:
    granted = ("catalogue:read", *scopes)
    return await world.register(name, UNIVERSITY, ClientKind.PARTNER, granted)


async def asked(client: HubClient, path: str, **members: Any) -> dict[str, Any]:
    headers = {"content-type": "application/json", "accept": "application/json"}
    answer = await client.relay("POST", path, headers, json.dumps(members).encode())
    return dict(answer.json())


def code_of(answer: dict[str, Any]) -> str | None:
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    return answer.get("code")


@pytest.mark.parametrize(
    ("resource", "fits"),
    [("", (PLAIN, SUBGRAPH)), (PLAIN, (PLAIN,)), (SUBGRAPH, (SUBGRAPH,))],
)
async def test_one_registration_gets_tokens_for_either_door(
    world: World, resource: str, fits: tuple[str, ...]
) -> None:
    client = await gateway(world, "gateway", "graphql:adhoc")
    client._discovery = replace(await client.discover(), resource=BASE + resource)
    for path in (PLAIN, SUBGRAPH):
        answer = await asked(client, path, query=PARTY)
        assert code_of(answer) == (None if path in fits else "TOKEN_AUDIENCE"), answer
    other = await client.relay("GET", "/clients/self/documents", {}, b"")
    assert other.status_code == (401 if resource else 200)


async def test_no_token_is_for_what_lies_between_the_doors(world: World) -> None:
    client = await gateway(world, "gateway")
    for resource in ("/federation", SUBGRAPH + "/", "/federation/graphql/x"):
        client._discovery = replace(await client.discover(), resource=BASE + resource)
        with pytest.raises(CallRefusedError, match="invalid_target"):
            await client.token()


async def test_a_gateway_runs_what_it_registered(world: World) -> None:
    client = await gateway(world, "gateway")
    references = {"r": [{"__typename": "Institution", "key": "moe:99999"}]}
    assert code_of(await asked(client, SUBGRAPH, query=JOIN, variables=references)) == (
        "DOCUMENT_REQUIRED"
    )
    made = await client.register_document(JOIN, "join")
    for way in ({"query": JOIN}, {"documentId": made["documentId"]}):
        answer = await asked(client, SUBGRAPH, **way, variables=references)
        assert answer["data"] == {"_entities": [None]}, answer
        answer = await asked(client, PLAIN, **way, variables=references)
        assert code_of(answer) == "GRAPHQL_VALIDATION_FAILED"
    own = "query _entities { _service: me { party } }"
    assert made["runsAt"] == [SUBGRAPH]
    assert (await client.register_document(PARTY))["runsAt"] == [PLAIN, SUBGRAPH]
    await client.register_document(own)  # its own names are no names of the subgraph's
    listed = {each["text"]: each["runsAt"] for each in await client.documents()}
    assert listed == {JOIN: [SUBGRAPH], PARTY: [PLAIN, SUBGRAPH], own: [PLAIN, SUBGRAPH]}
    assert (await asked(client, PLAIN, query=own))["data"] == {"_service": {"party": UNIVERSITY}}
    for path in (PLAIN, SUBGRAPH):
        assert (await asked(client, path, query=PARTY))["data"] == {"me": {"party": UNIVERSITY}}
    with pytest.raises(CallRefusedError, match="GRAPHQL_VALIDATION_FAILED"):
        await client.register_document("{ _entity { id } }")

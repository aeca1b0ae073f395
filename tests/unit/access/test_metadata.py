"""What the metadata documents list is what works, no more and no less."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from hub.access import requester
from hub.access.clients import ClientKind, RegistrationError
from hub.access.registration import application_document, granted, read_application
from hub.access.requester import EXCHANGE, JWT
from hub.access.scopes import Scope
from hub.access.server import grant_types
from hub.crypto import jws
from hub.crypto.keys import generate_key
from tests.unit.access.test_certificates import Proxied, header
from tests.unit.access.world import BASE, World

SERVER = "/.well-known/oauth-authorization-server"
RESOURCE = "/.well-known/oauth-protected-resource"


@pytest.fixture
def world() -> World:
    made = World()
    made.store.clients["zju"] = replace(made.store.clients["zju"], kind=ClientKind.PEER)
    return made


async def read(http: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await http.get(path)
    assert answer.status_code == 200, path
    found: dict[str, Any] = answer.json()
    return found


def form_for(world: World, grant: str) -> dict[str, str]:
    form = world.token_form(grant_type=grant)
    if grant == EXCHANGE:
        now = world.clock()
        said = requester.make(
            "zju", BASE, world.key, now, subject="fudan", scopes=("catalogue:read",)
        )
        form |= {"subject_token": said, "subject_token_type": JWT}
    return form


async def test_every_grant_that_is_listed_gives_a_token_and_no_other_one_does(
    world: World,
) -> None:
    async with world.http() as http:
        server = await read(http, SERVER)
        assert server["grant_types_supported"] == grant_types(world.config)
        for grant in server["grant_types_supported"]:
            form = form_for(world, grant)
            answer = await http.post("/oauth/token", data=form, headers={"DPoP": world.proof()})
            assert answer.status_code == 200, (grant, answer.text)
        for grant in ("authorization_code", "refresh_token", "password"):
            answer = await http.post("/oauth/token", data=form_for(world, grant))
            assert answer.json()["error"] == "unsupported_grant_type"


async def test_every_endpoint_that_is_listed_asks_who_calls(world: World) -> None:
    async with world.http() as http:
        server = await read(http, SERVER)
        endpoints = {n: v for n, v in server.items() if n.endswith("_endpoint")}
        assert set(endpoints) == {
            "token_endpoint",
            "revocation_endpoint",
            "introspection_endpoint",
        }
        for name, address in endpoints.items():
            form = {"token": "x", "grant_type": "client_credentials"}
            answer = await http.post(urlsplit(address).path, data=form)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
            assert server[f"{name}_auth_methods_supported"] == ["private_key_jwt"]
            assert server[f"{name}_auth_signing_alg_values_supported"] == ["ES256"]


@pytest.mark.parametrize("suite", ["ES256", "EdDSA"])
async def test_the_algorithms_that_are_listed_work(world: World, suite: str) -> None:
    key = generate_key(suite)
    async with world.http() as http:
        server = await read(http, SERVER)
        listed = server["token_endpoint_auth_signing_alg_values_supported"]
        assert suite in server["dpop_signing_alg_values_supported"]
        proof = world.proof(key=key)
        answer = await http.post("/oauth/token", data=world.token_form(), headers={"DPoP": proof})
        token = answer.json()["access_token"]
    assert await world.call(token, world.proof("/graphql", token, key)) == 200
    document = application_document("new", "new", key.public)
    try:
        is_registrable = read_application(document).key.suite == suite
    except RegistrationError:
        is_registrable = False
    assert is_registrable is (suite in listed)


async def test_the_scopes_that_are_listed_are_those_that_are_granted(world: World) -> None:
    async with world.http() as http:
        listed = (await read(http, SERVER))["scopes_supported"]
        assert (await read(http, RESOURCE))["scopes_supported"] == listed
    assert granted(listed) == tuple(listed)
    for scope in {scope.value for scope in Scope} - set(listed):
        with pytest.raises(RegistrationError):
            granted([scope])


async def test_every_resource_that_is_listed_has_a_document_and_a_token(world: World) -> None:
    async with world.http() as http:
        for resource in (await read(http, SERVER))["protected_resources"]:
            document = await read(http, RESOURCE + resource.removeprefix(BASE))
            assert document["resource"] == resource
            assert document["authorization_servers"] == [BASE]
            policy = await http.get(urlsplit(document["resource_policy_uri"]).path)
            assert policy.status_code == 200
            assert "catalogue:read" in policy.text
            form = world.token_form(resource=resource)
            answer = await http.post("/oauth/token", data=form, headers={"DPoP": world.proof()})
            claims = jws.claims(jws.parse(answer.json()["access_token"]))
            assert claims["aud"] == resource
            keys = (await read(http, urlsplit(document["jwks_uri"]).path))["keys"]
            assert [key["alg"] for key in keys] == ["ES256"]


async def test_certificates_are_listed_where_they_are_taken_and_nowhere_else(
    world: World,
) -> None:
    proxied = Proxied()
    async with world.http() as plain, proxied.http() as behind:
        for http, is_taken in ((plain, False), (behind, True)):
            server, resource = await read(http, SERVER), await read(http, RESOURCE)
            assert server["tls_client_certificate_bound_access_tokens"] is is_taken
            assert resource["tls_client_certificate_bound_access_tokens"] is is_taken
            assert resource["dpop_bound_access_tokens_required"] is not is_taken
            assert resource["bearer_methods_supported"] == (["header"] if is_taken else [])
    token = (await proxied.ask()).json()["access_token"]
    assert await proxied.call(token, proxied.cert) == 200
    assert header(proxied.cert).startswith(":")

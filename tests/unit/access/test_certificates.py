"""Tokens bound to a TLS client certificate, which a proxy on a UNIX socket vouches for."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.access.certificate import ClientCertificates
from hub.access.service import Access
from hub.crypto import jws
from hub.crypto.base64url import b64url
from tests.unit.access.world import BASE, Hands, World


def certificate(clock: Hands) -> bytes:
    """Make a self-signed certificate; its DER bytes."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "zju")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock() - timedelta(days=1))
        .not_valid_after(clock() + timedelta(days=1))
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.DER)


def header(der: bytes) -> str:
    return f":{b64encode(der).decode()}:"


def thumbprint(der: bytes) -> str:
    return b64url(sha256(der).digest())


def by_unix_socket(inner: ASGIApp) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await inner({**scope, "server": ("/run/hub.sock", None)}, receive, send)

    return serve


class Proxied:
    """A world behind a proxy that passes on the certificate of whoever calls."""

    def __init__(self) -> None:
        self.world = World()
        self.world.config = replace(self.world.config, takes_certificates=True)
        self.world.access = Access(
            self.world.config,
            self.world.hub_key,
            self.world.store,
            self.world.state,
            self.world.clock,
        )
        self.cert = certificate(self.world.clock)

    def http(self, *, over_tcp: bool = False) -> httpx.AsyncClient:
        app: ASGIApp = ClientCertificates(self.world.app())
        transport = httpx.ASGITransport(app if over_tcp else by_unix_socket(app))
        return httpx.AsyncClient(transport=transport, base_url=BASE)

    async def ask(self, cert: str | None = None, **headers: str) -> httpx.Response:
        headers = {"Client-Cert": header(self.cert) if cert is None else cert, **headers}
        async with self.http() as http:
            return await http.post("/oauth/token", data=self.world.token_form(), headers=headers)

    async def call(self, token: str, cert: bytes | None, scheme: str = "Bearer") -> str | int:
        headers = {"Authorization": f"{scheme} {token}"}
        if cert is not None:
            headers["Client-Cert"] = header(cert)
        async with self.http() as http:
            answer = await http.post("/graphql", headers=headers)
        return 200 if answer.status_code == 200 else str(answer.json()["code"])


@pytest.fixture
def proxied() -> Proxied:
    return Proxied()


async def test_a_token_is_bound_to_the_certificate_and_needs_no_proof(proxied: Proxied) -> None:
    answer = await proxied.ask()
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == "Bearer"
    token = answer.json()["access_token"]
    claims = jws.claims(jws.parse(token))
    assert claims["cnf"] == {"x5t#S256": thumbprint(proxied.cert)}
    assert await proxied.call(token, proxied.cert) == 200


async def test_it_is_worth_nothing_without_the_certificate_or_as_another_kind(
    proxied: Proxied,
) -> None:
    token = (await proxied.ask()).json()["access_token"]
    other = certificate(proxied.world.clock)
    assert await proxied.call(token, None) == "TOKEN_CERTIFICATE"
    assert await proxied.call(token, other) == "TOKEN_CERTIFICATE"
    assert await proxied.call(token, proxied.cert, "DPoP") == "TOKEN_SCHEME"


async def test_a_proof_binds_more_than_a_certificate_and_stays_asked_for(proxied: Proxied) -> None:
    answer = await proxied.ask(DPoP=proxied.world.proof())
    assert answer.json()["token_type"] == "DPoP"
    assert await proxied.call(answer.json()["access_token"], proxied.cert) == "TOKEN_SCHEME"


@pytest.mark.parametrize("path", ["/oauth/token", "/graphql", "/clients/self", "/", "/nowhere"])
@pytest.mark.parametrize("name", ["Client-Cert", "client-cert", "Client-Cert-Chain"])
async def test_over_tcp_whoever_claims_a_certificate_is_refused(
    proxied: Proxied, path: str, name: str
) -> None:
    async with proxied.http(over_tcp=True) as http:
        for method in ("GET", "POST"):
            answer = await http.request(method, path, headers={name: header(proxied.cert)})
            assert (answer.status_code, answer.json()["code"]) == (400, "CLIENT_CERT_UNTRUSTED")


async def test_a_stolen_token_with_a_forged_header_is_refused_over_tcp(proxied: Proxied) -> None:
    token = (await proxied.ask()).json()["access_token"]
    forged = {"Authorization": f"Bearer {token}", "Client-Cert": header(proxied.cert)}
    async with proxied.http(over_tcp=True) as http:
        refused = await http.post("/graphql", headers=forged)
        without = await http.post("/graphql", headers={"Authorization": f"Bearer {token}"})
    assert refused.json()["code"] == "CLIENT_CERT_UNTRUSTED"
    assert without.json()["code"] == "TOKEN_CERTIFICATE"


async def test_the_access_layer_itself_refuses_a_forged_header(proxied: Proxied) -> None:
    transport = httpx.ASGITransport(proxied.world.app())
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
        answer = await http.post("/graphql", headers={"Client-Cert": header(proxied.cert)})
    assert answer.json()["code"] == "CLIENT_CERT_UNTRUSTED"


BAD: dict[str, Any] = {
    "empty": lambda der: "",
    "no colons": lambda der: b64encode(der).decode(),
    "no base64": lambda der: ":***:",
    "no certificate": lambda der: header(b"x" * 300),
    "half": lambda der: header(der[:100]),
    "two": lambda der: f"{header(der)}, {header(der)}",
    "with parameters": lambda der: header(der) + ";a=1",
}


@pytest.mark.parametrize("name", BAD)
async def test_a_header_that_holds_no_certificate_is_refused(proxied: Proxied, name: str) -> None:
    answer = await proxied.ask(BAD[name](proxied.cert))
    assert (answer.status_code, answer.json()["code"]) == (400, "CLIENT_CERT_UNTRUSTED")


async def test_two_header_lines_are_refused(proxied: Proxied) -> None:
    line = ("Client-Cert", header(proxied.cert))
    async with proxied.http() as http:
        answer = await http.post("/oauth/token", data={}, headers=[line, line])
    assert answer.json()["code"] == "HEADER_DUPLICATE"


async def test_a_hub_without_a_socket_takes_no_certificate() -> None:
    world = World()
    async with world.http() as http:
        answer = await http.post("/oauth/token", data=world.token_form())
    assert answer.json()["error"] == "invalid_dpop_proof"
    claims = {"cnf": {"x5t#S256": "x" * 43}}
    token = await world.token()
    forged = {**jws.claims(jws.parse(token)), **claims}
    text = jws.sign({"typ": "at+jwt", "kid": world.hub_key.kid}, forged, world.hub_key)
    async with world.http() as http:
        answer = await http.post("/graphql", headers={"Authorization": f"Bearer {text}"})
    assert answer.json()["code"] == "TOKEN_SCHEME"

"""ID tokens of an institution's provider: only one of now, for us, bound to a key, is taken."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from hub.access.clients import ClientStatus, KeyRole
from hub.access.people import JWT_BEARER, IdentityProvider, read_providers
from hub.access.service import Access
from hub.crypto import jws
from hub.crypto.base64url import b64url
from hub.errors import SettingsError
from tests.loopback import loopback_server
from tests.unit.access.world import BASE, World

ISSUER = "https://login.example"


class Provider:
    """A provider's keys on the loopback, and its signature."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, parameters={"kid": "one", "use": "sig"})
        self.published = [self.key]
        self.fetched = 0
        self.raw: bytes | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        async with loopback_server(self._serve) as port:
            yield f"http://127.0.0.1:{port}/jwks"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.fetched += 1
        keys = {"keys": [key.as_dict(private=False) for key in self.published]}
        body = json.dumps(keys).encode() if self.raw is None else self.raw
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ")
        writer.write(str(len(body)).encode() + b"\r\n\r\n" + body)
        await writer.drain()


class SigningIn:
    """A hub at which people of `zju` sign in."""

    def __init__(self, provider: Provider, jwks_uri: str) -> None:
        self.provider = provider
        self.world = World()
        listed = IdentityProvider(
            issuer=ISSUER,
            audience="portal",
            client="zju",
            jwks_uri=jwks_uri,
            scopes=("catalogue:read", "asset:read"),
            roles={"office": KeyRole.DECIDER, "lab": KeyRole.PROPOSER},
        )
        world = self.world
        world.config = replace(world.config, providers=(listed,))
        world.access = Access(world.config, world.hub_key, world.store, world.state, world.clock)

    def id_token(self, key: Any = None, header: Any = None, **changes: Any) -> str:
        now = int(self.world.clock().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": "portal",
            "sub": "chen",
            "iat": now,
            "exp": now + 3600,
            "nonce": self.world.other_key.kid,
            "groups": ["office", "lab"],
            **changes,
        }
        stated = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": "RS256", "kid": "one", **(header or {})}
        return jwt.encode(head, stated, key or self.provider.key, algorithms=[head["alg"]])

    async def ask(self, assertion: str, **changes: Any) -> dict[str, Any]:
        proof = self.world.proof(key=changes.pop("key", self.world.other_key))
        form = {"grant_type": JWT_BEARER, "assertion": assertion, "resource": BASE, **changes}
        async with self.world.http() as http:
            answer = await http.post("/oauth/token", data=form, headers={"DPoP": proof})
        told: dict[str, Any] = answer.json()
        assert ("access_token" in told) is (answer.status_code == 200)
        return told


@pytest.fixture
async def people() -> AsyncIterator[SigningIn]:
    provider = Provider()
    async with provider.serving() as address:
        yield SigningIn(provider, address)


async def test_a_person_acts_for_the_client_of_the_institution(people: SigningIn) -> None:
    told = await people.ask(people.id_token())
    assert told["scope"] == "catalogue:read"
    claims = jws.claims(jws.parse(told["access_token"]))
    assert claims["client_id"] == "zju"
    assert claims["hub_role"] == "DECIDER"
    assert claims["cnf"] == {"jkt": people.world.other_key.kid}
    assert "chen" not in str(claims)
    token = told["access_token"]
    proof = people.world.proof("/graphql", token, people.world.other_key)
    assert await people.world.call(token, proof) == 200


async def test_the_caller_is_known_as_a_person_with_a_role(people: SigningIn) -> None:
    world = people.world
    token = (await people.ask(people.id_token(groups="lab")))["access_token"]
    seen = world.access._gate._verifier.verify(token, world.clock())
    assert seen.person is not None
    assert seen.role is KeyRole.PROPOSER
    plain = (await people.ask(people.id_token(groups=None)))["access_token"]
    assert world.access._gate._verifier.verify(plain, world.clock()).role is None


HOSTILE: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "other"},
    "two audiences": {"aud": ["portal", "other"]},
    "no audience": {"aud": None},
    "authorised for another": {"azp": "other"},
    "another issuer": {"iss": "https://evil.example"},
    "no nonce": {"nonce": None},
    "another key's nonce": {"nonce": "x" * 43},
    "no subject": {"sub": None},
    "a subject that is a number": {"sub": 1},
    "no exp": {"exp": None},
    "expired": {"exp": 1},
    "old": {"iat": 1_700_000_000},
    "of tomorrow": {"iat": 1_900_000_000, "exp": 1_900_000_300},
    "iat as text": {"iat": "now"},
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_token_that_is_not_of_just_now_for_us_is_refused(
    people: SigningIn, name: str
) -> None:
    assert (await people.ask(people.id_token(**HOSTILE[name])))["error"] == "invalid_grant"


def keyed_with_the_public_key(people: SigningIn) -> str:
    """Return a token whose HMAC was made with what everybody knows."""
    payload = people.id_token().split(".")[1]
    head = b64url(b'{"alg":"HS256","kid":"one"}')
    signed = f"{head}.{payload}".encode()
    public = people.provider.key.as_pem(private=False)
    return f"{signed.decode()}.{b64url(hmac.digest(public, signed, 'sha256'))}"


async def test_a_signature_that_is_not_the_provider_s_is_refused(people: SigningIn) -> None:
    stranger = RSAKey.generate_key(2048, parameters={"kid": "one"})
    curve = ECKey.generate_key("P-256", parameters={"kid": "one"})
    texts = [
        people.id_token(stranger),
        keyed_with_the_public_key(people),
        people.id_token(curve, {"alg": "ES256"}),
        people.id_token(header={"kid": "two"}),
        people.id_token()[:-4] + "AAAA",
        people.id_token().rsplit(".", 1)[0] + ".",
        "",
        "a.b.c",
        "锁",
        "x" * 9000,
    ]
    for text in texts:
        assert (await people.ask(text))["error"] == "invalid_grant", text[:40]


async def test_a_scope_beyond_both_is_refused(people: SigningIn) -> None:
    for scope in ("records:push", "asset:read", "receipt:read"):
        assert (await people.ask(people.id_token(), scope=scope))["error"] == "invalid_scope"


async def test_a_client_that_was_suspended_has_no_people(people: SigningIn) -> None:
    world = people.world
    token = (await people.ask(people.id_token()))["access_token"]
    world.clock.advance(1)
    await world.store.set_status("zju", ClientStatus.SUSPENDED, world.clock())
    assert (await people.ask(people.id_token()))["error"] == "invalid_grant"
    world.clock.advance(5)
    proof = world.proof("/graphql", token, world.other_key)
    assert await world.call(token, proof) == "CLIENT_INACTIVE"


async def test_a_key_that_is_new_at_the_provider_is_fetched_but_not_for_every_nonsense(
    people: SigningIn,
) -> None:
    await people.ask(people.id_token())
    assert people.provider.fetched == 1
    fresh = RSAKey.generate_key(2048, parameters={"kid": "two", "use": "sig"})
    people.provider.published = [people.provider.key, fresh]
    for _ in range(3):
        assert "error" in await people.ask(people.id_token(header={"kid": "nonsense"}))
    assert people.provider.fetched == 1
    people.world.clock.advance(61)
    assert "error" not in await people.ask(people.id_token(fresh, {"kid": "two"}))
    assert people.provider.fetched == 2


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"keys": [{"kty": "RSA"}]}', b"x" * 70_000])
async def test_keys_that_cannot_be_read_refuse_and_do_not_fail(
    people: SigningIn, raw: bytes
) -> None:
    people.provider.raw = raw
    assert (await people.ask(people.id_token()))["error"] == "invalid_grant"


async def test_without_a_provider_the_grant_is_not_served() -> None:
    world = World()
    form = {"grant_type": JWT_BEARER, "assertion": "x", "resource": BASE}
    async with world.http() as http:
        answer = await http.post("/oauth/token", data=form, headers={"DPoP": world.proof()})
    assert answer.json()["error"] == "unsupported_grant_type"


GOOD = """[[provider]]
issuer = "https://a.example"
audience = "portal"
client = "zju"
jwks_uri = "https://a.example/jwks"
scopes = ["catalogue:read"]
roles = { DECIDER = ["office"] }
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[[provider]]", "[[providers]]"),
        ("https://a.example/jwks", "http://a.example/jwks"),
        ("catalogue:read", "root"),
        ("DECIDER", "KING"),
        ('client = "zju"', ""),
        ("audience", "audiences"),
    ],
)
def test_a_wrong_file_is_told_at_the_start(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "providers.toml"
    path.write_text(GOOD, "utf-8")
    (read,) = read_providers(path)
    assert read.roles == {"office": KeyRole.DECIDER}
    path.write_text(GOOD.replace(old, new), "utf-8")
    with pytest.raises(SettingsError, match="HUB_IDENTITY_PROVIDERS"):
        read_providers(path)

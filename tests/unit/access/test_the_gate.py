"""Protected routes: what passes, what does not, and how fast a revocation is known."""

from __future__ import annotations

import json

import pytest
from joserfc import jws as oracle_jws
from joserfc import jwt as oracle_jwt
from joserfc.jwk import ECKey, OKPKey

from hub.access.clients import Client, ClientDirectory, ClientStatus, KeyStatus
from hub.access.config import AccessConfig, local_config
from hub.access.errors import Reason
from hub.access.scopes import SCOPE_NAMES, Scope, expand
from hub.crypto import jws
from hub.crypto.keys import KeyCache, generate_key, import_jwk, key_from_pem, thumbprint
from hub.state import StateUnavailableError
from tests.unit.access.world import BASE, World


@pytest.fixture
def world() -> World:
    return World()


async def test_a_token_with_its_proof_passes(world: World) -> None:
    assert await world.call(await world.token()) == 200


async def test_a_good_token_as_bearer_is_refused(world: World) -> None:
    token = await world.token()
    for scheme in ("Bearer", "bearer", "Basic", "DPoPx", ""):
        headers = {"Authorization": f"{scheme} {token}", "DPoP": world.proof("/graphql", token)}
        async with world.http() as http:
            answer = await http.post("/graphql", headers=headers)
        assert answer.json()["code"] == "TOKEN_SCHEME"
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_the_name_of_the_scheme_may_be_written_in_any_case(world: World) -> None:
    token = await world.token()
    headers = {"Authorization": f"dpop {token}", "DPoP": world.proof("/graphql", token)}
    async with world.http() as http:
        assert (await http.post("/graphql", headers=headers)).status_code == 200


async def test_a_token_without_proof_or_with_another_s_proof_is_refused(world: World) -> None:
    token = await world.token()
    async with world.http() as http:
        answer = await http.post("/graphql", headers={"Authorization": f"DPoP {token}"})
    assert answer.json()["code"] == "DPOP_MISSING"
    stolen = world.proof("/graphql", token, key=generate_key())
    assert await world.call(token, stolen) == "DPOP_KEY_MISMATCH"


async def test_a_proof_is_used_once(world: World) -> None:
    token = await world.token()
    proof = world.proof("/graphql", token)
    assert [await world.call(token, proof) for _ in range(3)] == [200] + ["DPOP_REPLAYED"] * 2
    world.clock.advance(60)
    assert await world.call(token, proof) == "DPOP_REPLAYED"
    world.clock.advance(1)
    assert await world.call(token, proof) == "DPOP_TIME"


async def test_a_token_for_one_path_does_not_open_another(world: World) -> None:
    token = await world.token(resource=BASE + "/graphql")
    assert await world.call(token) == 200
    assert await world.call(token, path="/batches") == "TOKEN_AUDIENCE"


async def test_without_token_the_answer_says_how_to_get_one(world: World) -> None:
    async with world.http() as http:
        answer = await http.post("/graphql")
        english = await http.post("/graphql", headers={"accept-language": "en"})
    assert answer.status_code == 401
    assert (answer.json()["status"], answer.json()["code"]) == (401, "TOKEN_MISSING")
    assert "令牌" in answer.json()["hint"]
    assert "fetch a token" in english.json()["hint"]
    assert answer.headers["www-authenticate"] == (
        f'DPoP algs="ES256 EdDSA", resource_metadata="{BASE}/.well-known/oauth-protected-resource"'
    )


async def test_without_token_l1_can_be_read_where_the_operator_allows_it() -> None:
    world = World(anonymous_reads=True)
    async with world.http() as http:
        answer = await http.post("/graphql")
        wrong = await http.post("/graphql", headers={"Authorization": "DPoP x"})
    assert answer.json() == {"client": None, "scopes": ["catalogue:read"]}
    assert wrong.status_code == 401, "a bad token never becomes an anonymous caller"


async def test_a_lost_key_is_refused_within_five_seconds(world: World) -> None:
    token = await world.token()
    assert await world.call(token) == 200
    world.clock.advance(2)
    await world.store.revoke_key(world.key.kid, KeyStatus.LOST, world.clock())
    world.clock.advance(5)
    assert await world.call(token) == "TOKEN_REVOKED"


async def test_scopes_that_were_taken_away_end_with_the_cache_and_not_with_the_token(
    world: World,
) -> None:
    token = await world.token()
    world.enrol("zju", world.key, scopes=("catalogue:read",))
    world.clock.advance(5)
    headers = {"Authorization": f"DPoP {token}", "DPoP": world.proof("/graphql", token)}
    async with world.http() as http:
        answer = await http.post("/graphql", headers=headers)
    assert answer.json()["scopes"] == ["catalogue:read"]


async def test_a_client_that_is_gone_or_suspended_is_refused(world: World) -> None:
    token = await world.token()
    kept = world.store.clients.pop("zju")
    assert await world.call(token) == "CLIENT_INACTIVE"
    from dataclasses import replace

    world.store.clients["zju"] = replace(kept, status=ClientStatus.SUSPENDED)
    assert await world.call(token) == "CLIENT_INACTIVE"


async def test_when_the_state_is_unsure_nobody_passes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await world.token()

    async def away(key: str, ttl_s: float, issued_at: float | None) -> bool:
        raise StateUnavailableError("gone")

    monkeypatch.setattr(world.state, "reserve", away)
    with pytest.raises(StateUnavailableError):
        await world.call(token)


async def test_the_directory_asks_again_after_its_time_and_is_bounded(world: World) -> None:
    asked: list[str] = []
    real = world.store.get

    async def counting(client_id: str) -> Client | None:
        asked.append(client_id)
        return await real(client_id)

    world.store.get = counting  # type: ignore[method-assign] # a spy
    directory = ClientDirectory(world.store, world.clock, entries=1)
    for _ in range(3):
        await directory.get("zju")
    assert asked == ["zju"]
    world.clock.advance(4)
    await directory.get("zju")
    assert asked == ["zju", "zju"]
    await directory.get("ustc")
    await directory.get("zju")
    assert asked[2:] == ["ustc", "zju"], "one entry only"
    assert await directory.get("nobody") is None
    assert await directory.get("nobody") is None
    assert asked[4:] == ["nobody", "nobody"], "what is unknown is not remembered"


@pytest.mark.parametrize(
    "base",
    [
        "hub.example", "ftp://hub.example", "https://hub.example/", "https://hub.example/x",
        "https://hub.example?x", "https://HUB.example", "https://", "https://中心.example",
    ],
)  # fmt: skip
def test_a_public_base_with_anything_but_scheme_and_host_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match="public base"):
        AccessConfig(base, frozenset())


def test_a_local_hub_answers_to_loopback_names_only() -> None:
    config = local_config(8000)
    assert config.hosts == {"127.0.0.1:8000", "localhost:8000"}
    assert config.covers(config.public_base, config.public_base + "/batches")
    assert not config.covers(config.public_base + "/graphql", config.public_base + "/graphqlx")


def test_every_scope_has_a_meaning_in_both_languages() -> None:
    assert all(scope.zh and scope.en and scope.value for scope in Scope)
    with pytest.raises(ValueError, match="no such scope: nope"):
        expand(["catalogue:read", "nope"])
    meant = {s for s in SCOPE_NAMES if "operator:" in s} - {"operator:break-glass"}
    assert expand(["operator:*"]) == tuple(sorted(meant))


def test_every_reason_says_what_to_do_and_has_a_status() -> None:
    for reason in Reason:
        assert reason.advice
        assert 400 <= reason.status < 500


# --- keys and tokens against joserfc ---


def test_thumbprints_are_those_of_joserfc() -> None:
    for _ in range(20):
        key = ECKey.generate_key("P-256")
        assert thumbprint(key.as_dict(private=False)) == key.thumbprint()
    okp = OKPKey.generate_key("Ed25519")
    assert thumbprint(okp.as_dict(private=False)) == okp.thumbprint()


def test_joserfc_verifies_what_we_sign_and_we_what_joserfc_signs() -> None:
    ours = generate_key()
    token = jws.sign({"typ": "at+jwt"}, {"iss": "我", "n": 1}, ours)
    theirs = ECKey.import_key(ours.public.jwk)
    assert oracle_jwt.decode(token, theirs, algorithms=["ES256"]).claims == {"iss": "我", "n": 1}

    key = ECKey.generate_key("P-256")
    text = oracle_jws.serialize_compact({"alg": "ES256"}, b'{"a":1}', key, algorithms=["ES256"])
    public = import_jwk(key.as_dict(private=False))
    assert json.loads(jws.verify(jws.parse(text), public)) == {"a": 1}


@pytest.mark.parametrize("suite", ["ES256", "EdDSA"])
def test_a_key_survives_its_file(suite: str) -> None:
    key = generate_key(suite)
    again = key_from_pem(key.pem())
    assert again.kid == key.kid
    assert key.public.verifies(b"x", again.sign(b"x"))
    assert not key.public.verifies(b"y", again.sign(b"x"))


def test_secrets_are_not_shown_when_a_key_is_printed() -> None:
    key = generate_key()
    assert "PrivateKey" not in repr(key)
    assert key.derived_secret("a") != key.derived_secret("b")
    assert key.derived_secret("a") == key_from_pem(key.pem()).derived_secret("a")


def test_the_cache_of_keys_is_bounded_and_never_mixes_keys() -> None:
    cache = KeyCache(entries=2)
    jwks = [generate_key().public.jwk for _ in range(4)]
    assert [cache.get(jwk).jwk for jwk in jwks * 2] == jwks * 2
    assert len(cache) == 2
    with pytest.raises(ValueError, match="without private members"):
        cache.get({**jwks[0], "d": "AAAA"})

# ruff: noqa: E501 - one attack per line
"""Named attacks on assertions, proofs and tokens; every one is refused with its code.

The tables are the permanent record: a new attack is a new line. Each attack starts from something
good, and a test at the end makes sure that the good thing itself is accepted.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hub.access import assertion
from hub.access.dpop import token_hash
from hub.access.errors import Reason, TokenError
from hub.access.tokens import TokenVerifier
from hub.crypto import jws
from hub.crypto.base64url import b64url, unb64url
from hub.crypto.es256 import ORDER
from hub.crypto.keys import SigningKey, generate_key
from tests.unit.access.world import BASE, World, fresh_jti

NOW = 1_795_485_600
Maker = Callable[[World], str]


def raw_jws(header: str | dict[str, Any], payload: str | dict[str, Any], key: SigningKey) -> str:
    """Sign exactly these JSON texts, however odd."""
    texts = [t if isinstance(t, str) else json.dumps(t) for t in (header, payload)]
    data = ".".join(b64url(t.encode()) for t in texts)
    return f"{data}.{b64url(key.sign(data.encode()))}"


def with_signature(token: str, change: Callable[[bytes], bytes]) -> str:
    data, _, signature = token.rpartition(".")
    return f"{data}.{b64url(change(unb64url(signature)))}"


def der(token: str, key: SigningKey) -> str:
    data = token.rpartition(".")[0]
    private = key.private
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return f"{data}.{b64url(private.sign(data.encode(), ec.ECDSA(hashes.SHA256())))}"


def hmac_with_public_key(token: str, key: SigningKey, alg: str, form: str) -> str:
    """The classic confusion: a MAC whose secret is the public key."""
    public = key.private.public_key()
    secret = {
        "pem": lambda: public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "der": lambda: public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
        "jwk": lambda: json.dumps(key.public.jwk).encode(),
        "empty": lambda: b"",
    }[form]()
    header, payload, _ = token.split(".")
    head = b64url(json.dumps({**json.loads(unb64url(header)), "alg": alg}).encode())
    mac = hmac.digest(secret, f"{head}.{payload}".encode(), "sha256")
    return f"{head}.{payload}.{b64url(mac)}"


def p384_signed(header: dict[str, Any], payload: dict[str, Any]) -> str:
    key = ec.generate_private_key(ec.SECP384R1())
    data = f"{b64url(json.dumps(header).encode())}.{b64url(json.dumps(payload).encode())}"
    return f"{data}.{b64url(key.sign(data.encode(), ec.ECDSA(hashes.SHA384()))[:64])}"


def r_is(value: int) -> Callable[[bytes], bytes]:
    return lambda s: value.to_bytes(32, "big") + s[32:]


def s_is(value: int) -> Callable[[bytes], bytes]:
    return lambda s: s[:32] + value.to_bytes(32, "big")


# What is wrong with the envelope of any JWS, given (header, payload, key, good token).
Forge = Callable[[dict[str, Any], dict[str, Any], SigningKey, str], str]
ENVELOPE: dict[str, Forge] = {
    "alg none, empty signature": lambda h, p, k, t: raw_jws({**h, "alg": "none"}, p, k).rpartition(".")[0] + ".",
    "alg None": lambda h, p, k, t: raw_jws({**h, "alg": "None"}, p, k),
    "alg NONE": lambda h, p, k, t: raw_jws({**h, "alg": "NONE"}, p, k),
    "alg missing": lambda h, p, k, t: raw_jws({n: v for n, v in h.items() if n != "alg"}, p, k),
    "alg a number": lambda h, p, k, t: raw_jws({**h, "alg": 256}, p, k),
    "alg null": lambda h, p, k, t: raw_jws({**h, "alg": None}, p, k),
    "alg a list": lambda h, p, k, t: raw_jws({**h, "alg": ["ES256"]}, p, k),
    "alg in lower case": lambda h, p, k, t: raw_jws({**h, "alg": "es256"}, p, k),
    "alg RS256 on an EC key": lambda h, p, k, t: raw_jws({**h, "alg": "RS256"}, p, k),
    "alg ES384 on a P-256 key": lambda h, p, k, t: raw_jws({**h, "alg": "ES384"}, p, k),
    "alg EdDSA on a P-256 key": lambda h, p, k, t: raw_jws({**h, "alg": "EdDSA"}, p, k),
    "HS256 with the public key as PEM": lambda h, p, k, t: hmac_with_public_key(t, k, "HS256", "pem"),
    "HS256 with the public key as DER": lambda h, p, k, t: hmac_with_public_key(t, k, "HS256", "der"),
    "HS256 with the public key as JWK": lambda h, p, k, t: hmac_with_public_key(t, k, "HS256", "jwk"),
    "HS256 with an empty key": lambda h, p, k, t: hmac_with_public_key(t, k, "HS256", "empty"),
    "a MAC that calls itself ES256": lambda h, p, k, t: hmac_with_public_key(t, k, "ES256", "pem"),
    "signature in DER": lambda h, p, k, t: der(t, k),
    "signature of zeros": lambda h, p, k, t: with_signature(t, lambda s: bytes(64)),
    "signature empty": lambda h, p, k, t: with_signature(t, lambda s: b""),
    "signature one byte short": lambda h, p, k, t: with_signature(t, lambda s: s[:-1]),
    "signature one byte long": lambda h, p, k, t: with_signature(t, lambda s: s + b"\0"),
    "signature doubled": lambda h, p, k, t: with_signature(t, lambda s: s + s),
    "signature halves swapped": lambda h, p, k, t: with_signature(t, lambda s: s[32:] + s[:32]),
    "r = 0": lambda h, p, k, t: with_signature(t, r_is(0)),
    "s = 0": lambda h, p, k, t: with_signature(t, s_is(0)),
    "r = n": lambda h, p, k, t: with_signature(t, r_is(ORDER)),
    "s = n": lambda h, p, k, t: with_signature(t, s_is(ORDER)),
    "r = 1, s = 1": lambda h, p, k, t: with_signature(t, lambda s: (b"\0" * 31 + b"\1") * 2),
    "one bit of the signature": lambda h, p, k, t: with_signature(t, lambda s: bytes([s[0] ^ 1]) + s[1:]),
    "signed by another P-256 key": lambda h, p, k, t: raw_jws(h, p, generate_key()),
    "signed by a P-384 key": lambda h, p, k, t: p384_signed(h, p),
    "payload exchanged": lambda h, p, k, t: ".".join([t.split(".")[0], b64url(json.dumps({**p, "x": 1}).encode()), t.split(".")[2]]),
    "two parts": lambda h, p, k, t: t.rpartition(".")[0],
    "four parts": lambda h, p, k, t: t + ".AAAA",
    "doubled dots": lambda h, p, k, t: t.replace(".", "..", 1),
    "five parts like a JWE": lambda h, p, k, t: t + ".AAAA.AAAA",
    "empty": lambda h, p, k, t: "",
    "only dots": lambda h, p, k, t: "..",
    "truncated": lambda h, p, k, t: t[:-10],
    "leading space": lambda h, p, k, t: " " + t,
    "trailing newline": lambda h, p, k, t: t + "\n",
    "space inside": lambda h, p, k, t: t.replace(".", ". ", 1),
    "padding": lambda h, p, k, t: t + "==",
    "padding in the header": lambda h, p, k, t: t.replace(".", "=.", 1),
    "standard base64 alphabet": lambda h, p, k, t: raw_jws(h, {**p, "x": "~~~???>>>"}, k).replace("-", "+").replace("_", "/") if ("-" in t or "_" in t) else t + "+",
    "unused bits set": lambda h, p, k, t: t[:-1] + chr(ord(t[-1]) + 1),
    "longer than 8 KiB": lambda h, p, k, t: raw_jws(h, {**p, "x": "a" * 8192}, k),
    "non-ASCII": lambda h, p, k, t: t + "锁",
    "header with jku": lambda h, p, k, t: raw_jws({**h, "jku": "https://evil.example/k"}, p, k),
    "header with x5u": lambda h, p, k, t: raw_jws({**h, "x5u": "https://evil.example/c"}, p, k),
    "header with x5c": lambda h, p, k, t: raw_jws({**h, "x5c": ["AAAA"]}, p, k),
    "header with crit": lambda h, p, k, t: raw_jws({**h, "crit": ["exp"]}, p, k),
    "header with empty crit": lambda h, p, k, t: raw_jws({**h, "crit": []}, p, k),
    "header with b64 false": lambda h, p, k, t: raw_jws({**h, "b64": False, "crit": ["b64"]}, p, k),
    "header with zip": lambda h, p, k, t: raw_jws({**h, "zip": "DEF"}, p, k),
    "header twice the same name": lambda h, p, k, t: raw_jws(json.dumps(h)[:-1] + ', "alg": "ES256"}', p, k),
    "header a list": lambda h, p, k, t: raw_jws("[]", p, k),
    "header no JSON": lambda h, p, k, t: raw_jws("{", p, k),
    "header in UTF-16": lambda h, p, k, t: ".".join([b64url(json.dumps(h).encode("utf-16")), *t.split(".")[1:]]),
    "typ null": lambda h, p, k, t: raw_jws({**h, "typ": None}, p, k),
    "payload twice the same name": lambda h, p, k, t: raw_jws(h, json.dumps(p)[:-1] + f', "jti": "{fresh_jti()}"}}', k),
    "payload a list": lambda h, p, k, t: raw_jws(h, "[]", k),
    "payload with NaN": lambda h, p, k, t: raw_jws(h, {**p, "x": float("nan")}, k),
    "payload with Infinity": lambda h, p, k, t: raw_jws(h, {**p, "iat": float("inf")}, k),
    "payload with a float": lambda h, p, k, t: raw_jws(h, {**p, "iat": NOW + 0.5}, k),
    "payload with 1e400": lambda h, p, k, t: raw_jws(h, json.dumps(p)[:-1] + ', "x": 1e400}', k),
    "payload with 2^53": lambda h, p, k, t: raw_jws(h, {**p, "x": 2**53}, k),
    "payload with a 4,000 digit number": lambda h, p, k, t: raw_jws(h, json.dumps(p)[:-1] + ', "x": ' + "9" * 4000 + "}", k),
    "payload nested 2,500 deep": lambda h, p, k, t: raw_jws(h, json.dumps(p)[:-1] + ', "x": ' + "[" * 2500 + "]" * 2500 + "}", k),
    "payload nothing": lambda h, p, k, t: raw_jws(h, "", k),
    "iat as text": lambda h, p, k, t: raw_jws(h, {**p, "iat": str(NOW)}, k),
    "iat true": lambda h, p, k, t: raw_jws(h, {**p, "iat": True}, k),
    "iat missing": lambda h, p, k, t: raw_jws(h, {n: v for n, v in p.items() if n != "iat"}, k),
    "iat negative": lambda h, p, k, t: raw_jws(h, {**p, "iat": -1}, k),
    "iat an hour ahead": lambda h, p, k, t: raw_jws(h, {**p, "iat": NOW + 3600}, k),
    "iat 11 seconds ahead": lambda h, p, k, t: raw_jws(h, {**p, "iat": NOW + 11}, k),
    "jti missing": lambda h, p, k, t: raw_jws(h, {n: v for n, v in p.items() if n != "jti"}, k),
    "jti of 15 characters": lambda h, p, k, t: raw_jws(h, {**p, "jti": "a" * 15}, k),
    "jti of 129 characters": lambda h, p, k, t: raw_jws(h, {**p, "jti": "a" * 129}, k),
    "jti with a space": lambda h, p, k, t: raw_jws(h, {**p, "jti": "a" * 16 + " b"}, k),
    "jti a number": lambda h, p, k, t: raw_jws(h, {**p, "jti": 10**15}, k),
}  # fmt: skip

TYPES = ["at+jwt", "dpop+jwt", "client-authentication+jwt", "hub-record+jws", "hub-manifest+jws",
         "JWT", "jwt", "application/at+jwt", "AT+JWT", "DPOP+JWT", ""]  # fmt: skip


def assertion_parts(world: World) -> tuple[dict[str, Any], dict[str, Any], str]:
    good = assertion.make("zju", BASE, world.key, world.clock())
    parsed = jws.parse(good)
    return parsed.header, jws.claims(parsed), good


def check_assertion(world: World, text: str) -> str:
    """Return the code of the refusal, or ACCEPTED."""
    try:
        read = assertion.peek(text)
        client = world.store.clients.get(read.client_id)
        assertion.check(read, client, BASE, world.clock())
    except TokenError as error:
        return error.reason.name
    return "ACCEPTED"


def proof_parts(world: World, token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    good = world.proof("/graphql", token)
    parsed = jws.parse(good, jws.PROOF_HEADER)
    return parsed.header, jws.claims(parsed), good


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.mark.parametrize("name", ENVELOPE)
def test_an_assertion_with_a_hostile_envelope_is_refused(world: World, name: str) -> None:
    header, claims, good = assertion_parts(world)
    assert check_assertion(world, ENVELOPE[name](header, claims, world.key, good)) == (
        "ASSERTION_INVALID"
    )


ASSERTION_CLAIMS: dict[str, dict[str, Any]] = {
    "aud an array with us": {"aud": [BASE]},
    "aud an array with us and another": {"aud": [BASE, "https://evil.example"]},
    "aud the token endpoint": {"aud": BASE + "/oauth/token"},
    "aud with a trailing slash": {"aud": BASE + "/"},
    "aud in capitals": {"aud": BASE.upper()},
    "aud with the port written out": {"aud": BASE + ":443"},
    "aud a prefix": {"aud": BASE[:-1]},
    "aud another hub": {"aud": "https://evil.example"},
    "aud missing": {"aud": None},
    "aud an object": {"aud": {"x": BASE}},
    "iss another client": {"iss": "ustc"},
    "iss missing": {"iss": None},
    "sub another client": {"sub": "ustc"},
    "both another client": {"iss": "ustc", "sub": "ustc"},
    "both unknown": {"iss": "nobody", "sub": "nobody"},
    "sub an array": {"sub": ["zju"]},
    "sub a look-alike": {"iss": "zjᴜ", "sub": "zjᴜ"},
    "sub with a space": {"iss": "zju ", "sub": "zju "},
    "sub in capitals": {"iss": "ZJU", "sub": "ZJU"},
    "sub a path": {"iss": "../zju", "sub": "../zju"},
    "sub SQL": {"iss": "zju' OR 1=1--", "sub": "zju' OR 1=1--"},
    "sub empty": {"iss": "", "sub": ""},
    "exp missing": {"exp": None},
    "exp ten years ahead": {"exp": NOW + 315_360_000},
    "exp 301 s after iat": {"exp": NOW + 301},
    "exp before iat": {"exp": NOW - 1},
    "exp now": {"iat": NOW - 60, "exp": NOW},
    "exp 59 s ago": {"iat": NOW - 119, "exp": NOW - 59},
    "exp as text": {"exp": str(NOW + 60)},
    "exp negative": {"exp": -1},
    "iat 301 s ago": {"iat": NOW - 301, "exp": NOW - 1},
    "nbf in the future": {"nbf": NOW + 60},
    "nbf as text": {"nbf": "0"},
}


@pytest.mark.parametrize("name", ASSERTION_CLAIMS)
def test_an_assertion_with_hostile_claims_is_refused(world: World, name: str) -> None:
    header, claims, _ = assertion_parts(world)
    changed = {k: v for k, v in {**claims, **ASSERTION_CLAIMS[name]}.items() if v is not None}
    assert check_assertion(world, raw_jws(header, changed, world.key)) == "ASSERTION_INVALID"


@pytest.mark.parametrize("kid", ["", "x", "../../etc/passwd", "' OR '1'='1", None, 7, ["a"]])
def test_an_assertion_with_a_hostile_kid_is_refused(world: World, kid: Any) -> None:
    header, claims, _ = assertion_parts(world)
    assert check_assertion(world, raw_jws({**header, "kid": kid}, claims, world.key)) == (
        "ASSERTION_INVALID"
    )


def test_an_assertion_by_the_key_of_another_client_is_refused(world: World) -> None:
    header, claims, _ = assertion_parts(world)
    forged = raw_jws({**header, "kid": world.other_key.kid}, claims, world.other_key)
    assert check_assertion(world, forged) == "ASSERTION_INVALID"


def test_an_assertion_with_its_own_key_in_the_header_is_refused(world: World) -> None:
    header, claims, _ = assertion_parts(world)
    key = generate_key()
    forged = raw_jws({**header, "kid": key.kid, "jwk": key.public.jwk}, claims, key)
    assert check_assertion(world, forged) == "ASSERTION_INVALID"


@pytest.mark.parametrize("typ", [*TYPES, 7])
def test_only_three_types_pass_as_assertions(world: World, typ: Any) -> None:
    header, claims, _ = assertion_parts(world)
    verdict = check_assertion(world, raw_jws({**header, "typ": typ}, claims, world.key))
    allowed = typ in ("client-authentication+jwt", "JWT")
    assert verdict == ("ACCEPTED" if allowed else "ASSERTION_INVALID")


def test_an_assertion_without_typ_is_accepted_because_common_clients_send_none(
    world: World,
) -> None:
    header, claims, _ = assertion_parts(world)
    del header["typ"]
    assert check_assertion(world, raw_jws(header, claims, world.key)) == "ACCEPTED"


# --- access tokens at the resource ---


def token_parts(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    header = {"alg": "ES256", "typ": "at+jwt", "kid": world.hub_key.kid}
    claims = {
        "iss": BASE, "aud": BASE, "sub": "zju", "client_id": "zju", "jti": fresh_jti(),
        "iat": NOW, "exp": NOW + 300, "scope": "catalogue:read", "hub_party": "ror:zju",
        "cnf": {"jkt": world.key.kid},
    }  # fmt: skip
    return header, claims


def check_token(world: World, text: str) -> str:
    keys = {world.hub_key.kid: world.hub_key.public}
    verifier = TokenVerifier(BASE, world.config.resources, keys)
    try:
        verifier.verify(text, world.clock())
    except TokenError as error:
        return error.reason.name
    return "ACCEPTED"


@pytest.mark.parametrize("name", ENVELOPE)
def test_a_token_with_a_hostile_envelope_is_refused(world: World, name: str) -> None:
    header, claims = token_parts(world)
    good = raw_jws(header, claims, world.hub_key)
    assert check_token(world, good) == "ACCEPTED"
    forged = ENVELOPE[name](header, claims, world.hub_key, good)
    assert check_token(world, forged) == "TOKEN_INVALID"


TOKEN_CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://evil.example"}, "TOKEN_INVALID"),
    "issuer missing": ({"iss": None}, "TOKEN_INVALID"),
    "aud an array": ({"aud": [BASE]}, "TOKEN_AUDIENCE"),
    "aud another hub": ({"aud": "https://evil.example"}, "TOKEN_AUDIENCE"),
    "aud with a trailing slash": ({"aud": BASE + "/"}, "TOKEN_AUDIENCE"),
    "aud missing": ({"aud": None}, "TOKEN_AUDIENCE"),
    "expired": ({"iat": NOW - 300, "exp": NOW}, "TOKEN_EXPIRED"),
    "exp missing": ({"exp": None}, "TOKEN_INVALID"),
    "exp ten years ahead": ({"exp": NOW + 315_360_000}, "TOKEN_INVALID"),
    "nbf ahead": ({"nbf": NOW + 60}, "TOKEN_INVALID"),
    "cnf missing": ({"cnf": None}, "TOKEN_UNBOUND"),
    "cnf empty": ({"cnf": {}}, "TOKEN_UNBOUND"),
    "cnf with a certificate instead": ({"cnf": {"x5t#S256": "x"}}, "TOKEN_UNBOUND"),
    "cnf with both": ({"cnf": {"jkt": "x", "x5t#S256": "x"}}, "TOKEN_UNBOUND"),
    "cnf.jkt a list": ({"cnf": {"jkt": ["x"]}}, "TOKEN_UNBOUND"),
    "cnf a text": ({"cnf": "jkt"}, "TOKEN_UNBOUND"),
    "sub is not client_id": ({"sub": "ustc"}, "TOKEN_INVALID"),
    "client_id missing": ({"client_id": None}, "TOKEN_INVALID"),
    "scope missing": ({"scope": None}, "TOKEN_INVALID"),
    "scope a list": ({"scope": ["operator:keys"]}, "TOKEN_INVALID"),
    "party missing": ({"hub_party": None}, "TOKEN_INVALID"),
}


@pytest.mark.parametrize("name", TOKEN_CLAIMS)
def test_a_token_with_hostile_claims_is_refused_although_signed_by_us(
    world: World, name: str
) -> None:
    header, claims = token_parts(world)
    change, reason = TOKEN_CLAIMS[name]
    changed = {k: v for k, v in {**claims, **change}.items() if v is not None}
    assert check_token(world, raw_jws(header, changed, world.hub_key)) == reason


@pytest.mark.parametrize("typ", TYPES)
def test_only_one_type_passes_as_an_access_token(world: World, typ: str) -> None:
    header, claims = token_parts(world)
    verdict = check_token(world, raw_jws({**header, "typ": typ}, claims, world.hub_key))
    assert verdict == ("ACCEPTED" if typ == "at+jwt" else "TOKEN_INVALID")


def test_a_token_signed_by_a_client_is_refused(world: World) -> None:
    header, claims = token_parts(world)
    forged = raw_jws({**header, "kid": world.key.kid}, claims, world.key)
    assert check_token(world, forged) == "TOKEN_INVALID"


def test_a_remembered_token_still_ends_when_it_expires() -> None:
    world = World()
    header, claims = token_parts(world)
    text = raw_jws(header, claims, world.hub_key)
    keys = {world.hub_key.kid: world.hub_key.public}
    verifier = TokenVerifier(BASE, world.config.resources, keys)
    assert verifier.verify(text, world.clock()) is verifier.verify(text, world.clock())
    world.clock.advance(300)
    with pytest.raises(TokenError) as caught:
        verifier.verify(text, world.clock())
    assert caught.value.reason is Reason.TOKEN_EXPIRED


# --- proofs at the resource ---


@pytest.mark.parametrize("name", ENVELOPE)
async def test_a_proof_with_a_hostile_envelope_is_refused(name: str) -> None:
    world = World()
    token = await world.token()
    header, claims, good = proof_parts(world, token)
    forged = ENVELOPE[name](header, claims, world.key, good)
    if not forged.isascii() or forged != forged.strip() or "\n" in forged:
        forged = forged.encode("ascii", "replace").decode().strip() + " x"
    verdict = await world.call(token, forged or "x")
    assert verdict in {"DPOP_INVALID", "DPOP_TIME", "DPOP_KEY_MISMATCH", "REQUEST_TARGET_INVALID"}


HTU = f"{BASE}/graphql"
PROOF_CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "htm GET": ({"htm": "GET"}, "DPOP_TARGET"),
    "htm in lower case": ({"htm": "post"}, "DPOP_TARGET"),
    "htm missing": ({"htm": None}, "DPOP_TARGET"),
    "htu another path": ({"htu": BASE + "/batches"}, "DPOP_TARGET"),
    "htu another host": ({"htu": "https://evil.example/graphql"}, "DPOP_TARGET"),
    "htu http": ({"htu": "http://hub.delta.example/graphql"}, "DPOP_TARGET"),
    "htu another port": ({"htu": "https://hub.delta.example:8443/graphql"}, "DPOP_TARGET"),
    "htu with query": ({"htu": HTU + "?a=1"}, "DPOP_TARGET"),
    "htu with empty query": ({"htu": HTU + "?"}, "DPOP_TARGET"),
    "htu with fragment": ({"htu": HTU + "#a"}, "DPOP_TARGET"),
    "htu with user": ({"htu": "https://a@hub.delta.example/graphql"}, "DPOP_TARGET"),
    "htu with user like us": (
        {"htu": "https://hub.delta.example@evil.example/graphql"},
        "DPOP_TARGET",
    ),
    "htu with trailing slash": ({"htu": HTU + "/"}, "DPOP_TARGET"),
    "htu with double slash": ({"htu": BASE + "//graphql"}, "DPOP_TARGET"),
    "htu with dot segments": ({"htu": BASE + "/x/../graphql"}, "DPOP_TARGET"),
    "htu with a dot": ({"htu": BASE + "/./graphql"}, "DPOP_TARGET"),
    "htu with encoded dots": ({"htu": BASE + "/x/%2e%2e/graphql"}, "DPOP_TARGET"),
    "htu with parameters": ({"htu": HTU + ";a"}, "DPOP_TARGET"),
    "htu with path in capitals": ({"htu": BASE + "/GraphQL"}, "DPOP_TARGET"),
    "htu IPv6": ({"htu": "https://[::1]/graphql"}, "DPOP_TARGET"),
    "htu with final dot in host": ({"htu": "https://hub.delta.example./graphql"}, "DPOP_TARGET"),
    "htu with a newline": ({"htu": HTU + "\n"}, "DPOP_TARGET"),
    "htu a list": ({"htu": [HTU]}, "DPOP_TARGET"),
    "htu missing": ({"htu": None}, "DPOP_TARGET"),
    "htu relative": ({"htu": "/graphql"}, "DPOP_TARGET"),
    "iat 61 s ago": ({"iat": NOW - 61}, "DPOP_TIME"),
    "iat 11 s ahead": ({"iat": NOW + 11}, "DPOP_TIME"),
    "ath missing": ({"ath": None}, "DPOP_TOKEN_MISMATCH"),
    "ath of another token": ({"ath": token_hash("other")}, "DPOP_TOKEN_MISMATCH"),
    "ath in hex": ({"ath": hashlib.sha256(b"x").hexdigest()}, "DPOP_TOKEN_MISMATCH"),
    "nonce a number": ({"nonce": 1}, "DPOP_INVALID"),
}


@pytest.mark.parametrize("name", PROOF_CLAIMS)
async def test_a_proof_with_hostile_claims_is_refused(name: str) -> None:
    world = World()
    token = await world.token()
    header, claims, _ = proof_parts(world, token)
    change, reason = PROOF_CLAIMS[name]
    changed = {k: v for k, v in {**claims, **change}.items() if v is not None}
    assert await world.call(token, raw_jws(header, changed, world.key)) == reason


@pytest.mark.parametrize(
    "change",
    [
        {"htu": "HTTPS://hub.delta.example/graphql"},
        {"htu": "https://HUB.delta.example/graphql"},
        {"htu": "https://hub.delta.example:443/graphql"},
        {"htu": BASE + "/%67raphql"},
        {"iat": NOW - 60},
        {"iat": NOW + 10},
    ],
)
async def test_a_proof_that_differs_by_spelling_or_a_few_seconds_is_accepted(
    change: dict[str, Any],
) -> None:
    world = World()
    token = await world.token()
    header, claims, _ = proof_parts(world, token)
    assert await world.call(token, raw_jws(header, {**claims, **change}, world.key)) == 200


@pytest.mark.parametrize("typ", TYPES)
async def test_only_one_type_passes_as_a_proof(typ: str) -> None:
    world = World()
    token = await world.token()
    header, claims, _ = proof_parts(world, token)
    verdict = await world.call(token, raw_jws({**header, "typ": typ}, claims, world.key))
    assert verdict == (200 if typ == "dpop+jwt" else "DPOP_INVALID")


def hostile_jwks() -> dict[str, Any]:
    key = generate_key()
    good = key.public.jwk
    numbers = key.private.private_numbers()  # type: ignore[union-attr] # P-256 above
    secret = b64url(numbers.private_value.to_bytes(32, "big"))
    return {
        "private key inside": {**good, "d": secret},
        "symmetric": {"kty": "oct", "k": "AAAA"},
        "RSA": {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        "P-384": {**good, "crv": "P-384"},
        "no curve": {k: v for k, v in good.items() if k != "crv"},
        "point not on the curve": {**good, "y": good["x"]},
        "the point at infinity": {**good, "x": b64url(bytes(32)), "y": b64url(bytes(32))},
        "coordinate padded": {**good, "x": good["x"] + "="},
        "coordinate too long": {**good, "x": "AAAA" + good["x"]},
        "coordinate a number": {**good, "x": 7},
        "extra member": {**good, "x5u": "https://evil.example"},
        "for encryption": {**good, "use": "enc"},
        "for another algorithm": {**good, "alg": "HS256"},
        "empty": {},
        "text": "jwk",
        "null": None,
    }


@pytest.mark.parametrize("name", hostile_jwks())
async def test_a_proof_with_a_hostile_key_is_refused(name: str) -> None:
    world = World()
    token = await world.token()
    header, claims, _ = proof_parts(world, token)
    forged = raw_jws({**header, "jwk": hostile_jwks()[name]}, claims, world.key)
    assert await world.call(token, forged) == "DPOP_INVALID"

# ruff: noqa: E501 - strategies read best on one line
"""Whatever is sent, the readers of the access layer answer or refuse; nothing else escapes."""

from __future__ import annotations

import contextlib
import json
import string
from datetime import UTC, datetime
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Error
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.access import assertion, content_digest
from hub.access.clients import RegistrationError
from hub.access.config import AccessConfig
from hub.access.dpop import Nonces, ProofChecker, normalised, same_target
from hub.access.endpoint import parse_form
from hub.access.envelope import read_envelope
from hub.access.errors import AccessError, TokenError
from hub.access.registration import read_application
from hub.access.signatures import read_signature_input
from hub.access.tokens import TokenVerifier
from hub.crypto import jws
from hub.crypto.base64url import b64url, unb64url
from hub.crypto.keys import generate_key, import_jwk

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
BASE = "https://hub.delta.example"
CONFIG = AccessConfig(BASE, frozenset({"hub.delta.example"}))
KEY = generate_key()
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
NAMES = [
    "iss", "sub", "aud", "exp", "iat", "nbf", "jti", "cnf", "scope", "client_id", "hub_party",
    "htm", "htu", "ath", "nonce",
]  # fmt: skip
CLAIMS = st.dictionaries(st.sampled_from(NAMES), JSON | st.just(BASE) | st.just(1_795_485_600))
HEADERS = st.dictionaries(
    st.sampled_from(["alg", "typ", "kid", "jwk"]),
    JSON | st.sampled_from(["ES256", "at+jwt", "dpop+jwt", KEY.kid]) | st.just(KEY.public.jwk),
)
bounded = settings(max_examples=150, deadline=None)


def signed(header: dict[str, Any], claims: dict[str, Any]) -> str:
    data = f"{b64url(json.dumps(header).encode())}.{b64url(json.dumps(claims).encode())}"
    return f"{data}.{b64url(KEY.sign(data.encode()))}"


@bounded
@given(HEADERS, CLAIMS)
def test_any_signed_claims_are_read_or_refused(header: dict[str, Any], claims: dict[str, Any]) -> None:  # fmt: skip
    for full in (header, {"alg": "ES256", "typ": "at+jwt", "kid": KEY.kid}):
        text = signed(full, claims)
        verifier = TokenVerifier(BASE, [BASE], {KEY.kid: KEY.public})
        with contextlib.suppress(TokenError):
            verifier.verify(text, NOW)
        with contextlib.suppress(TokenError):
            assertion.peek(text)
    proof = signed({"alg": "ES256", "typ": "dpop+jwt", "jwk": KEY.public.jwk} | header, claims)
    with contextlib.suppress(TokenError):
        ProofChecker().check(proof, method="POST", target=BASE + "/x", token="t", now=NOW)


@bounded
@given(st.text(max_size=200) | st.text(alphabet=string.ascii_letters + "._-=", max_size=200))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    for read in (jws.parse, assertion.peek):
        with contextlib.suppress(jws.JwsError, TokenError):
            read(text)
    Nonces(lambda: [b"k"]).accepts(text, NOW)
    normalised(text)
    same_target(text, BASE + "/x")


@bounded
@given(
    st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "d", "alg", "use", "key_ops"]), JSON)
)
def test_any_object_is_a_key_or_a_value_error(jwk: dict[str, Any]) -> None:
    for candidate in (jwk, {**KEY.public.jwk, **jwk}):
        with contextlib.suppress(ValueError):
            import_jwk(candidate)


@bounded
@given(st.dictionaries(st.sampled_from(["version", "clientId", "name", "jwk", "scopes", "sources", "kid"]), JSON))  # fmt: skip
def test_any_document_is_an_application_or_refused(document: dict[str, Any]) -> None:
    good = {"version": "hub-registration-1", "clientId": "zju", "name": "x", "jwk": KEY.public.jwk}
    for candidate in (document, {**good, **document}):
        with contextlib.suppress(RegistrationError):
            read_application(candidate)


@bounded
@given(st.binary(max_size=300))
def test_any_body_is_a_form_or_an_oauth_error(body: bytes) -> None:
    with contextlib.suppress(OAuth2Error):
        parse_form(body)


FIELD = st.text(
    alphabet='hub=();":,created expires0123456789nonckeyidalgtag@mhsA+/-_.', max_size=120
)


@bounded
@given(FIELD, FIELD)
def test_any_signature_headers_are_read_or_refused(given_input: str, signature: str) -> None:
    for value in (given_input, "hub=" + given_input, 'hub=("@method")' + given_input):
        headers = {"signature-input": value, "signature": "hub=:" + "A" * 86 + "==:"}
        for candidate in (headers, {**headers, "signature": signature}):
            with contextlib.suppress(AccessError):
                read_signature_input(candidate)
    with contextlib.suppress(AccessError):
        content_digest.parse(signature)


@bounded
@given(
    st.lists(st.tuples(st.sampled_from([b"host", b"dpop", b"signature"]), st.binary(max_size=40))),
    st.binary(max_size=40),
    st.binary(max_size=40),
)
def test_any_request_head_is_an_envelope_or_refused(
    headers: list[tuple[bytes, bytes]], path: bytes, query: bytes
) -> None:
    scope = {"method": "POST", "raw_path": path, "query_string": query, "headers": headers}
    good = {**scope, "headers": [(b"host", b"hub.delta.example")], "raw_path": b"/" + path}
    for candidate in (scope, good):
        try:
            envelope = read_envelope(candidate, CONFIG)
        except TokenError:
            continue
        assert envelope.target_uri.startswith(BASE + "/")
        assert envelope.target_uri.isascii()
        assert "\n" not in envelope.target_uri


@bounded
@given(st.binary(max_size=80))
def test_base64url_has_one_spelling_for_each_value(data: bytes) -> None:
    text = b64url(data)
    assert unb64url(text) == data
    assert set(text) <= set(string.ascii_letters + string.digits + "-_")

"""base64url has one spelling for each value, and a P-256 key is read in one way."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from hub.crypto import es256
from hub.crypto.base64url import b64url, unb64url
from hub.crypto.keys import generate_key, import_jwk

JWK = es256.public_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())


@given(st.binary(max_size=100))
def test_every_value_comes_back_and_has_no_padding(data: bytes) -> None:
    text = b64url(data)
    assert unb64url(text) == data
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    "text",
    ["AA==", "AA=", "AB", "AAF", "A", "AAAAA", "+/+/", "A A", "AA\n", " AA", "AA.", "Ａ", "AA\x00"],
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        unb64url(text)


@given(st.text(max_size=12))
def test_what_is_taken_is_written_the_same_again(text: str) -> None:
    try:
        data = unb64url(text)
    except ValueError:
        return
    assert b64url(data) == text


@pytest.mark.parametrize(
    "changes",
    [
        {"x": JWK["x"] + "="},
        {"x": JWK["x"][:-1]},
        {"y": JWK["x"]},
        {"x": 5},
        {"x": None},
        {"crv": "P-384"},
        {"kty": "OKP"},
        {"d": "AAAA"},
    ],
)
def test_both_readers_of_a_key_refuse_the_same(changes: dict[str, object]) -> None:
    jwk = {**JWK, **changes}
    for read in (es256.public_key, import_jwk):
        with pytest.raises(ValueError):
            read(jwk)


def test_a_key_has_one_name_whoever_reads_it() -> None:
    key = generate_key()
    public = es256.public_key(key.public.jwk)
    assert es256.thumbprint(public) == key.kid == import_jwk(key.public.jwk).kid
    signature = key.sign(b"data")
    assert es256.is_signed(public, signature, b"data")
    order = es256.ORDER.to_bytes(32, "big")
    for bad in (order + signature[32:], signature[:32] + order, bytes(32) + signature[32:], b""):
        assert not es256.is_signed(public, bad, b"data")
        assert not key.public.verifies(b"data", bad)

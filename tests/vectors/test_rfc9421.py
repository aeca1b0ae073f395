"""RFC 9421 Appendix B.2, and agreement with an independent library in both directions."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime
from types import SimpleNamespace

import http_message_signatures as oracle
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from http_message_signatures import algorithms

from hub.access.clients import Client, ClientKey, ClientKind, ClientStatus, KeyStatus
from hub.access.components import Message, signature_base
from hub.access.content_digest import check, content_digest
from hub.access.envelope import Envelope
from hub.access.errors import SignatureError
from hub.access.signatures import (
    MUTATION,
    PUSH,
    sign_request,
    sign_response,
    verify_request,
    verify_response,
)
from hub.crypto.base64url import b64url
from hub.crypto.keys import SigningKey, VerifyKey, generate_key, import_jwk
from tests.shared import SHARED

VECTORS = SHARED / "vectors" / "rfc9421"
NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)

needs_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="the RFC 9421 vectors (../shared/vectors/rfc9421) are not here"
)


def read_message(name: str) -> tuple[Message, bytes, str]:
    """Return a vector's message, its body, and its Signature-Input after the label."""
    head, _, body = (VECTORS / name).read_bytes().partition(b"\n\n")
    if b"\r\n\r\n" in (VECTORS / name).read_bytes():
        head, _, body = (VECTORS / name).read_bytes().partition(b"\r\n\r\n")
    lines = head.decode("ascii").replace("\r\n", "\n").split("\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
    first = lines[0].split(" ")
    if first[0].startswith("HTTP/"):
        message = Message(status=int(first[1]), headers=headers)
    else:
        uri = f"https://{headers['host']}{first[1]}"
        message = Message(first[0], uri, headers=headers)
    return message, body, headers["signature-input"].partition("=")[2]


def components_of(params: str) -> tuple[str, ...]:
    inner = params[1 : params.index(")")]
    return tuple(inner.split(" ")) if inner else ()


CASES = ["b21_request", "b22_request", "b23_request", "b24_response", "b25_request", "b26_request"]


@needs_vectors
@pytest.mark.parametrize("case", CASES)
def test_the_signature_base_is_that_of_the_rfc(case: str) -> None:
    message, _, params = read_message(f"{case}_signed.txt")
    expected = (VECTORS / f"{case}_sigbase.txt").read_bytes().rstrip(b"\n")
    assert signature_base(message, components_of(params), params) == expected


@needs_vectors
@pytest.mark.parametrize(
    ("case", "key_file"),
    [("b24_response", "test-key-ecc-p256.pub"), ("b26_request", "test-key-ed25519.pub")],
)
def test_the_rfc_s_signatures_verify_and_a_changed_base_does_not(case: str, key_file: str) -> None:
    message, _, params = read_message(f"{case}_signed.txt")
    key = public_key((VECTORS / key_file).read_bytes())
    signature = base64.b64decode(message.headers["signature"].split(":")[1])
    base = signature_base(message, components_of(params), params)
    assert key.verifies(base, signature)
    assert not key.verifies(base.replace(b"application", b"Application"), signature)
    assert not key.verifies(base + b"\n", signature)


@needs_vectors
@pytest.mark.parametrize("name", ["rfc-test-request.txt", "rfc-test-response.txt"])
def test_the_rfc_s_digests_match_their_bodies(name: str) -> None:
    raw = (VECTORS / name).read_bytes().replace(b"\r\n", b"\n")
    head, _, body = raw.partition(b"\n\n")
    digest = next(
        line.partition(b":")[2].strip().decode()
        for line in head.split(b"\n")
        if line.lower().startswith(b"content-digest")
    )
    variants = (body, body.rstrip(b"\n"))
    assert any(_accepts(digest, variant) for variant in variants)
    assert not _accepts(digest, body + b"x")


def public_key(pem: bytes) -> VerifyKey:
    loaded = load_pem_public_key(pem)
    if hasattr(loaded, "public_bytes_raw"):
        return import_jwk({"kty": "OKP", "crv": "Ed25519", "x": b64url(loaded.public_bytes_raw())})
    numbers = loaded.public_numbers()
    x, y = (b64url(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
    return import_jwk({"kty": "EC", "crv": "P-256", "x": x, "y": y})


def _accepts(digest: str, body: bytes) -> bool:
    try:
        check(digest, body)
    except SignatureError:
        return False
    return True


# --- an independent library, both directions ---


class Keys(oracle.HTTPSignatureKeyResolver):
    def __init__(self, key: SigningKey) -> None:
        self.key = key

    def resolve_public_key(self, key_id: str) -> object:
        assert key_id == self.key.kid
        return self.key.private.public_key()

    def resolve_private_key(self, key_id: str) -> object:
        assert key_id == self.key.kid
        return self.key.private


ALGORITHM = {"ES256": algorithms.ECDSA_P256_SHA256, "EdDSA": algorithms.ED25519}
BODY = '{"type":"Instrument","record":{"名":"电镜"}}\n'.encode()


def push_headers(body: bytes = BODY) -> dict[str, str]:
    return {
        "content-digest": content_digest(body),
        "content-type": "application/x-ndjson",
        "authorization": "DPoP aaaa.bbbb.cccc",
        "dpop": "dddd.eeee.ffff",
        "idempotency-key": '"01JD3Y0QH6M3M8Z6C4K7W1N9TR"',
    }


def envelope(headers: dict[str, str], path: str = "/batches?source=zju%20a") -> Envelope:
    base = "https://hub.delta.example"
    target = base + path.partition("?")[0]
    return Envelope("POST", path.partition("?")[0], target, base + path, headers)


def client_of(key: SigningKey) -> Client:
    registered = ClientKey(key.public, "zju", KeyStatus.ACTIVE, NOW)
    return Client(
        "zju", "ror:zju", ClientKind.UNIVERSITY, "zju", (), (), ClientStatus.ACTIVE, NOW, None,
        (registered,),
    )  # fmt: skip


@pytest.mark.parametrize("suite", ["ES256", "EdDSA"])
@pytest.mark.parametrize("with_schema", [False, True])
def test_what_we_sign_the_library_verifies(suite: str, *, with_schema: bool) -> None:
    key = generate_key(suite)
    headers = push_headers() | ({"hub-schema": "sha256:abc"} if with_schema else {})
    now = datetime.now(UTC)
    sent = envelope(headers)
    signed, base = sign_request(sent, key, PUSH, now)
    message = SimpleNamespace(
        method="POST", url=sent.target_uri, headers={**headers, **signed}, body=BODY
    )
    verifier = oracle.HTTPMessageVerifier(
        signature_algorithm=ALGORITHM[suite], key_resolver=Keys(key)
    )
    results = verifier.verify(message, expect_tag="hub-req-1", body=BODY)
    assert len(results) == 1
    assert base.startswith(b'"@method": POST\n')
    message.headers["content-type"] = "application/json"
    with pytest.raises(oracle.InvalidSignature):
        verifier.verify(message, expect_tag="hub-req-1", body=BODY)


@pytest.mark.parametrize("suite", ["ES256", "EdDSA"])
def test_what_the_library_signs_we_verify(suite: str) -> None:
    key = generate_key(suite)
    sent = envelope(push_headers())
    message = SimpleNamespace(method="POST", url=sent.target_uri, headers=dict(sent.headers))
    signer = oracle.HTTPMessageSigner(signature_algorithm=ALGORITHM[suite], key_resolver=Keys(key))
    signer.sign(
        message,
        key_id=key.kid,
        created=NOW,
        expires=datetime.fromtimestamp(NOW.timestamp() + 300, UTC),
        nonce=b64url(bytes(range(24))),
        label="hub",
        tag="hub-req-1",
        covered_component_ids=tuple(n for n in MUTATION.components if n not in MUTATION.optional),
        use_existing_digest=True,
    )
    headers = {name.lower(): value for name, value in message.headers.items()}
    evidence = verify_request(envelope(headers), client_of(key), MUTATION, NOW)
    assert evidence.kid == key.kid
    changed = {**headers, "idempotency-key": '"other"'}
    with pytest.raises(SignatureError):
        verify_request(envelope(changed), client_of(key), MUTATION, NOW)


def test_the_library_verifies_our_response_bound_to_its_request() -> None:
    key, hub_key, now = generate_key(), generate_key(), datetime.now(UTC)
    sent = envelope(push_headers())
    signed, _ = sign_request(sent, key, PUSH, now)
    request = Message("POST", sent.target_uri, headers={**sent.headers, **signed})
    body = b'{"accepted":1}'
    response = Message(
        status=202,
        headers={"content-type": "application/json", "hub-log-size": "109482"},
        request=request,
    )
    answered = sign_response(response, body, hub_key, now)
    headers = {**response.headers, **answered}
    seen = Message(status=202, headers=headers, request=request)
    assert b"109482" in verify_response(seen, body, {hub_key.kid: hub_key.public})

    message = SimpleNamespace(
        status_code=202,
        headers=headers,
        request=SimpleNamespace(
            method="POST", url=request.target_uri, headers=dict(request.headers)
        ),
    )
    verifier = oracle.HTTPMessageVerifier(
        signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=Keys(hub_key)
    )
    assert verifier.verify(message, expect_tag="hub-res-1", body=body)
    message.request.url = request.target_uri + "x"
    with pytest.raises(oracle.InvalidSignature):
        verifier.verify(message, expect_tag="hub-res-1", body=body)


def test_whatever_we_accept_of_a_thousand_mutations_the_library_accepts_too() -> None:
    key, now = generate_key("EdDSA"), datetime.now(UTC)
    sent = envelope(push_headers())
    signed, _ = sign_request(sent, key, PUSH, now)
    good = {**sent.headers, **signed}
    chance = random.Random(9421)
    verifier = oracle.HTTPMessageVerifier(
        signature_algorithm=algorithms.ED25519, key_resolver=Keys(key)
    )
    names = ["signature-input", "signature", "content-digest", "dpop", "idempotency-key"]
    accepted = 0
    for _ in range(1000):
        headers = dict(good)
        name = chance.choice(names)
        headers[name] = mutated(headers[name], chance)
        if headers == good:
            continue
        try:
            verify_request(envelope(headers), client_of(key), PUSH, now)
            check(headers["content-digest"], BODY)
        except SignatureError:
            continue
        accepted += 1
        message = SimpleNamespace(method="POST", url=sent.target_uri, headers=headers, body=BODY)
        assert verifier.verify(message, expect_tag="hub-req-1", body=BODY)
    assert accepted == 0, "every part of these headers is signed or canonical"


def mutated(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    kind = chance.randrange(5)
    if kind == 0:
        return text[:place] + chance.choice('";=: ()abz09-_') + text[place + 1 :]
    if kind == 1:
        return text[:place] + text[place + 1 :]
    if kind == 2:
        return text[:place] + chance.choice('";=: ()abz09') + text[place:]
    if kind == 3:
        return text + chance.choice(["", ";x", ", hub=:AA==:", " "])
    return text[:place] + text[place:].swapcase()

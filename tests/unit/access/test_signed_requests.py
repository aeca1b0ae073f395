"""Signed requests end to end: each attack and its code, evidence, replay, answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import httpx
import pytest

from hub.access.clients import KeyStatus
from hub.access.components import Message
from hub.access.content_digest import content_digest
from hub.access.envelope import Envelope, read_envelope
from hub.access.errors import AccessError, SignatureError, TokenError
from hub.access.resource import Caller
from hub.access.signatures import (
    PUSH,
    SignatureEvidence,
    sign_request,
    sign_response,
    verify_response,
)
from hub.crypto.keys import generate_key
from tests.unit.access.world import BASE, World

BODY = b'{"type":"Instrument"}\n'
Headers = dict[str, str]


@pytest.fixture
def world() -> World:
    return World()


def signed_headers(world: World, body: bytes = BODY, target: str = "/batches") -> Headers:
    headers = {
        "host": "hub.delta.example",
        "content-digest": content_digest(body),
        "content-type": "application/x-ndjson",
        "authorization": "DPoP a.b.c",
        "dpop": "d.e.f",
        "idempotency-key": "k-1",
    }
    path = target.partition("?")[0]
    envelope = Envelope("POST", path, BASE + path, BASE + target, headers)
    signed, _ = sign_request(envelope, world.key, PUSH, world.clock())
    return {**headers, **signed}


def scope(headers: Mapping[str, str], target: str = "/batches", method: str = "POST") -> dict:
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "method": method,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }


async def check(
    world: World,
    headers: Headers,
    body: bytes = BODY,
    target: str = "/batches",
    method: str = "POST",
) -> SignatureEvidence:
    envelope = read_envelope(scope(headers, target, method), world.config)
    client = world.store.clients["zju"]
    caller = Caller("zju", client.party, client.kind, frozenset(), client=client)
    return await world.access.check_signature(envelope, body, caller, PUSH)


async def code(world: World, headers: Headers, **call: object) -> str:
    try:
        await check(world, headers, **call)  # type: ignore[arg-type] # forwarded as they are
    except AccessError as error:
        return error.reason.name
    return "ACCEPTED"


async def test_a_good_signature_gives_evidence_that_can_be_kept(world: World) -> None:
    headers = signed_headers(world)
    evidence = await check(world, headers)
    assert evidence.client_id == "zju"
    assert evidence.kid == world.key.kid
    assert world.key.public.verifies(evidence.base, evidence.signature)
    assert evidence.base.decode().startswith('"@method": POST\n"@target-uri": ' + BASE)
    assert len(evidence.digest) == 32


async def test_a_signature_is_used_once(world: World) -> None:
    headers = signed_headers(world)
    assert await code(world, headers) == "ACCEPTED"
    assert await code(world, headers) == "SIG_REPLAY"
    world.clock.advance(299)
    assert await code(world, headers) == "SIG_REPLAY"
    world.clock.advance(1)
    assert await code(world, headers) == "SIG_EXPIRED"


def swap(old: str, new: str, header: str = "signature-input") -> Callable[[Headers], Headers]:
    def change(headers: Headers) -> Headers:
        assert old in headers[header], "the attack must change something"
        return {**headers, header: headers[header].replace(old, new, 1)}

    return change


def without(*names: str) -> Callable[[Headers], Headers]:
    return lambda headers: {k: v for k, v in headers.items() if k not in names}


def put(header: str, value: str) -> Callable[[Headers], Headers]:
    return lambda headers: {**headers, header: value}


def param(name: str, value: str) -> Callable[[Headers], Headers]:
    def change(headers: Headers) -> Headers:
        parts = headers["signature-input"].split(";")
        made = [f"{name}={value}" if p.startswith(f"{name}=") else p for p in parts]
        assert made != parts
        return {**headers, "signature-input": ";".join(made)}

    return change


CREATED = 1_795_485_600
ATTACKS: dict[str, tuple[Callable[[Headers], Headers], str]] = {
    "no signature at all": (without("signature", "signature-input"), "SIG_MISSING"),
    "no Signature": (without("signature"), "SIG_MISSING"),
    "no Signature-Input": (without("signature-input"), "SIG_MISSING"),
    "another label": (swap("hub=", "sig1="), "SIG_LABEL"),
    "label in capitals": (swap("hub=", "HUB="), "SIG_MALFORMED"),
    "another tag": (swap("hub-req-1", "hub-res-1"), "SIG_LABEL"),
    "tag missing": (swap(';tag="hub-req-1"', ""), "SIG_MALFORMED"),
    "a second signature beside": (
        lambda h: {**h, "signature-input": h["signature-input"] + ', x=("@method")'},
        "SIG_MALFORMED",
    ),
    "the same label twice": (
        lambda h: {**h, "signature-input": f"{h['signature-input']}, {h['signature-input']}"},
        "SIG_MALFORMED",
    ),
    "method not covered": (swap('"@method" ', ""), "SIG_COMPONENTS"),
    "target not covered": (swap('"@target-uri" ', ""), "SIG_COMPONENTS"),
    "digest not covered": (swap('"content-digest" ', ""), "SIG_COMPONENTS"),
    "token not covered": (swap('"authorization" ', ""), "SIG_COMPONENTS"),
    "proof not covered": (swap('"dpop" ', ""), "SIG_COMPONENTS"),
    "idempotency key not covered": (swap(' "idempotency-key"', ""), "SIG_COMPONENTS"),
    "nothing covered": (
        lambda h: {**h, "signature-input": "hub=();" + h["signature-input"].partition(");")[2]},
        "SIG_COMPONENTS",
    ),
    "components in another order": (
        swap('"@method" "@target-uri"', '"@target-uri" "@method"'),
        "SIG_COMPONENTS",
    ),
    "a component twice": (swap('"@method"', '"@method" "@method"'), "SIG_COMPONENTS"),
    "a component in capitals": (swap('"content-type"', '"Content-Type"'), "SIG_COMPONENTS"),
    "an unknown component": (swap('"dpop"', '"dpop" "@foo"'), "SIG_COMPONENTS"),
    "a component as structured field": (swap('"dpop"', '"dpop";sf'), "SIG_COMPONENTS"),
    "a component as bytes": (swap('"dpop"', '"dpop";bs'), "SIG_COMPONENTS"),
    "a component of the request": (swap('"dpop"', '"dpop";req'), "SIG_COMPONENTS"),
    "a trailer": (swap('"dpop"', '"dpop";tr'), "SIG_COMPONENTS"),
    "two spaces between components": (swap('" "', '"  "'), "SIG_MALFORMED"),
    "a space after the parenthesis": (swap("hub=(", "hub=( "), "SIG_MALFORMED"),
    "an unknown parameter": (swap(";keyid", ";foo=1;keyid"), "SIG_MALFORMED"),
    "a parameter twice": (swap(";keyid", ";created=1;keyid"), "SIG_MALFORMED"),
    "created missing": (swap(f";created={CREATED}", ""), "SIG_MALFORMED"),
    "created as decimal": (param("created", f"{CREATED}.0"), "SIG_MALFORMED"),
    "created as text": (param("created", f'"{CREATED}"'), "SIG_MALFORMED"),
    "created with leading zero": (param("created", f"0{CREATED}"), "SIG_MALFORMED"),
    "created negative": (param("created", "-1"), "SIG_MALFORMED"),
    "created eleven seconds ahead": (param("created", str(CREATED + 11)), "SIG_FUTURE"),
    "created long ago": (param("created", str(CREATED - 400)), "SIG_EXPIRED"),
    "expires before created": (param("expires", str(CREATED - 1)), "SIG_EXPIRED"),
    "expires 301 s after created": (param("expires", str(CREATED + 301)), "SIG_EXPIRED"),
    "expires as text": (param("expires", '"x"'), "SIG_MALFORMED"),
    "expires missing": (swap(f";expires={CREATED + 300}", ""), "SIG_MALFORMED"),
    "nonce short": (param("nonce", '"AAAA"'), "SIG_MALFORMED"),
    "nonce of 33 bytes": (param("nonce", '"' + "A" * 44 + '"'), "SIG_MALFORMED"),
    "nonce not base64url": (param("nonce", '"' + "!" * 24 + '"'), "SIG_MALFORMED"),
    "nonce exchanged": (param("nonce", '"' + "A" * 32 + '"'), "SIG_INVALID"),
    "nonce a number": (param("nonce", "1"), "SIG_MALFORMED"),
    "keyid unknown": (param("keyid", '"x"'), "SIG_KEY_UNKNOWN"),
    "keyid a path": (param("keyid", '"../../key"'), "SIG_KEY_UNKNOWN"),
    "keyid empty": (param("keyid", '""'), "SIG_KEY_UNKNOWN"),
    "alg HMAC": (param("alg", '"hmac-sha256"'), "SIG_ALG"),
    "alg RSA": (param("alg", '"rsa-pss-sha512"'), "SIG_ALG"),
    "alg of another key type": (param("alg", '"ed25519"'), "SIG_ALG"),
    "alg empty": (param("alg", '""'), "SIG_ALG"),
    "signature of zeros": (put("signature", "hub=:" + "A" * 86 + "==:"), "SIG_INVALID"),
    "signature short": (put("signature", "hub=:AAAA:"), "SIG_MALFORMED"),
    "signature as text": (put("signature", 'hub="AAAA"'), "SIG_MALFORMED"),
    "signature of another label": (put("signature", "x=:" + "A" * 86 + "==:"), "SIG_MALFORMED"),
    "signature with a parameter": (
        lambda h: {**h, "signature": h["signature"] + ";x"},
        "SIG_MALFORMED",
    ),
    "signature input too long": (swap(";keyid", ";x=" + "1" * 3000 + ";keyid"), "SIG_MALFORMED"),
    "content type changed": (put("content-type", "application/json"), "SIG_INVALID"),
    "token changed": (put("authorization", "DPoP x.y.z"), "SIG_INVALID"),
    "proof changed": (put("dpop", "x.y.z"), "SIG_INVALID"),
    "idempotency key changed": (put("idempotency-key", "k-2"), "SIG_INVALID"),
    "idempotency key removed": (without("idempotency-key"), "SIG_COMPONENTS"),
    "content type removed": (without("content-type"), "SIG_COMPONENTS"),
    "digest removed": (without("content-digest"), "SIG_COMPONENTS"),
    "a schema header that is not covered": (put("hub-schema", "x"), "SIG_COMPONENTS"),
    "digest of another body": (put("content-digest", content_digest(b"x")), "SIG_INVALID"),
    "a quote in the value of a parameter": (param("keyid", '"a\\"b"'), "SIG_MALFORMED"),
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_a_request_that_somebody_tampered_with_is_refused(world: World, name: str) -> None:
    change, expected = ATTACKS[name]
    headers = change(signed_headers(world))
    wanted = {"SIG_COMPONENTS", "SIG_MISSING"} if "removed" in name else {expected}
    assert await code(world, headers) in wanted


@pytest.mark.parametrize(
    "body",
    [b"", BODY + b"\n", BODY.strip(), BODY.replace(b"I", b"i"), BODY.replace(b"\n", b"\r\n")],
)
async def test_a_changed_body_is_refused_although_the_digest_header_is_signed(
    world: World, body: bytes
) -> None:
    assert await code(world, signed_headers(world), body=body) == "SIG_DIGEST_MISMATCH"


async def test_a_big_changed_body_is_refused_as_well(world: World) -> None:
    body = b"x" * 400_000
    headers = signed_headers(world, body)
    assert await code(world, headers, body=body + b"y") == "SIG_DIGEST_MISMATCH"
    assert await code(world, headers, body=body) == "ACCEPTED"


@pytest.mark.parametrize(
    "target", ["/batches?", "/batches/", "/Batches", "/%62atches", "/batches?a=1", "//batches"]
)
async def test_a_signature_for_another_spelling_of_the_address_is_refused(
    world: World, target: str
) -> None:
    headers = signed_headers(world)
    expected = "ACCEPTED" if target == "/batches?" else "SIG_INVALID"
    assert await code(world, headers, target=target) == expected


async def test_the_query_is_signed_byte_by_byte(world: World) -> None:
    headers = signed_headers(world, target="/batches?source=zju&dryRun=true")
    assert await code(world, headers, target="/batches?source=zju") == "SIG_INVALID"
    assert await code(world, headers, target="/batches?dryRun=true&source=zju") == "SIG_INVALID"
    assert await code(world, headers, target="/batches?source=zju&dryRun=true") == "ACCEPTED"


async def test_another_method_is_refused(world: World) -> None:
    assert await code(world, signed_headers(world), method="PUT") == "SIG_INVALID"


async def test_the_key_of_another_client_is_unknown_here(world: World) -> None:
    mine = world.key
    world.key = world.other_key
    headers = signed_headers(world)
    world.key = mine
    assert await code(world, headers) == "SIG_KEY_UNKNOWN"


@pytest.mark.parametrize("status", [KeyStatus.REVOKED, KeyStatus.LOST, KeyStatus.RETIRED])
async def test_a_key_that_has_ended_signs_nothing(world: World, status: KeyStatus) -> None:
    headers = signed_headers(world)
    await world.store.revoke_key(world.key.kid, status, world.clock())
    assert await code(world, headers) == "SIG_KEY_REVOKED"


@pytest.mark.parametrize(
    "digest",
    [
        "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:",
        "sha=:2jmj7l5rSw0yVb/vlWAYkK/YBwk=:",
        "sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "",
        "sha-256=::",
        content_digest(BODY) + ", md5=:1B2M2Y8AsgTpgAmY7PhCfg==:",
        content_digest(BODY) + ", " + content_digest(BODY),
        content_digest(BODY) + ", sha-512=:" + "A" * 86 + "==:",
        content_digest(BODY).upper(),
        content_digest(BODY) + ";x",
    ],
)
async def test_a_digest_that_is_weak_or_partly_wrong_is_refused(world: World, digest: str) -> None:
    headers = without("signature", "signature-input")(signed_headers(world))
    headers["content-digest"] = digest
    envelope = Envelope("POST", "/batches", BASE + "/batches", BASE + "/batches", headers)
    signed, _ = sign_request(envelope, world.key, PUSH, world.clock())
    assert await code(world, {**headers, **signed}) == "SIG_DIGEST_MISMATCH"


@pytest.mark.parametrize(
    "name", ["signature", "signature-input", "content-digest", "dpop", "authorization", "host"]
)
def test_a_second_line_of_a_header_that_proves_something_is_refused(
    world: World, name: str
) -> None:
    headers = signed_headers(world)
    doubled = scope(headers)
    doubled["headers"].append((name.encode(), headers[name].encode()))
    with pytest.raises(TokenError) as caught:
        read_envelope(doubled, world.config)
    assert caught.value.reason.name == "HEADER_DUPLICATE"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "", "hub.delta.example:8443", "hub.delta.example.", "a@hub.delta.example"],
)
def test_another_host_is_misdirected_before_anything_else(world: World, host: str) -> None:
    with pytest.raises(TokenError) as caught:
        read_envelope(scope({"host": host}), world.config)
    assert (caught.value.reason.name, caught.value.status) == ("HOST_MISDIRECTED", 421)


@pytest.mark.parametrize(
    "raw",
    [b"", b"batches", b"http://evil.example/", b"*", "/锁".encode(), b"/a b", b"/a#b", b"/a\n"],
)
def test_a_path_that_is_not_plain_is_refused(world: World, raw: bytes) -> None:
    with pytest.raises(TokenError) as caught:
        read_envelope({**scope({"host": "hub.delta.example"}), "raw_path": raw}, world.config)
    assert caught.value.reason.name == "REQUEST_TARGET_INVALID"


async def push(world: World, token: str, **changes: str) -> httpx.Response:
    headers = {
        "host": "hub.delta.example",
        "content-digest": content_digest(BODY),
        "content-type": "application/x-ndjson",
        "authorization": f"DPoP {token}",
        "dpop": world.proof("/batches", token),
        "idempotency-key": "k-1",
    }
    envelope = Envelope("POST", "/batches", BASE + "/batches", BASE + "/batches", headers)
    signed, _ = sign_request(envelope, world.key, PUSH, world.clock())
    async with world.http() as http:
        sent = {**headers, **signed, **changes}
        return await http.post("/batches", content=BODY, headers=sent)


async def test_a_refused_signature_answers_with_its_code_and_what_to_cover(world: World) -> None:
    answer = await push(world, await world.token(), signature="hub=:" + "A" * 86 + "==:")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["type"], told["status"], told["code"]) == ("about:blank", 401, "SIG_INVALID")
    assert told.keys() == {"type", "status", "code", "title", "hint"}, "nothing of this call"
    assert '"idempotency-key"' in answer.headers["accept-signature"]
    assert answer.headers["www-authenticate"].startswith('DPoP algs="ES256 EdDSA"')


async def test_the_answer_to_a_signed_request_is_signed_and_bound_to_it(world: World) -> None:
    token = await world.token()
    answer = await push(world, token)
    assert answer.status_code == 202
    request = Message("POST", BASE + "/batches", headers=dict(answer.request.headers.items()))
    headers = {k.lower(): v for k, v in answer.headers.items()}
    seen = Message(status=202, headers=headers, request=request)
    keys = {world.hub_key.kid: world.hub_key.public}
    assert verify_response(seen, answer.content, keys)
    with pytest.raises(SignatureError):
        verify_response(seen, answer.content + b" ", keys)
    with pytest.raises(SignatureError):
        verify_response(replace(seen, status=200), answer.content, keys)
    with pytest.raises(SignatureError):
        other = replace(request, target_uri=BASE + "/batches?x=1")
        verify_response(replace(seen, request=other), answer.content, keys)
    with pytest.raises(SignatureError):
        verify_response(seen, answer.content, {})
    stranger = generate_key()
    with pytest.raises(SignatureError):
        verify_response(seen, answer.content, {world.hub_key.kid: stranger.public})


def test_a_response_covers_the_log_size_when_it_names_one(world: World) -> None:
    request = Message("POST", BASE + "/batches", headers=signed_headers(world))
    plain = Message(status=200, headers={"content-type": "text/plain"}, request=request)
    sized = replace(plain, headers={**plain.headers, "hub-log-size": "7"})
    assert (
        '"hub-log-size"'
        not in sign_response(plain, b"", world.hub_key, world.clock())["signature-input"]
    )
    signed = sign_response(sized, b"", world.hub_key, world.clock())
    assert '"hub-log-size"' in signed["signature-input"]
    stripped = replace(plain, headers={**plain.headers, **signed})
    with pytest.raises(SignatureError):
        verify_response(stripped, b"", {world.hub_key.kid: world.hub_key.public})


async def test_an_anonymous_caller_signs_nothing(world: World) -> None:
    envelope = read_envelope(scope(signed_headers(world)), world.config)
    caller = Caller(None, None, None, frozenset(), anonymous=True)
    with pytest.raises(SignatureError) as caught:
        await world.access.check_signature(envelope, BODY, caller, PUSH)
    assert caught.value.reason.name == "SIG_KEY_UNKNOWN"

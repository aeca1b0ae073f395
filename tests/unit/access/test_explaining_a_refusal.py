"""`explain`: the owner of a key is told what differs, in words they can act on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.access.content_digest import content_digest
from hub.access.envelope import Envelope
from hub.access.explain import Finding, SentRequest, body_difference, explain
from hub.access.signatures import PUSH, sign_request
from hub.crypto.keys import generate_key

NOW = datetime(2026, 11, 24, 2, 0, 0, tzinfo=UTC)
BASE = "https://hub.delta.example"
KEY = generate_key()
BODY = b'{"type": "Instrument"}\n'


def sent(body: bytes = BODY) -> SentRequest:
    headers = {
        "content-digest": content_digest(body),
        "content-type": "application/x-ndjson",
        "authorization": "DPoP a.b.c",
        "dpop": "d.e.f",
        "idempotency-key": "k-1",
    }
    uri = BASE + "/batches?source=zju"
    envelope = Envelope("POST", "/batches", BASE + "/batches", uri, headers)
    signed, base = sign_request(envelope, KEY, PUSH, NOW)
    return SentRequest("POST", uri, {**headers, **signed}, body, base.decode())


def findings(request: SentRequest, at: datetime = NOW) -> tuple[Finding, ...]:
    return explain(request, PUSH, keys={KEY.kid: KEY.public}, server_time=at)


def header(name: str, value: str) -> Callable[[SentRequest], SentRequest]:
    return lambda request: replace(request, headers={**request.headers, name: value})


def edited(old: str, new: str) -> Callable[[SentRequest], SentRequest]:
    def change(request: SentRequest) -> SentRequest:
        value = request.headers["signature-input"].replace(old, new, 1)
        return replace(request, headers={**request.headers, "signature-input": value})

    return change


def test_a_good_request_has_no_findings() -> None:
    assert findings(sent()) == ()


@pytest.mark.parametrize(
    ("change", "component", "advice"),
    [
        (lambda r: replace(r, target_uri=BASE + "/batches"), '"@target-uri"', "public address"),
        (lambda r: replace(r, target_uri="http" + r.target_uri[5:]), '"@target-uri"', "scheme"),
        (lambda r: replace(r, base=r.base.replace("POST", "post")), '"@method"', "capitals"),
        (header("content-type", "application/json"), '"content-type"', "after the last change"),
        (
            lambda r: replace(r, base=r.base.replace(": k-1", ": k-1 ")),
            '"idempotency-key"',
            "spaces",
        ),
        (header("dpop", "x.y.z"), '"dpop"', "after the last change"),
        (edited("hub=", "sig1="), "signature-input", "label hub"),
        (edited('"dpop" ', ""), "signature-input", 'also cover "dpop"'),
        (edited('"dpop"', '"dpop" "date"'), "signature-input", 'do not cover "date"'),
        (edited('"@method" "@target-uri"', '"@target-uri" "@method"'), "signature-input", "order"),
        (edited("hub-req-1", "hub-res-1"), "tag", "hub-req-1"),
        (edited("ecdsa-p256-sha256", "ed25519"), "alg", "registered key"),
        (edited(f'keyid="{KEY.kid}"', 'keyid="old"'), "keyid", "thumbprint"),
        (header("signature", "hub=:" + "A" * 86 + "==:"), "signature", "private key"),
    ],
)
def test_the_component_that_differs_is_named(
    change: Callable[[SentRequest], SentRequest], component: str, advice: str
) -> None:
    found = findings(change(sent()))
    assert any(f.component == component and advice in f.advice for f in found), found


def test_a_clock_that_is_ahead_or_behind_is_named_with_its_seconds() -> None:
    (ahead,) = findings(sent(), NOW - timedelta(seconds=90))
    assert ahead.reason.name == "SIG_FUTURE"
    assert "90 s ahead" in ahead.advice
    (late,) = findings(sent(), NOW + timedelta(seconds=400))
    assert late.reason.name == "SIG_EXPIRED"
    assert "400 s ago" in late.advice


def test_a_signature_that_is_missing_is_named() -> None:
    request = sent()
    bare = replace(request, headers={k: v for k, v in request.headers.items() if k != "signature"})
    assert [f.reason.name for f in findings(bare)] == ["SIG_MISSING"]


@pytest.mark.parametrize(
    ("hashed", "wire", "words"),
    [
        (BODY, BODY.rstrip(), "a trailing newline is missing"),
        (BODY.rstrip(), BODY, "trailing newline added"),
        (BODY.replace(b"\n", b"\r\n"), BODY, "CRLF when hashed"),
        (b"a\nb", b"a\r\nb", "became CRLF"),
        (BODY, b"\xef\xbb\xbf" + BODY, "byte order mark"),
        (b'{"a":1}', b'{"a": 1}', "compact"),
        (b'{"a": 1}', b'{"a":1}', "spaces"),
        (b"", BODY, "empty"),
        (b"other", BODY, "none of the usual variants"),
    ],
)
def test_the_usual_ways_to_spoil_a_body_are_recognised(
    hashed: bytes, wire: bytes, words: str
) -> None:
    assert words in body_difference(wire, content_digest(hashed))
    found = findings(replace(sent(hashed), body=wire))
    assert [f.reason.name for f in found] == ["SIG_DIGEST_MISMATCH"]
    assert words in found[0].advice


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":"\\ud800"}'])
def test_a_body_with_no_other_spelling_is_explained_all_the_same(body: bytes) -> None:
    assert body_difference(body, content_digest(body + b"\n")) == (
        "body differs: a trailing newline is missing on the wire"
    )

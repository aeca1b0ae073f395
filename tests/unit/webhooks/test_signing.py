"""Messages are signed as Standard Webhooks and RFC 9421 say, by the verifiers of others."""

from __future__ import annotations

from types import SimpleNamespace

import http_message_signatures as oracle
import pytest
from http_message_signatures import algorithms
from standardwebhooks.webhooks import Webhook as StandardWebhook
from standardwebhooks.webhooks import WebhookVerificationError

from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.exchange.webhooks.signing import (
    challenge_answer,
    new_message_id,
    new_secret,
    signed_headers,
)

KEY = generate_key()
URL = "https://hooks.example.edu.cn/a?b=1"
BODY = '{"type":"changes","items":[{"id":"电镜"}]}'.encode()
NOW, FORMER = new_secret(), new_secret()


def headers(*secrets: str) -> dict[str, str]:
    return signed_headers(
        URL, new_message_id(), BODY, secrets=secrets or (NOW,), key=KEY, now=system_clock()
    )


def test_the_verifier_of_standard_webhooks_takes_it_under_each_live_secret() -> None:
    sent = headers(NOW, FORMER)
    for secret in (NOW, FORMER):
        assert StandardWebhook(secret).verify(BODY, sent) == {
            "type": "changes",
            "items": [{"id": "电镜"}],
        }
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(new_secret()).verify(BODY, sent)
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(NOW).verify(BODY + b" ", sent)
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(NOW).verify(BODY, {**sent, "webhook-id": "msg_other"})


class Keys(oracle.HTTPSignatureKeyResolver):
    """Knows the hub's key, as its JWKS would say it."""

    def resolve_public_key(self, key_id: str) -> object:
        assert key_id == KEY.kid
        return KEY.private.public_key()

    def resolve_private_key(self, key_id: str) -> object:
        raise AssertionError("nothing is signed here")


@pytest.mark.parametrize(
    ("changed", "value"),
    [(None, ""), ("webhook-id", "msg_other"), ("content-type", "text/plain"), ("url", URL + "c")],
)
def test_the_verifier_of_rfc_9421_takes_the_hubs_own_signature(
    changed: str | None, value: str
) -> None:
    message = SimpleNamespace(method="POST", url=URL, headers=headers(), body=BODY)
    verifier = oracle.HTTPMessageVerifier(
        signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=Keys()
    )
    if changed is None:
        (result,) = verifier.verify(message, expect_tag="hub-webhook-1", body=BODY)
        assert list(result.covered_components)[:-1] == [
            *('"@method"', '"@target-uri"', '"content-digest"', '"content-type"'),
            *('"webhook-id"', '"webhook-timestamp"'),
        ]
        return
    if changed == "url":
        message.url = value
    else:
        message.headers[changed] = value
    with pytest.raises(oracle.InvalidSignature):
        verifier.verify(message, expect_tag="hub-webhook-1", body=BODY)


def test_only_who_has_the_secret_can_answer_a_challenge() -> None:
    assert challenge_answer(NOW, "x") != challenge_answer(FORMER, "x")
    assert challenge_answer(NOW, "x") != challenge_answer(NOW, "y")

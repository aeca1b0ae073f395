"""`signing`: what a message to a webhook is signed with; pure.

- `webhook-signature` is the symmetric one of Standard Webhooks 1.0.0: HMAC-SHA256 under each secret
  that is live, so that a receiver may change over in its own time.
- The RFC 9421 signature of the hub is beside it: it needs no secret, holds the address and the
  digest of the body, and can be shown to a third party.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime
from secrets import token_bytes, token_urlsafe

from hub.access.components import Message
from hub.access.signatures import sign_delivery
from hub.crypto.keys import SigningKey

SECRET_PREFIX = "whsec_"  # noqa: S105 - says what follows
SECRET_BYTES = 32
CONTENT_TYPE = "application/json"


def new_secret() -> str:
    """Return a new secret in the form of Standard Webhooks."""
    return SECRET_PREFIX + b64encode(token_bytes(SECRET_BYTES)).decode()


def new_webhook_id() -> str:
    """Return a new id of a webhook."""
    return f"wh_{token_urlsafe(12)}"


def new_message_id() -> str:
    """Return a new `webhook-id`; a message has one, whatever the number of attempts."""
    return f"msg_{token_urlsafe(18)}"


def mac(secret: str, content: bytes) -> str:
    """Return the HMAC-SHA256 of some bytes under a secret, in base64."""
    key = b64decode(secret.removeprefix(SECRET_PREFIX))
    return b64encode(hmac.digest(key, content, "sha256")).decode()


def signed_headers(
    url: str,
    message_id: str,
    body: bytes,
    *,
    secrets: Sequence[str],
    key: SigningKey,
    now: datetime,
) -> dict[str, str]:
    """Return all headers of a message, with both kinds of signatures."""
    timestamp = str(int(now.timestamp()))
    headers = {
        "content-type": CONTENT_TYPE,
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
    }
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = " ".join(f"v1,{mac(secret, signed)}" for secret in secrets)
    own = sign_delivery(Message("POST", url, headers=headers), body, key, now)
    return {**headers, "webhook-signature": signature, **own}


def challenge_answer(secret: str, challenge: str) -> str:
    """Return what shows that whoever answers a challenge holds the secret."""
    return mac(secret, f"challenge.{challenge}".encode())

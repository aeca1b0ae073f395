"""`content_digest`: checks that a body is the one that was signed (RFC 9530).

- `sha-256` and `sha-512` count, at least one of them; each one listed must match. Any other
  algorithm refuses the whole header: a digest that nobody checks would look checked.
- An empty body has a digest too.
"""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import re

from hub.access.errors import Reason, SignatureError
from hub.access.limits import DIGEST_OFF_LOOP_BYTES

_MEMBER = re.compile(r"(sha-256|sha-512)=:([A-Za-z0-9+/]{1,88}={0,2}):")
_LENGTH = {"sha-256": 32, "sha-512": 64}


def content_digest(body: bytes) -> str:
    """Return the header value for `body`: its SHA-256."""
    digest = binascii.b2a_base64(hashlib.sha256(body).digest(), newline=False)
    return f"sha-256=:{digest.decode('ascii')}:"


def parse(value: str) -> dict[str, bytes]:
    """Return digests by algorithm; SignatureError(SIG_DIGEST_MISMATCH) for any other form."""
    digests: dict[str, bytes] = {}
    for part in re.split(r", ?", value, maxsplit=2):
        member = _MEMBER.fullmatch(part)
        if member is None or member[1] in digests:
            raise SignatureError(Reason.SIG_DIGEST_MISMATCH, "unreadable or unlisted digest")
        try:
            digest = binascii.a2b_base64(member[2], strict_mode=True)
        except binascii.Error as error:
            raise SignatureError(Reason.SIG_DIGEST_MISMATCH, str(error)) from error
        canonical = binascii.b2a_base64(digest, newline=False).decode("ascii")
        if len(digest) != _LENGTH[member[1]] or canonical != member[2]:
            raise SignatureError(Reason.SIG_DIGEST_MISMATCH, "digest has another spelling")
        digests[member[1]] = digest
    return digests


def check(value: str, body: bytes) -> None:
    """Raise SignatureError unless every digest in `value` is that of `body`."""
    for name, digest in parse(value).items():
        actual = hashlib.new(name.replace("-", ""), body, usedforsecurity=True).digest()
        if actual != digest:
            raise SignatureError(Reason.SIG_DIGEST_MISMATCH, f"{name} differs")


async def check_off_loop(value: str, body: bytes) -> None:
    """Check as `check` does; big bodies in a thread, because hashing would stop the event loop."""
    if len(body) > DIGEST_OFF_LOOP_BYTES:
        await asyncio.to_thread(check, value, body)
    else:
        check(value, body)

"""`SignedAnswers`: whether what another hub answers to a signed request is what it said.

- A hub signs every answer to a signed request, bound to it (RFC 9421, RFC 9530; hub-sig-1). What
  promises something is believed only with that signature; a refusal may come from before the
  request was let in, so one without a signature is a refusal all the same.
- Its keys are read from `/.well-known/jwks.json` over the connection that its address names, and
  again for a key that is not among them, `KEYS_PAUSE_S` apart.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import httpx

from connectors.errors import PayloadError
from connectors.http.session import HttpSession
from connectors.http.transport import open_client
from connectors.limits import Limits
from hub.access.components import Message
from hub.access.errors import Reason, SignatureError
from hub.access.signatures import verify_response
from hub.crypto.keys import VerifyKey, import_jwk

__all__ = ["SignedAnswers"]

KEYS_PATH = ".well-known/jwks.json"
KEYS_PAUSE_S = 60.0
"""So long an unknown key does not have the keys read again."""
KEYS_MAX = 32
"""Keys of one hub: one that signs, one that is announced, those that have ended within a week."""


@dataclass(eq=False)
class SignedAnswers:
    """Checks the answers of one hub."""

    base: str
    _keys: dict[str, VerifyKey] = field(default_factory=dict, init=False)
    _read_at: float | None = field(default=None, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def check(
        self, source: str, limits: Limits, response: httpx.Response, raw: bytes
    ) -> None:
        """Raise `PayloadError` for an answer to a signed request that its hub did not sign."""
        request = response.request
        if "signature" not in request.headers:
            return
        if response.is_error and "signature" not in response.headers:
            return
        asked = Message(request.method, str(request.url), headers=dict(request.headers))
        message = Message(
            status=response.status_code, headers=dict(response.headers), request=asked
        )
        try:
            try:
                verify_response(message, raw, self._keys)
            except SignatureError as error:
                if error.reason is not Reason.SIG_KEY_UNKNOWN:
                    raise
                await self._read_keys(source, limits)
                verify_response(message, raw, self._keys)
        except SignatureError as error:
            raise PayloadError(
                source,
                f"{request.method} {request.url.path}: the answer is not signed by the hub "
                f"({error.reason.name})",
                hint="something between the hubs changes answers, or it has another key",
            ) from error

    async def _read_keys(self, source: str, limits: Limits) -> None:
        """Read the keys that the hub publishes, unless that was a moment ago."""
        async with self._lock:
            now = time.monotonic()
            if self._read_at is not None and now - self._read_at < KEYS_PAUSE_S:
                return
            async with open_client(f"{self.base}/", limits=limits) as client:
                told = await HttpSession(source, client, limits).get_json(KEYS_PATH)
            try:
                keys = [import_jwk(each) for each in told["keys"][:KEYS_MAX]]
            except (KeyError, TypeError, ValueError) as error:
                raise PayloadError(source, f"{KEYS_PATH}: no keys of a hub") from error
            self._keys = {each.kid: each for each in keys}
            self._read_at = now

"""`certificate`: the TLS client certificate of a caller, as a proxy says it (RFC 9440, RFC 8705).

- Only a proxy on the same machine is believed, and it is known by how it comes: over the UNIX
  socket that the hub listens on, which only the proxy's group may use. Over TCP anybody could
  write the header, so a request that has it is refused there, whatever its path.
- The proxy ends TLS, takes away what a caller sent under this name, and puts
  `Client-Cert: :<DER in base64>:` in its place. What the certificate says is not read: a token is
  bound to its SHA-256 thumbprint alone (`cnf.x5t#S256`).
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography import x509
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.access.errors import Reason, TokenError
from hub.access.limits import CERTIFICATES_KEPT_MAX
from hub.crypto.base64url import b64url
from hub.problem import prefers_english

HEADER = b"client-cert"
NAMES = frozenset({HEADER, b"client-cert-chain"})
_VALUE = re.compile(r":([A-Za-z0-9+/]+={0,2}):")


class ClientCertificates:
    """Refuses requests over TCP that claim a client certificate.

    It stands before the routes that are open to everybody; those that ask who calls refuse by
    `hub.access.envelope`, which reads the headers anyhow.
    """

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http" and is_forged(scope):
            error = TokenError(Reason.CLIENT_CERT_UNTRUSTED, "Client-Cert over TCP")
            language = Headers(scope=scope).get("accept-language", "")
            answer = JSONResponse(
                error.problem(english=prefers_english(language)),
                status_code=error.status,
                media_type="application/problem+json",
            )
            await answer(scope, receive, send)
            return
        await self._inner(scope, receive, send)


def is_forged(scope: Mapping[str, Any]) -> bool:
    """Tell whether a request claims a certificate that nobody vouches for."""
    is_claimed = any(name in NAMES for name, _ in scope["headers"])
    return is_claimed and not comes_over_unix_socket(scope)


def comes_over_unix_socket(scope: Mapping[str, Any]) -> bool:
    """Tell how a request came: an ASGI server names a UNIX socket by its path, without a port.

    Some name a host without its usual port as well, so the path must be one from the root.
    """
    server = scope.get("server")
    if not isinstance(server, tuple | list) or len(server) != 2:  # noqa: PLR2004 - host, port
        return False
    return server[1] is None and isinstance(server[0], str) and server[0].startswith("/")


def thumbprint_in(scope: Mapping[str, Any], value: str) -> str:
    """Return the thumbprint (`x5t#S256`) of the certificate that the header holds.

    TokenError for a header over TCP, or one that holds no certificate.
    """
    if not comes_over_unix_socket(scope):
        raise TokenError(Reason.CLIENT_CERT_UNTRUSTED, "Client-Cert over TCP")
    try:
        return _thumbprint(value)
    except ValueError as error:
        raise TokenError(Reason.CLIENT_CERT_UNTRUSTED, "no certificate in Client-Cert") from error


@lru_cache(maxsize=CERTIFICATES_KEPT_MAX)
def _thumbprint(value: str) -> str:
    match = _VALUE.fullmatch(value)
    if match is None:
        raise ValueError("not a byte sequence (RFC 8941)")
    der = b64decode(match[1], validate=True)
    x509.load_der_x509_certificate(der)
    return b64url(hashlib.sha256(der).digest())

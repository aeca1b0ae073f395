"""`envelope`: the parts of a request that security checks: method, address, headers, as received.

- The address is the configured base, the raw path and the raw query; `request.url` and the Host
  header never contribute, the latter is only compared with the allow-list.
- Each header in `ONCE` may occur once; a second line is refused, not joined.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hub.access.certificate import thumbprint_in
from hub.access.config import AccessConfig
from hub.access.errors import Reason, TokenError
from hub.access.limits import HEADER_VALUE_MAX

ONCE = frozenset(
    {
        "host",
        "authorization",
        "dpop",
        "signature",
        "signature-input",
        "content-digest",
        "content-type",
        "idempotency-key",
        "hub-schema",
        "hub-log-size",
        "hub-via",
        "hub-request",
        "hub-deadline",
        "client-cert",
    }
)
_ONCE_RAW = frozenset(name.encode() for name in ONCE)
_PATH = re.compile(rb"/[\x21\x22\x24-\x3e\x40-\x7e]*")
_QUERY = re.compile(rb"[\x21\x22\x24-\x7e]*")
_VALUE = re.compile(rb"[\x20-\x7e\t]*")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request without its body. `target`: address without query; `headers`: those of `ONCE`."""

    method: str
    path: str
    target: str
    target_uri: str
    headers: Mapping[str, str]
    certificate: str | None = None
    """Thumbprint of the TLS client certificate that a proxy vouches for."""


def with_credentials(envelope: Envelope, authorization: object, proof: object) -> Envelope:
    """Return an envelope with credentials that came beside its headers; None for one that did not.

    Raises TokenError for what no header could hold, and where the headers have credentials already.
    """
    stated = {"authorization": authorization, "dpop": proof}
    given = {name: value for name, value in stated.items() if value is not None}
    for name, value in given.items():
        if name in envelope.headers:
            raise TokenError(Reason.HEADER_DUPLICATE, name)
        is_text = isinstance(value, str) and value.isascii()
        if not is_text or len(str(value)) > HEADER_VALUE_MAX or not str(value).isprintable():
            raise TokenError(Reason.REQUEST_TARGET_INVALID, f"{name} is not plain ASCII")
    headers = {**envelope.headers, **{name: str(value) for name, value in given.items()}}
    return replace(envelope, headers=headers)


def read_envelope(scope: Mapping[str, Any], config: AccessConfig) -> Envelope:
    """Read the envelope of an ASGI HTTP scope; TokenError when host, path or headers are bad."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        if raw_name not in _ONCE_RAW:
            continue
        name = raw_name.decode("ascii")
        if name in headers:
            raise TokenError(Reason.HEADER_DUPLICATE, name)
        if len(raw_value) > HEADER_VALUE_MAX or not _VALUE.fullmatch(raw_value):
            raise TokenError(Reason.REQUEST_TARGET_INVALID, f"{name} is not plain ASCII")
        headers[name] = raw_value.decode("ascii").strip(" \t")
    if headers.get("host", "").lower() not in config.hosts:
        raise TokenError(Reason.HOST_MISDIRECTED, "Host is not in the allow-list")
    raw_path, query = scope.get("raw_path"), scope.get("query_string", b"")
    if not isinstance(raw_path, bytes) or not _PATH.fullmatch(raw_path):
        raise TokenError(Reason.REQUEST_TARGET_INVALID, "path is not plain ASCII from /")
    if not _QUERY.fullmatch(query):
        raise TokenError(Reason.REQUEST_TARGET_INVALID, "query is not plain ASCII")
    path = raw_path.decode("ascii")
    target = config.public_base + path
    target_uri = f"{target}?{query.decode('ascii')}" if query else target
    shown = headers.pop("client-cert", None)
    certificate = None if shown is None else thumbprint_in(scope, shown)
    return Envelope(str(scope["method"]), path, target, target_uri, headers, certificate)

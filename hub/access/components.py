"""`components`: the signature base of an HTTP message (RFC 9421 §2).

- A component identifier is written as in `Signature-Input`: `"@method"`, `"content-type"`,
  `"@query-param";name="Pet"`, `"signature";req;key="hub"`.
- Derived components that the hub and its webhooks use are here; `;sf`, `;bs` and `;tr` are not,
  and an identifier that is not known raises KeyError: nothing is guessed.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from urllib.parse import parse_qsl, quote, urlsplit

from hub.access.limits import IDENTIFIERS_KEPT_MAX

_IDENTIFIER = re.compile(r'"([a-z0-9@_.\-]+)"(;req)?(?:;(key|name)="([^"\\]*)")?')
_SECRET = re.compile(r'^("(?:authorization|dpop)": )(.*)$', re.MULTILINE)
_BYTES_MEMBER = re.compile(r"\s*([a-z*][a-z0-9_\-.*]*)=(:[A-Za-z0-9+/=]*:)\s*")


@dataclass(frozen=True, slots=True)
class Message:
    """A request, or a response with the request it answers. Header names in lower case."""

    method: str = ""
    target_uri: str = ""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    request: Message | None = None


def signature_base(message: Message, components: Sequence[str], params: str) -> bytes:
    """Return the bytes that are signed; KeyError names a component that the message lacks.

    `params`: the inner list with its parameters, exactly as in `Signature-Input` after the label.
    """
    lines = [f"{name}: {component_value(message, name)}" for name in components]
    lines.append(f'"@signature-params": {params}')
    return "\n".join(lines).encode("ascii")


def without_tokens(base: str) -> str:
    """Return a signature base in which SHA-256 stands in place of the token and its proof.

    For keeping: whoever still has a token can show that it is the one, nobody can use it. The
    signature is verified over the SHA-256 of the whole base, which is kept beside it.
    """
    return _SECRET.sub(
        lambda line: f"{line[1]}sha-256=:{b64encode(sha256(line[2].encode()).digest()).decode()}:",
        base,
    )


def component_value(message: Message, identifier: str) -> str:
    """Return the value of one component; KeyError when it is unknown or absent."""
    name, req, parameter, argument = _read_identifier(identifier)
    source = message.request if req else message
    if source is None:
        raise KeyError(identifier)
    if name == "@query-param" and parameter == "name":
        return _query_parameter(source, argument)
    if parameter == "key":
        return _dictionary_member(source.headers[name], argument)
    if parameter is not None:
        raise KeyError(identifier)
    if name.startswith("@"):
        return _DERIVED[name](source)
    return source.headers[name]


@lru_cache(maxsize=IDENTIFIERS_KEPT_MAX)
def _read_identifier(identifier: str) -> tuple[str, str | None, str | None, str]:
    """Return the parts of an identifier: name, `;req`, parameter and its value."""
    match = _IDENTIFIER.fullmatch(identifier)
    if match is None:
        raise KeyError(identifier)
    name, req, parameter, argument = match.groups()
    return name, req, parameter, argument or ""


def _authority(message: Message) -> str:
    parts = urlsplit(message.target_uri)
    default = {"http": ":80", "https": ":443"}[parts.scheme]
    return parts.netloc.lower().removesuffix(default)


def _query_parameter(message: Message, name: str) -> str:
    query = urlsplit(message.target_uri).query
    values = [v for k, v in parse_qsl(query, keep_blank_values=True) if quote(k, safe="") == name]
    if len(values) != 1:
        raise KeyError(f"@query-param {name} must occur once")
    return quote(values[0], safe="")


def _dictionary_member(value: str, key: str) -> str:
    for part in value.split(","):
        member = _BYTES_MEMBER.fullmatch(part)
        if member is not None and member[1] == key:
            return member[2]
    raise KeyError(key)


_DERIVED: dict[str, Callable[[Message], str]] = {
    "@method": lambda message: message.method,
    "@target-uri": lambda message: message.target_uri,
    "@authority": _authority,
    "@path": lambda message: urlsplit(message.target_uri).path or "/",
    "@query": lambda message: "?" + urlsplit(message.target_uri).query,
    "@status": lambda message: str(message.status),
}

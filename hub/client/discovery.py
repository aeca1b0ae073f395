"""`discovery`: where a hub's endpoints are and which keys are its own, from /.well-known.

- The metadata must agree with the address it was read from: an issuer or an endpoint on another
  host is refused, so that a copied document cannot send a client elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from hub.client.errors import HubUnreachableError
from hub.client.network import unreachable
from hub.crypto.keys import VerifyKey, import_jwk
from schema.strict_json import read_json

_DOCUMENT_MAX_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Discovery:
    """A hub as it describes itself. `keys`: its public keys by thumbprint."""

    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    resource: str
    keys: dict[str, VerifyKey]


async def discover(http: httpx.AsyncClient, base: str) -> Discovery:
    """Read the metadata and the keys of the hub at `base`."""
    server = await _read(http, "/.well-known/oauth-authorization-server")
    keys = await _read(http, "/.well-known/jwks.json")
    if server.get("issuer") != base:
        raise HubUnreachableError(
            f"the hub at {base} calls itself {server.get('issuer')}; use that address"
        )
    endpoints = [str(server.get(n)) for n in ("token_endpoint", "revocation_endpoint")]
    if not all(endpoint.startswith(base + "/") for endpoint in endpoints):
        raise HubUnreachableError(f"the metadata at {base} points to another host")
    try:
        imported = [import_jwk(jwk) for jwk in keys["keys"]]
    except (KeyError, TypeError, ValueError) as error:
        raise HubUnreachableError(f"the keys at {base} cannot be read") from error
    return Discovery(base, endpoints[0], endpoints[1], base, {key.kid: key for key in imported})


async def _read(http: httpx.AsyncClient, path: str) -> dict[str, Any]:
    try:
        answer = await http.get(path, headers={"accept": "application/json"})
        answer.raise_for_status()
        if len(answer.content) > _DOCUMENT_MAX_BYTES:
            raise HubUnreachableError(f"{path} is larger than {_DOCUMENT_MAX_BYTES} bytes")
        value = read_json(answer.content.decode("utf-8"))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise unreachable(f"{str(http.base_url).rstrip('/')}{path}", error) from error
    if not isinstance(value, dict):
        raise HubUnreachableError(f"{path} is not a JSON object")
    return value

"""`config`: the addresses that security decisions are made from; they come from the operator.

- `public_base` is scheme, host and port without a path: the issuer, the base of every `htu`,
  `@target-uri` and audience. Host headers and request URLs never contribute to any of them.
- A resource is the base itself or the base with one path; a token for it covers that path and
  what lies below.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from hub.access.people import IdentityProvider


@dataclass(frozen=True, slots=True)
class AccessConfig:
    """Where the hub is, in its own words.

    `hosts`: accepted values of the Host header, lower case. `resource_paths`: "" for the whole hub
    or paths such as `/graphql`. `anonymous_reads`: callers without a token may read L1.
    `dpop_nonce_required`: the token endpoint asks for a server nonce in each proof (RFC 9449 §8).
    `takes_certificates`: a proxy vouches for TLS client certificates (`hub.access.certificate`).
    `providers`: where people sign in (`hub.access.people`).
    """

    public_base: str
    hosts: frozenset[str]
    resource_paths: tuple[str, ...] = ("", "/graphql", "/federation/graphql")
    anonymous_reads: bool = False
    dpop_nonce_required: bool = True
    takes_certificates: bool = False
    providers: tuple[IdentityProvider, ...] = ()

    def __post_init__(self) -> None:
        parts = urlsplit(self.public_base)
        plain = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme not in {"http", "https"} or not parts.hostname or plain != self.public_base:
            raise ValueError("the public base is scheme://host[:port] and nothing after it")
        if not self.public_base.isascii() or self.public_base != self.public_base.lower():
            raise ValueError("the public base is lower-case ASCII; write the host in punycode")

    @property
    def issuer(self) -> str:
        """Return the issuer of tokens and the audience of client assertions."""
        return self.public_base

    @property
    def resources(self) -> tuple[str, ...]:
        """Return the resource identifiers (RFC 8707) that a token can be for."""
        return tuple(self.public_base + path for path in self.resource_paths)

    @property
    def token_endpoint(self) -> str:
        """Return the address of the token endpoint."""
        return self.public_base + "/oauth/token"

    @property
    def revocation_endpoint(self) -> str:
        """Return the address of the revocation endpoint."""
        return self.public_base + "/oauth/revoke"

    @property
    def introspection_endpoint(self) -> str:
        """Return the address of the introspection endpoint."""
        return self.public_base + "/oauth/introspect"

    @property
    def resource_policy(self) -> str:
        """Return the address of the page that says what a client may do with what it reads."""
        return self.public_base + "/access-policy"

    @property
    def jwks_uri(self) -> str:
        """Return the address of the hub's public keys."""
        return self.public_base + "/.well-known/jwks.json"

    @property
    def documentation(self) -> str:
        """Return the address of the guide, which the hub serves itself."""
        return self.public_base + "/guide"

    def resource_metadata(self, path: str = "") -> str:
        """Return the address of the metadata of the resource at `path` (RFC 9728 §3.1)."""
        return f"{self.public_base}/.well-known/oauth-protected-resource{path}"

    def covers(self, audience: str, target: str) -> bool:
        """Return whether a token for `audience` may be used at `target` (address without query)."""
        if audience not in self.resources:
            return False
        return target == audience or target.startswith(audience + "/")


def local_config(port: int, *, anonymous_reads: bool = True) -> AccessConfig:
    """Return the configuration of a hub that is reached on the loopback address only."""
    hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
    return AccessConfig(f"http://127.0.0.1:{port}", hosts, anonymous_reads=anonymous_reads)

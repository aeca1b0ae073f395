"""`attack`: one hostile request as bytes, and what a registered caller adds to it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.access import dpop
from hub.access.content_digest import content_digest
from hub.access.envelope import Envelope
from hub.access.signatures import MUTATION, PUSH, sign_request
from hub.clock import system_clock
from hub.crypto.keys import SigningKey

JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A registered client: its key, and a token of the hub at `base`."""

    base: str
    key: SigningKey
    token: str

    def proven(self, method: str, path: str) -> dict[str, str]:
        """Return token and proof for one request."""
        target = self.base + path.partition("?")[0]
        proof = dpop.make(self.key, method, target, system_clock(), token=self.token)
        return {"authorization": f"DPoP {self.token}", "dpop": proof}


@dataclass(frozen=True, slots=True)
class Attack:
    """One request. `identity`: "stranger", "client" (token and proof), "signer" (signed too).

    `raw`: the whole request where it is no well-formed one.
    """

    family: str
    name: str
    method: str = "GET"
    path: str = "/graphql"
    headers: Mapping[str, str] | list[tuple[str, str]] = field(default_factory=dict)
    body: bytes = b""
    identity: str = "stranger"
    raw: bytes | None = None

    def __str__(self) -> str:
        return f"{self.family}: {self.name}"

    def wire(self, caller: Credentials) -> bytes:
        """Return the bytes to send."""
        if self.raw is not None:
            return self.raw
        lines = list(self.headers.items() if isinstance(self.headers, Mapping) else self.headers)
        if self.identity != "stranger":
            lines += self._credentials(caller, dict(lines)).items()
        if self.body or self.method == "POST":
            lines.append(("content-length", str(len(self.body))))
        if not any(name == "host" for name, _ in lines):
            lines.append(("host", caller.base.partition("//")[2]))
        lines.append(("connection", "close"))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        return f"{self.method} {self.path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + self.body

    def _credentials(self, caller: Credentials, headers: dict[str, str]) -> dict[str, str]:
        proven = caller.proven(self.method, self.path)
        if self.identity == "client":
            return proven
        proven["content-digest"] = content_digest(self.body)
        proven["idempotency-key"] = secrets.token_urlsafe(18)
        path, _, query = self.path.partition("?")
        target = caller.base + path
        whole = {"content-type": "application/x-ndjson", **headers, **proven}
        envelope = Envelope("POST", path, target, f"{target}?{query}" if query else target, whole)
        operation = PUSH if path == "/batches" else MUTATION
        signed, _ = sign_request(envelope, caller.key, operation, system_clock())
        if "content-type" not in headers:
            proven["content-type"] = whole["content-type"]
        return {**proven, **signed}


def graphql(family: str, name: str, query: str, variables: Any = None) -> Attack:
    """Return a GraphQL request of a registered client."""
    document = {"query": query} if variables is None else {"query": query, "variables": variables}
    return body(family, name, json.dumps(document).encode())


def body(family: str, name: str, content: bytes, identity: str = "client") -> Attack:
    """Return a request with this body to `/graphql`."""
    return Attack(family, name, "POST", "/graphql", JSON, content, identity)


def mutation(family: str, name: str, query: str, variables: Any = None) -> Attack:
    """Return a signed GraphQL request."""
    content = json.dumps({"query": query, "variables": variables or {}}).encode()
    return Attack(family, name, "POST", "/graphql", JSON, content, "signer")


def batch(name: str, content: bytes) -> Attack:
    """Return a signed batch."""
    return Attack("batches", name, "POST", "/batches?source=hostile", {}, content, "signer")

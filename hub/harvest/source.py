"""`Source`: one deployed source: which adapter reads it, where it is, how it lets us in.

Addresses, credentials and facts of an installation are given by the operator; what a source is and
how its rows read stands in its adapter.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from adapters import Adapter
from connectors.http.credentials import ClientCredentials, StaticToken
from connectors.http.session import Session
from connectors.http.transport import open_client
from connectors.limits import Limits
from schema.codes import SourceKind

__all__ = ["ClientCredentials", "Source", "StaticToken"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source as this hub runs it."""

    id: str
    adapter: Adapter
    base_url: str
    auth: httpx.Auth | None = None
    institution: Mapping[str, Any] = field(default_factory=dict)
    """The Institution record it stands for, in wire form, where the adapter states none itself."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the adapter's docstring asks for."""
    owners: tuple[str, ...] | None
    """Institutions it may speak for; None: anybody (a province platform)."""
    kind: SourceKind | None = None
    """What it is to them; by default their own system, or a platform."""
    authority: str | None = None
    """Whose numbers it states: `<institution that operates the system>/<name of the system>`; by
    default its only owner and its id."""
    division_code: str | None = None
    """GB/T 2260 code of where its publisher sits."""
    limits: Limits = field(default_factory=Limits)
    tls: ssl.SSLContext | None = None
    title_zh: str = ""
    title_en: str = ""

    def client(self) -> httpx.AsyncClient:
        """Open a client for one run; the caller closes it."""
        base = self.base_url if self.base_url.endswith("/") else f"{self.base_url}/"
        return open_client(base, limits=self.limits, auth=self.auth, context=self.tls)

    def session(self, client: httpx.AsyncClient) -> Session:
        """Return how its collections are read."""
        return Session(self.id, client, self.limits)

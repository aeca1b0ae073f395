"""`HttpConnection`: a source over HTTP: REST, GraphQL and SOAP.

base_url = "https://api.example.edu.cn/api/v1/"

[client_credentials]          # or:  [token]  value = "…"  header = "X-Api-Key"
                              # or:  [query_key]  name = "key"  value = "…"
token_url = "/oauth2/token"
client_id = "…"
client_secret = "…"
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from connectors.http.credentials import ClientCredentials, QueryKey, StaticToken
from connectors.http.session import HttpSession, open_session
from connectors.limits import Limits
from hub.clock import Clock
from hub.harvest.connections.connection import from_table
from hub.harvest.connections.finding import SourceFinding
from hub.harvest.connections.http_reach import reach_http

__all__ = ["HTTP", "ClientCredentials", "HttpConnection", "StaticToken"]


@dataclass(frozen=True, kw_only=True)
class HttpConnection:
    """A base address, and what lets us in."""

    base_url: str
    auth: httpx.Auth | None = None
    tls: ssl.SSLContext | None = None

    @property
    def place(self) -> str:
        """The address."""
        return self.base_url

    @property
    def secrets(self) -> tuple[str, ...]:
        """A token with and without its scheme, or the secret that gets one."""
        if isinstance(self.auth, StaticToken):
            return (self.auth.value, self.auth.value.partition(" ")[2])
        if isinstance(self.auth, QueryKey):
            return (self.auth.value,)
        return (self.auth.client_secret,) if isinstance(self.auth, ClientCredentials) else ()

    @asynccontextmanager
    async def session(self, source: str, limits: Limits) -> AsyncIterator[HttpSession]:
        """Keep a client open for as long as the block runs."""
        base = self.base_url if self.base_url.endswith("/") else f"{self.base_url}/"
        asked = open_session(source, base, limits, auth=self.auth, context=self.tls)
        async with asked as session:
            yield session

    def reach(self, source: str, limits: Limits, clock: Clock) -> AsyncIterator[SourceFinding]:
        """Look at name, certificate and clock."""
        del source
        return reach_http(self.base_url, self.tls, limits, clock)


class _Http:
    members = frozenset({"base_url", "client_credentials", "query_key", "token"})

    def read(self, source: str, content: Mapping[str, Any]) -> HttpConnection:
        if not str(content.get("base_url", "")).startswith(("http://", "https://")):
            raise ValueError("base_url begins with https://")
        return HttpConnection(base_url=content["base_url"], auth=_auth(source, content))


HTTP = _Http()


def _auth(source: str, content: Mapping[str, Any]) -> httpx.Auth | None:
    if "client_credentials" in content:
        table = content["client_credentials"]
        return from_table(ClientCredentials, "client_credentials", table, source=source)
    if "token" in content:
        return from_table(StaticToken, "token", content["token"])
    if "query_key" in content:
        return from_table(QueryKey, "query_key", content["query_key"])
    return None

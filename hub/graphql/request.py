"""`request`: a GraphQL request as it was read, and who asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.access.gate import Signed
from hub.access.rates import RateStanding
from hub.access.relay import Relay
from hub.access.resource import Caller
from hub.query.plan.freshness import Freshness

ADHOC_SCOPE = "graphql:adhoc"
BREAK_GLASS = "Hub-Break-Glass"
"""The header by which a caller asks to read past agreements; its value is the reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphRequest:
    """A request as it was sent, its parts checked for their JSON types."""

    query: str | None = None
    document_id: str | None = None
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    freshness: Freshness | None = None
    """How old its answer may be, for all of its fields."""
    read_only: bool = False
    """Sent by GET, which must not change anything."""
    of_subgraph: bool = False
    """Asked at the door of gateways, whose schema has entities."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """The caller of a request, its language and its signature."""

    caller: Caller
    language: str = "zh"
    signed: Signed | None = None
    bucket: str = "anonymous"
    """Where the cost of an anonymous caller is counted."""
    reason: str | None = None
    """Why it reads past agreements, where it asks to."""
    standing: RateStanding | None = None
    """Where it stands among the requests that it may send."""
    relay: Relay | None = None
    """How it came here, where another hub sent it."""

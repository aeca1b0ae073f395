"""`rates`: how many requests a caller may send, at every door.

- Who has shown a token is counted as its client. Everybody else is counted by the address that the
  request comes from (an IPv6 address by its /64, which one caller has to himself); a proxy's word
  is believed as `HUB_TRUSTED_PROXIES` says.
- A request that no token admits counts for its address, whatever it brought.
- The buckets are of one process: exactness over several workers would cost a question to the
  shared state for each request, and what is dear is counted there: the cost of GraphQL
  (`hub.query.answer.execute`) and sandbox registrations. With N workers a caller has up to N times
  the quota.
- Fields `RateLimit-Policy` and `RateLimit` tell every caller where he stands:
  draft-ietf-httpapi-ratelimit-headers-09, whose parameters are q, w, r and t.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from math import ceil
from time import monotonic
from typing import Any

from hub.access.limits import (
    ADDRESS_QUOTA,
    CLIENT_QUOTA,
    RATE_BUCKETS_MAX,
    RATE_WINDOW_S,
    TOKEN_REQUEST_QUOTA,
)
from hub.errors import RateLimitedError

STANDING = "hub.rate"
"""Where a scope keeps what its answer says of its caller's rate."""
Scope = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class RatePolicy:
    """So many requests at once, and as many again within each window."""

    name: str
    quota: int

    @property
    def text(self) -> str:
        """Return the member of `RateLimit-Policy`."""
        return f'"{self.name}";q={self.quota};w={RATE_WINDOW_S}'


RateStanding = tuple[RatePolicy, int, int]
"""Policy, requests that are left, seconds until all are there again."""
CLIENT = RatePolicy("client", CLIENT_QUOTA)
ADDRESS = RatePolicy("address", ADDRESS_QUOTA)
TOKEN_REQUESTS = RatePolicy("token", TOKEN_REQUEST_QUOTA)


class Rates:
    """The rate buckets of one process."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def count(self, scope: Scope, policy: RatePolicy, who: str | None = None) -> None:
        """Count a request of a client, or of the address that it comes from.

        Raises `RateLimitedError` when there were too many; notes in the scope how many are left.
        """
        key = (policy.name, address_of(scope) if who is None else who)
        now, per_s = monotonic(), policy.quota / RATE_WINDOW_S
        tokens = float(policy.quota)
        known = self._buckets.get(key)
        if known is not None:
            tokens = min(tokens, known[0] + (now - known[1]) * per_s)
        elif len(self._buckets) >= RATE_BUCKETS_MAX:
            self._buckets.popitem(last=False)
        is_allowed = tokens >= 1
        if is_allowed:
            tokens -= 1
        self._buckets[key] = (tokens, now)
        self._buckets.move_to_end(key)
        scope[STANDING] = (policy, int(tokens), ceil((policy.quota - tokens) / per_s))
        if not is_allowed:
            raise RateLimitedError((1 - tokens) / per_s)


def fields_of(scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header fields that tell a caller where he stands."""
    standing = scope.get(STANDING)
    if standing is None:
        return ()
    policy, remaining, reset_s = standing
    return (
        (b"ratelimit-policy", policy.text.encode()),
        (b"ratelimit", f'"{policy.name}";r={remaining};t={reset_s}'.encode()),
    )


def address_of(scope: Scope) -> str:
    """Return by what a caller without a token is counted: his address, or the /64 that he has."""
    client = scope.get("client")
    return _counted(client[0]) if client else "unknown"


@lru_cache(maxsize=10_000)
def _counted(text: str) -> str:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return text[:64]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"

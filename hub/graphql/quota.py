"""`quota`: how much a caller may ask, and how much of it is left, in GraphQL."""

from __future__ import annotations

from math import floor

import strawberry
from strawberry.types import Info

from hub.access.limits import RATE_WINDOW_S
from hub.graphql.hooks import RequestAllowance


@strawberry.type(
    name="RateLimit",
    description="调用方的请求与开销限额。How much a caller may ask: requests, and their cost.",
)
class RateLimitType:
    """How much a caller may ask."""

    policy: str = strawberry.field(
        description="计数对象。By what it is counted: client or address."
    )
    limit: int = strawberry.field(description="每个窗口的请求数。Requests in a window.")
    window_s: int = strawberry.field(description="窗口秒数。Seconds of a window.")
    remaining: int = strawberry.field(description="剩余请求数。Requests that are left.")
    reset_s: int = strawberry.field(
        description="多少秒后全部恢复。Seconds until all of them are there again."
    )
    cost_per_request: int = strawberry.field(description="单次请求的开销上限。Cost of one request.")
    cost_at_once: int = strawberry.field(
        description="一时可用的开销；剩余见 extensions.cost。"
        "Cost at once; what is left of it is in `extensions.cost`."
    )
    cost_per_s: int = strawberry.field(
        description="每秒恢复的开销。Cost that comes back every second."
    )


def rate_limit(info: Info) -> RateLimitType | None:
    """Return where the caller stands; null where its requests are not counted."""
    allowance: RequestAllowance | None = info.context.allowance
    if allowance is None or allowance.requests is None:
        return None
    (policy, remaining, reset_s), limits = allowance.requests, allowance.limits
    known = allowance.is_known
    per_s = limits.cost_refill_per_s if known else limits.anonymous_refill_per_s
    return RateLimitType(
        policy=policy.name,
        limit=policy.quota,
        window_s=RATE_WINDOW_S,
        remaining=remaining,
        reset_s=reset_s,
        cost_per_request=limits.cost,
        cost_at_once=limits.cost_capacity if known else limits.anonymous_capacity,
        cost_per_s=floor(per_s),
    )


RATE_LIMIT_FIELD = strawberry.field(
    resolver=rate_limit,
    graphql_type=RateLimitType | None,
    description="限额及余量。How much the caller may ask, and what is left.",
)

"""`known_caller`: who asks, where a field answers only a party that is known and has its scope."""

from __future__ import annotations

from hub.access.resource import Caller
from hub.errors import ErrorCode
from hub.query.plan.errors import QueryError, ScopeMissingError

__all__ = ["known_party"]


def known_party(caller: Caller, scope: str, field: str) -> str:
    """Return for whom a caller asks; `QueryError` UNAUTHENTICATED or SCOPE_MISSING otherwise."""
    if caller.anonymous or caller.party is None:
        raise QueryError(
            ErrorCode.UNAUTHENTICATED, f"{field}：须以已登记的接入方询问", f"{field}: say who asks"
        )
    if scope not in caller.scopes:
        raise ScopeMissingError(scope, field)
    return caller.party

"""`cases`: scopes that are given for one case, one purpose and a time only.

- Such a scope counts exactly while its case does; a registration that names it without a case, or
  whose case is over, gives nothing.
- What is read by it names the case in the audit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.access.scopes import Scope

BY_CASE: frozenset[str] = frozenset({Scope.PERSON_READ.value, Scope.OPERATOR_BREAK_GLASS.value})
"""Scopes that nobody has without a case."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseGrant:
    """A scope of one client for one case."""

    scope: str
    case_no: str
    purpose: str
    until: datetime


def in_force(cases: Iterable[CaseGrant], now: datetime) -> Mapping[str, CaseGrant]:
    """Return the cases that are not over, by scope."""
    return {each.scope: each for each in cases if now < each.until}


def without_expired(scopes: frozenset[str], cases: Mapping[str, CaseGrant]) -> frozenset[str]:
    """Return the scopes without those that need a case and have none."""
    return scopes - (BY_CASE - cases.keys()) if scopes & BY_CASE else scopes

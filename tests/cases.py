"""Cases for the scopes that are given by case, where a test is about something else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from hub.access.cases import BY_CASE, CaseGrant
from hub.clock import system_clock


def cases_for(scopes: Iterable[str]) -> tuple[CaseGrant, ...]:
    """An open case for each scope that needs one."""
    until = system_clock() + timedelta(days=1)
    return tuple(
        CaseGrant(scope=scope, case_no="test", purpose="test", until=until)
        for scope in sorted(BY_CASE & set(scopes))
    )

"""`freshness`: how old an answer may be, and how long sources are waited for; pure.

A field says it with the arguments `maxStaleness` and `deadline`, a request for all of its fields
with `extensions.freshness`; what a field says goes before. They shape no statement and no cursor.
Durations are those of ISO 8601 (GB/T 7408.1) in days, hours, minutes and seconds: years and months
have no length of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hub.errors import ErrorCode
from hub.query.plan.errors import QueryError
from hub.query.plan.limits import DEADLINE, DEADLINE_S_MAX, STALENESS_DAYS_MAX

_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,3})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,7})M)?"
    r"(?:(?P<seconds>\d{1,8}(?:\.\d{1,3})?)S)?)?",
    re.ASCII,
)
_SECONDS = {"days": 86_400.0, "hours": 3_600.0, "minutes": 60.0, "seconds": 1.0}
_MEMBERS = ("maxStaleness", "deadline", "onSourceError")
ON_SOURCE_ERROR = ("PARTIAL", "FAIL")
STALENESS_S_MAX = STALENESS_DAYS_MAX * _SECONDS["days"]
DURATIONS_KEPT_MAX = 256
"""Texts of which the seconds are kept: callers have a few, and say them in every request."""


@lru_cache(DURATIONS_KEPT_MAX)
def duration_s(text: str) -> float:
    """Return the seconds of a duration; `ValueError` for a text that is none, or too long."""
    found = _DURATION.fullmatch(text)
    parts = {} if found is None else {k: v for k, v in found.groupdict().items() if v is not None}
    if not parts:
        raise ValueError("a duration looks like PT30S, PT5M or P1D")
    seconds = sum(float(value) * _SECONDS[unit] for unit, value in parts.items())
    if seconds > STALENESS_S_MAX:
        raise ValueError(f"a duration is at most P{STALENESS_DAYS_MAX}D")
    return seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Freshness:
    """What a request says for all of its fields; None: nothing."""

    max_staleness_s: float | None = None
    deadline_s: float | None = None
    fails: bool = False
    """Whether the request fails when a source that it touches did not answer as fresh as asked."""


def deadline_of(text: str) -> float:
    """Return the seconds that sources are waited for; `QueryError` out of bounds."""
    seconds = duration_s(text)
    if not 0 < seconds <= DEADLINE_S_MAX:
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            f"deadline 须大于 0 且至多 PT{DEADLINE_S_MAX:.0f}S",
            f"deadline is more than nothing and at most PT{DEADLINE_S_MAX:.0f}S",
        )
    return seconds


def read_freshness(extensions: Mapping[str, Any]) -> Freshness | None:
    """Read `freshness` of a request's extensions; other extensions are somebody else's.

    `QueryError` BAD_USER_INPUT for members that are not known, or hold what they cannot.
    """
    stated = extensions.get("freshness")
    if stated is None:
        return None
    if not isinstance(stated, Mapping) or not set(stated) <= set(_MEMBERS):
        raise _refused(f"extensions.freshness: {', '.join(_MEMBERS)}")
    staleness, deadline = (_seconds(name, stated.get(name)) for name in _MEMBERS[:2])
    on_error = stated.get("onSourceError")
    if on_error is not None and on_error not in ON_SOURCE_ERROR:
        raise _refused(f"onSourceError: {' | '.join(ON_SOURCE_ERROR)}")
    if deadline is not None:
        deadline = deadline_of(stated["deadline"])
    return Freshness(max_staleness_s=staleness, deadline_s=deadline, fails=on_error == "FAIL")


def _seconds(name: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        return duration_s(value if isinstance(value, str) else "")
    except ValueError as error:
        raise _refused(f"{name}: PT30S, PT5M, P1D; ≤ P{STALENESS_DAYS_MAX}D") from error


def _refused(form: str) -> QueryError:
    return QueryError(ErrorCode.BAD_USER_INPUT, f"应为 {form}", f"expected {form}")


DEADLINE_S = duration_s(DEADLINE)
"""Seconds that sources are waited for where a request says nothing."""

"""`entries`: what came of asking sources, as the manifest of a request says it; pure.

- A source that was asked about several instruments stands as its worst answer does, with the age of
  the oldest and the time of the slowest.
- A source that was not asked is STALE where the store knows it for longer than was allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from hub.errors import ErrorCode
from hub.federation.limits import ANSWER_KEPT_S, MOMENTS_KEPT_MAX
from schema.dates import format_instant, parse_instant

__all__ = ["AnswerStatus", "Answered", "ServedFrom", "failure_of", "good_until", "older", "summed"]


class AnswerStatus(StrEnum):
    """How a source answered, the worst last."""

    OK = "OK"
    SKIPPED = "SKIPPED"
    STALE = "STALE"
    UNKNOWN = "UNKNOWN"
    BUDGET = "BUDGET"
    OPEN = "OPEN"
    BAD_DATA = "BAD_DATA"
    DENIED = "DENIED"
    TIMEOUT = "TIMEOUT"
    ERROR = "ERROR"
    """It could not be reached, or answered with an error of its own."""
    NEVER = "NEVER"


class ServedFrom(StrEnum):
    """Where an answer was taken from, the freshest last."""

    NONE = "NONE"
    STORE = "STORE"
    CACHE = "CACHE"
    LIVE = "LIVE"


_BY_AGE = tuple(ServedFrom)
_BY_STATUS = tuple(AnswerStatus)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What came of one instrument at one source. `as_of`: when the source last said it."""

    source: str
    status: AnswerStatus
    served_from: ServedFrom
    as_of: datetime | None = None
    latency_ms: int | None = None
    error_code: str | None = None

    @property
    def is_news(self) -> bool:
        """Whether the source may have said what the store did not have before."""
        return self.served_from in (ServedFrom.LIVE, ServedFrom.CACHE)


def summed(answers: Iterable[Answered]) -> dict[str, dict[str, Any]]:
    """Return the entry of each source, by its id, in order of the ids."""
    by_source: dict[str, list[Answered]] = {}
    for each in answers:
        by_source.setdefault(each.source, []).append(each)
    return {source: _entry(by_source[source]) for source in sorted(by_source)}


def _entry(answers: list[Answered]) -> dict[str, Any]:
    worst = max(answers, key=lambda each: _BY_STATUS.index(each.status))
    served = min((each.served_from for each in answers), key=_BY_AGE.index)
    times = [each.as_of for each in answers if each.as_of is not None]
    oldest = min(times) if len(times) == len(answers) else None
    return {
        "status": worst.status.value,
        "servedFrom": served.value,
        "asOf": None if oldest is None else format_instant(oldest),
        "latencyMs": max(
            (each.latency_ms for each in answers if each.latency_ms is not None), default=None
        ),
        "errorCode": worst.error_code,
    }


@lru_cache(MOMENTS_KEPT_MAX)
def _moment(text: str) -> datetime:
    return parse_instant(text).at


def older(facts: Iterable[Mapping[str, Any]], since: datetime) -> dict[str, dict[str, Any]]:
    """Return the entries of sources that the store knows well, but only from before `since`."""
    return {
        each["id"]: {
            "status": AnswerStatus.STALE.value,
            "servedFrom": ServedFrom.STORE.value,
            "asOf": each["asOf"],
            "latencyMs": None,
            "errorCode": ErrorCode.SOURCE_STALE.name,
        }
        for each in facts
        if each["status"] == AnswerStatus.OK
        and (each["asOf"] is None or _moment(each["asOf"]) < since)
    }


def good_until(
    answers: Iterable[tuple[float, Iterable[Answered]]],
    facts: Iterable[Mapping[str, Any]],
    strictest_s: float,
) -> datetime | None:
    """Return until when answers of sources are as fresh as was asked of each field of a request.

    `answers`: by field, how old they may be in seconds, and which they are; `facts`: what the store
    knows of the sources, of which those that gave no answer may be `strictest_s` old. None: nobody
    knows how old one of them is, it is too old, or it was told live: then it was asked for this
    request, and is no answer to another one.
    """
    ends: list[datetime] = []
    answered: set[str] = set()
    for age_s, found in answers:
        for each in found:
            is_known = each.served_from in (ServedFrom.STORE, ServedFrom.CACHE)
            if each.status is not AnswerStatus.OK or each.as_of is None or not is_known:
                return None
            shared_s = ANSWER_KEPT_S if each.served_from is ServedFrom.CACHE else 0.0
            ends.append(each.as_of + timedelta(seconds=age_s + shared_s))
            answered.add(each.source)
    ends += [
        parse_instant(each["asOf"]).at + timedelta(seconds=strictest_s)
        for each in facts
        if each["id"] not in answered and each["status"] == AnswerStatus.OK and each["asOf"]
    ]
    return min(ends, default=None)


_FAILURES = {
    AnswerStatus.TIMEOUT: ErrorCode.SOURCE_TIMEOUT,
    AnswerStatus.STALE: ErrorCode.SOURCE_STALE,
    AnswerStatus.SKIPPED: ErrorCode.SOURCE_STALE,
}


def failure_of(answers: Iterable[Answered]) -> tuple[ErrorCode, tuple[str, ...]] | None:
    """Return the code and the sources by which a request fails that takes no partial answer.

    What weighs most is told, with all the sources that did not answer as fresh as was asked.
    """
    failed = [each for each in answers if each.status is not AnswerStatus.OK]
    if not failed:
        return None
    codes = {_FAILURES.get(each.status, ErrorCode.SOURCE_UNAVAILABLE) for each in failed}
    weights = (ErrorCode.SOURCE_UNAVAILABLE, ErrorCode.SOURCE_TIMEOUT, ErrorCode.SOURCE_STALE)
    code = next(each for each in weights if each in codes)
    return code, tuple(sorted({each.source for each in failed}))

"""What a manifest says of sources that were asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.errors import ErrorCode
from hub.federation.entries import (
    Answered,
    AnswerStatus,
    ServedFrom,
    failure_of,
    good_until,
    older,
    summed,
)
from hub.federation.limits import ANSWER_KEPT_S
from hub.graphql.enums import ServedFrom as PublishedServedFrom
from hub.graphql.enums import SourceState

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
OK = Answered(
    source="a", status=AnswerStatus.OK, served_from=ServedFrom.LIVE, as_of=NOW, latency_ms=30
)
LATE = Answered(
    source="a",
    status=AnswerStatus.TIMEOUT,
    served_from=ServedFrom.STORE,
    as_of=NOW - timedelta(hours=1),
    error_code="SOURCE_TIMEOUT",
)


def test_a_source_stands_as_its_worst_answer_with_its_oldest_age() -> None:
    entry = {
        "status": "TIMEOUT",
        "servedFrom": "STORE",
        "asOf": "2026-11-30T01:00:00Z",
        "latencyMs": 30,
        "errorCode": "SOURCE_TIMEOUT",
    }
    assert summed([OK, LATE]) == summed([LATE, OK]) == {"a": entry}


def test_an_answer_without_any_age_leaves_the_source_without_one() -> None:
    never = Answered(source="a", status=AnswerStatus.TIMEOUT, served_from=ServedFrom.NONE)
    assert summed([OK, never])["a"]["asOf"] is None
    assert summed([OK, never])["a"]["servedFrom"] == "NONE"


def test_what_the_store_knows_for_too_long_is_stale_and_worse_stays_worse() -> None:
    facts = [
        {"id": "new", "status": "OK", "asOf": "2026-11-30T02:00:00Z"},
        {"id": "old", "status": "OK", "asOf": "2026-11-30T01:59:59Z"},
        {"id": "bad", "status": "ERROR", "asOf": "2026-11-29T00:00:00Z"},
        {"id": "never", "status": "NEVER", "asOf": None},
    ]
    found = older(facts, NOW)
    assert list(found) == ["old"]
    assert (found["old"]["status"], found["old"]["errorCode"]) == ("STALE", "SOURCE_STALE")


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["OK"], None),
        ([], None),
        (["STALE", "OK"], ErrorCode.SOURCE_STALE),
        (["SKIPPED"], ErrorCode.SOURCE_STALE),
        (["TIMEOUT", "STALE"], ErrorCode.SOURCE_TIMEOUT),
        (["TIMEOUT", "ERROR"], ErrorCode.SOURCE_UNAVAILABLE),
        (["OPEN"], ErrorCode.SOURCE_UNAVAILABLE),
        (["BAD_DATA"], ErrorCode.SOURCE_UNAVAILABLE),
        (["DENIED"], ErrorCode.SOURCE_UNAVAILABLE),
        (["BUDGET"], ErrorCode.SOURCE_UNAVAILABLE),
        (["UNKNOWN"], ErrorCode.SOURCE_UNAVAILABLE),
    ],
)
def test_a_request_fails_by_what_weighs_most(statuses: list[str], code: ErrorCode | None) -> None:
    answers = [
        Answered(source=f"s{n}", status=AnswerStatus(each), served_from=ServedFrom.STORE)
        for n, each in enumerate(statuses)
    ]
    failed = failure_of(answers)
    assert (None if failed is None else failed[0]) is code
    if failed is not None:
        assert failed[1] == tuple(f"s{n}" for n, each in enumerate(statuses) if each != "OK")


def test_every_status_is_published() -> None:
    assert {each.value for each in AnswerStatus} <= set(SourceState.__members__)
    assert {each.value for each in ServedFrom} <= set(PublishedServedFrom.__members__)


def test_an_answer_is_good_until_the_first_of_its_sources_is_too_old() -> None:
    stored = replace(OK, served_from=ServedFrom.STORE)
    cached = replace(OK, source="b", served_from=ServedFrom.CACHE)
    facts = [{"id": "c", "status": "OK", "asOf": "2026-11-30T01:59:58Z"}]
    facts += [{"id": "d", "status": "NEVER", "asOf": None}]
    facts += [{"id": "a", "status": "OK", "asOf": "2026-11-01T00:00:00Z"}]
    assert good_until([(60.0, [stored])], [], 60.0) == NOW + timedelta(seconds=60)
    assert good_until([(0.0, [cached])], [], 0.0) == NOW + timedelta(seconds=ANSWER_KEPT_S)
    both = [(60.0, [stored]), (5.0, [stored, cached])]
    assert good_until(both, [], 5.0) == NOW + timedelta(seconds=5)
    assert good_until(both, facts, 5.0) == NOW + timedelta(seconds=3)
    assert good_until([], [], 5.0) is None


@pytest.mark.parametrize(
    "other",
    [
        OK,
        LATE,
        replace(OK, served_from=ServedFrom.STORE, as_of=None),
        replace(OK, served_from=ServedFrom.NONE),
        replace(OK, served_from=ServedFrom.STORE, status=AnswerStatus.STALE),
        replace(OK, served_from=ServedFrom.STORE, status=AnswerStatus.SKIPPED),
    ],
)
def test_what_was_told_live_is_too_old_or_of_no_age_makes_an_answer_nobody_elses(
    other: Answered,
) -> None:
    stored = replace(OK, served_from=ServedFrom.STORE)
    assert good_until([(60.0, [stored]), (60.0, [other])], [], 60.0) is None

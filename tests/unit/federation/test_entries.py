"""What a manifest says of sources that were asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.errors import ErrorCode
from hub.federation.entries import Answered, AnswerStatus, ServedFrom, failure_of, older, summed
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

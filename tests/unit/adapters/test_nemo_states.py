"""States of NEMO that mean "no longer" never read as standing (case 02)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters._adapter import Context, Mapped, Removed
from adapters._row import Row
from adapters.nemo import ADAPTER
from tests.shared import SHARED

INSTITUTION = {"institutionKey": "moe:10335"}
LIST = next(each for each in ADAPTER.collections if each.name == "reservations")
PLAIN: dict[str, Any] = {
    "id": 10,
    "start": "2026-11-25T09:00:00+08:00",
    "end": "2026-11-25T17:00:00+08:00",
    "cancelled": False,
    "missed": False,
    "shortened": False,
    "descendant": None,
    "tool": 1,
}


def converted(*rows: dict[str, Any]) -> list[Mapped | Removed]:
    now = datetime(2026, 11, 25, tzinfo=UTC)
    context = Context(source="nemo", now=now, institution=INSTITUTION)
    context.remember("tool", "1", "nemo-1")
    made: list[Mapped | Removed] = []
    for row in rows:
        one = ADAPTER.convert(LIST, row, context)
        assert one.problems == ()
        made += one.yielded
    return made


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"shortened": True, "descendant": 11}, "SHORTENED to reservation-11"),
        ({"shortened": True}, "SHORTENED"),
        ({"cancelled": True}, "CANCELLED"),
        ({"cancelled": True, "descendant": 11}, "MOVED to reservation-11"),
        ({"missed": True}, "MISSED"),
        ({"descendant": 11}, "MOVED to reservation-11"),
    ],
)
def test_a_booking_that_no_longer_holds_takes_no_time(flags: dict[str, Any], reason: str) -> None:
    (made,) = converted({**PLAIN, **flags})
    assert made == Removed("Occupancy", "moe:10335/nemo-1/reservation-10", reason)


@pytest.mark.parametrize("flags", [{}, {"validated": True}, {"waived": True}])
def test_a_booking_that_stands_takes_its_time(flags: dict[str, Any]) -> None:
    (made,) = converted({**PLAIN, **flags})
    assert isinstance(made, Mapped)
    assert made.record["endAt"] == "2026-11-25T09:00:00Z"


def test_of_a_shortened_booking_the_shorter_one_is_left() -> None:
    path = SHARED / "cases" / "02-nemo-shortened-reservation" / "reservations.json"
    if not path.exists():
        pytest.skip("the shared cases are not here")
    day = "2026-11-25T{}:00+08:00"
    rows = [
        {**each, "start": day.format(each["start"]), "end": day.format(each["end"])}
        for each in json.loads(path.read_text("utf-8"))
    ]
    standing = [each for each in converted(*rows) if isinstance(each, Mapped)]
    (left,) = standing
    assert (left.record["startAt"], left.record["endAt"]) == (
        "2026-11-25T01:00:00Z",
        "2026-11-25T02:00:00Z",
    )


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("2024-04-30T16:00:00Z", "2024-05-01"),
        ("2024-04-30 16:00:00+00:00", "2024-05-01"),
        ("2024-05-01T23:00:00", "2024-05-01"),
        ("2024-05-01 23:00", "2024-05-01"),
        ("2024年5月1日", "2024-05-01"),
        ("2024-05", "2024-05"),
    ],
)
def test_the_day_of_a_moment_is_the_day_here(text: str, made: str) -> None:
    row = Row({"on": text})
    assert row.optional_day("on") == made
    assert row.problems == []

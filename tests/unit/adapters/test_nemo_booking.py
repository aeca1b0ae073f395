"""Booking through NEMO: whatever it answers, in whatever order two attempts come, one has the time.

`Nemo` answers as 8.1.5 did when it was tried: it takes every booking. Against the real system:
`tests/integration/nemo/test_booking.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest

from adapters._booking import (
    Ask,
    BookingAnswered,
    BookingOutcome,
    BookingReason,
    BookingResult,
    BookingSteps,
    BookingWish,
    Cancellation,
    NotSent,
    Reply,
    Unclear,
    Unwilling,
)
from adapters._nemo_booking import BOOKING

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
START = NOW + timedelta(days=1)
HOUR = timedelta(hours=1)
FACTS = {
    "instance": "lab1",
    "booking_creator": 9,
    "booking_users": {"moe:10246": 3},
    "booking_projects": {"moe:10246": 1},
}
FIRM, REFUSED, TENTATIVE = BookingOutcome.FIRM, BookingOutcome.REFUSED, BookingOutcome.TENTATIVE


LISTS = {
    "api/tools/": [
        {
            "id": number,
            "parent_tool": head,
            "_operational": number != 2,
            "_requires_area_access": 11 if number == 1 else None,
            # modes are booked by the rules of their machine, whatever stands in their own row
            "_reservation_horizon": None if head else 14,
            "_minimum_usage_block_time": None if head else 30,
            "_maximum_usage_block_time": None if head else 480,
        }
        for number, head in ((1, None), (2, None), (3, 1))
    ],
    "api/areas/": [{"id": 11, "parent_area": 10}, {"id": 10, "parent_area": 11}],
    "api/resources/": [
        {"id": 5, "fully_dependent_tools": [3], "dependent_areas": []},
        {"id": 6, "fully_dependent_tools": [], "dependent_areas": [10]},
        {"id": 7, "fully_dependent_tools": [2], "dependent_areas": [12]},
    ],
}


@dataclass
class Nemo:
    """Its lists, and what goes wrong. `faults`: replies by the number of the change."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    outages: list[dict[str, Any]] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)
    faults: dict[int, tuple[Reply, bool]] = field(default_factory=dict)
    """What is answered in place of the truth, and whether it was done all the same."""
    silent: frozenset[str] = frozenset()
    changes: int = 0

    def reply(self, ask: Ask) -> Reply:
        if ask.body is not None:
            self.changes += 1
            said, is_done = self.faults.get(self.changes, (None, True))
            row = self._change(ask) if is_done else None
            return said or BookingAnswered(dict(row or {}))
        if ask.path in self.silent:
            return Unclear()
        if ask.path in LISTS:
            return BookingAnswered(LISTS[ask.path])
        if ask.path == "api/unplanned_outages/":
            return BookingAnswered(self.broken)
        rows = self.rows if ask.path == "api/reservations/" else self.outages
        note = ask.query.get("note")
        return BookingAnswered(
            [dict(row) for row in rows if not row["cancelled"] and note in (None, row["note"])]
        )

    def _change(self, ask: Ask) -> dict[str, Any]:
        assert ask.body is not None
        if ask.method == "POST":
            self.rows.append(booked(len(self.rows) + 1, **ask.body))
            return self.rows[-1]
        row = self.rows[int(ask.path.split("/")[2]) - 1]
        row.update(ask.body)
        return row

    @property
    def active(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if not row["cancelled"]]


def booked(number: int, **more: Any) -> dict[str, Any]:
    made = {"id": number, "cancelled": False, "missed": False, "descendant": None, "note": None}
    span = {"start": START.isoformat(), "end": (START + timedelta(hours=2)).isoformat(), "tool": 1}
    return {**made, **span, **more}


def wish(order: str = "A", **changed: Any) -> BookingWish:
    base: dict[str, Any] = {
        "order": order,
        "local_no": "lab1-1",
        "user": "moe:10246",
        "start": START,
        "end": START + timedelta(hours=2),
        "now": NOW,
        "facts": FACTS,
    }
    return BookingWish(**{**base, **changed})


def ended(nemo: Nemo, steps: BookingSteps) -> BookingResult:
    try:
        ask = next(steps)
        for _ in range(50):
            ask = steps.send(nemo.reply(ask))
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it does not end")


def test_a_free_time_is_booked_and_found_again() -> None:
    nemo = Nemo()
    first = ended(nemo, BOOKING.book(wish()))
    assert (first.outcome, first.reference) == (FIRM, "1")
    assert nemo.rows[0]["note"] == "hub:A"
    assert (nemo.rows[0]["user"], nemo.rows[0]["creator"], nemo.rows[0]["project"]) == (3, 9, 1)
    assert ended(nemo, BOOKING.book(wish())) == first, "the same order again is the same booking"
    assert nemo.changes == 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"local_no": "lab1-7"}, BookingReason.UNKNOWN_INSTRUMENT),
        ({"local_no": "lab1-x"}, BookingReason.UNKNOWN_INSTRUMENT),
        ({"local_no": "lab1-2"}, BookingReason.OUTAGE),
        ({"user": "moe:10335"}, BookingReason.USER_NOT_MAPPED),
        ({"facts": {**FACTS, "booking_projects": {}}}, BookingReason.USER_NOT_MAPPED),
        ({"facts": {"instance": "lab1"}}, BookingReason.USER_NOT_MAPPED),
        ({"start": NOW - timedelta(hours=1)}, BookingReason.IN_THE_PAST),
        ({"end": START + timedelta(minutes=29)}, BookingReason.AGAINST_RULES),
        ({"end": START + timedelta(minutes=481)}, BookingReason.AGAINST_RULES),
        ({"end": START + timedelta(days=366)}, BookingReason.AGAINST_RULES),
        ({"local_no": "lab1-3", "end": START + 9 * HOUR}, BookingReason.AGAINST_RULES),
        (
            {
                "start": NOW + timedelta(days=14, minutes=1),
                "end": NOW + timedelta(days=14, hours=1),
            },
            BookingReason.AGAINST_RULES,
        ),
    ],
)
def test_what_cannot_be_booked_is_refused_before_anything_is_posted(
    changed: dict[str, Any], reason: BookingReason
) -> None:
    nemo = Nemo()
    result = ended(nemo, BOOKING.book(wish(**changed)))
    assert (result.outcome, result.reason, nemo.changes) == (REFUSED, reason, 0)


def test_a_time_at_the_edge_of_the_rules_is_booked() -> None:
    for minutes in (30, 480):
        ends = START + timedelta(minutes=minutes)
        assert ended(Nemo(), BOOKING.book(wish(end=ends))).outcome is FIRM
    last = NOW + timedelta(days=14)
    assert ended(Nemo(), BOOKING.book(wish(start=last, end=last + HOUR))).outcome is FIRM


def held(number: int, start: datetime, **more: Any) -> dict[str, Any]:
    span = {"start": start.isoformat(), "end": (start + HOUR).isoformat()}
    return booked(number, **{"user": 3, **span, **more})


MIDNIGHT = datetime(2026, 11, 26, 16, tzinfo=UTC)
"""Where the day of `START` begins in Shanghai."""


@pytest.mark.parametrize(
    ("rule", "most", "rows", "is_refused"),
    [
        ("maximum_reservations_per_day", 1, [held(1, MIDNIGHT)], True),
        ("maximum_reservations_per_day", 1, [held(1, MIDNIGHT, missed=True)], True),
        ("maximum_reservations_per_day", 2, [held(1, MIDNIGHT)], False),
        ("maximum_reservations_per_day", 1, [held(1, MIDNIGHT - HOUR)], False),
        ("maximum_reservations_per_day", 1, [held(1, MIDNIGHT + 24 * HOUR)], False),
        ("maximum_reservations_per_day", 1, [held(1, MIDNIGHT, user=4)], False),
        ("maximum_reservations_per_day", 1, [held(1, MIDNIGHT, tool=2)], False),
        ("maximum_reservations_per_day", 1, [held(1, MIDNIGHT, cancelled=True)], False),
        ("maximum_reservations_per_day", 1, [held(1, MIDNIGHT, shortened=True)], False),
        ("maximum_reservations_per_day", 0, [held(1, MIDNIGHT)], False),
        ("maximum_future_reservations", 1, [held(1, START + 90 * HOUR)], True),
        ("maximum_future_reservations", 1, [held(1, NOW - HOUR)], False),
        ("maximum_future_reservation_time", 179, [held(1, START + 90 * HOUR)], True),
        ("maximum_future_reservation_time", 180, [held(1, START + 90 * HOUR)], False),
        ("maximum_future_reservation_time", 120, [held(1, NOW - HOUR / 2)], False),
        ("minimum_time_between_reservations", 61, [held(1, START - 2 * HOUR)], True),
        ("minimum_time_between_reservations", 60, [held(1, START - 2 * HOUR)], False),
        ("minimum_time_between_reservations", 61, [held(1, START + 3 * HOUR)], True),
        ("minimum_time_between_reservations", 60, [held(1, START + 3 * HOUR)], False),
    ],
)
def test_a_user_has_no_more_bookings_than_the_laboratory_lets_anybody_have(
    monkeypatch: pytest.MonkeyPatch,
    rule: str,
    most: int,
    rows: list[dict[str, Any]],
    is_refused: bool,
) -> None:
    tools = [{**tool, f"_{rule}": most} for tool in LISTS["api/tools/"]]
    monkeypatch.setitem(LISTS, "api/tools/", tools)
    nemo = Nemo(rows=[dict(row) for row in rows])
    result = ended(nemo, BOOKING.book(wish()))
    if is_refused:
        reason = BookingReason.AGAINST_RULES
        assert (result.outcome, result.reason, nemo.changes) == (REFUSED, reason, 0)
    else:
        assert (result.outcome, nemo.changes) == (FIRM, 1)


def test_a_booking_that_is_moved_does_not_count_beside_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tools = [{**tool, "_maximum_reservations_per_day": 1} for tool in LISTS["api/tools/"]]
    monkeypatch.setitem(LISTS, "api/tools/", tools)
    nemo = Nemo()
    assert ended(nemo, BOOKING.book(wish("A"))).outcome is FIRM
    later = {"start": START + 2 * HOUR, "end": START + 4 * HOUR}
    second = ended(nemo, BOOKING.book(wish("B", **later)))
    assert second.reason is BookingReason.AGAINST_RULES
    assert ended(nemo, BOOKING.book(wish("B", replaces="A", **later))).outcome is FIRM


@pytest.mark.parametrize("tool", [1, 3])
def test_a_time_that_somebody_has_is_refused_also_on_another_mode_of_the_machine(tool: int) -> None:
    nemo = Nemo(rows=[booked(1, tool=tool)])
    result = ended(nemo, BOOKING.book(wish()))
    assert (result.outcome, result.reason, nemo.changes) == (REFUSED, BookingReason.OCCUPIED, 0)


@pytest.mark.parametrize(
    "changed",
    [
        {"tool": 2},
        {"missed": True},
        {"descendant": 8},
        {"end": START.isoformat(), "start": (START - timedelta(hours=1)).isoformat()},
    ],
)
def test_what_does_not_take_the_time_stands_in_nobodys_way(changed: dict[str, Any]) -> None:
    assert ended(Nemo(rows=[booked(1, **changed)]), BOOKING.book(wish())).outcome is FIRM


def test_an_announced_outage_refuses() -> None:
    nemo = Nemo(outages=[booked(1)])
    assert ended(nemo, BOOKING.book(wish())).reason is BookingReason.OUTAGE
    assert nemo.changes == 0


@pytest.mark.parametrize(
    ("named", "outcome"),
    [
        ({"area": 11}, REFUSED),
        ({"area": 10}, REFUSED),
        ({"area": 12}, FIRM),
        ({"resource": 5}, REFUSED),
        ({"resource": 6}, REFUSED),
        ({"resource": 7}, FIRM),
    ],
)
def test_an_outage_of_the_room_or_of_what_it_needs_refuses(
    named: dict[str, int], outcome: BookingOutcome
) -> None:
    nemo = Nemo(outages=[booked(1, **{"tool": None, **named})])
    assert ended(nemo, BOOKING.book(wish())).outcome is outcome


@pytest.mark.parametrize(("end", "outcome"), [(None, REFUSED), (NOW.isoformat(), FIRM)])
def test_a_machine_that_is_broken_now_is_not_booked(
    end: str | None, outcome: BookingOutcome
) -> None:
    nemo = Nemo(broken=[{"tool": 3, "end": end}])
    assert ended(nemo, BOOKING.book(wish())).outcome is outcome


@pytest.mark.parametrize("reply", [Unclear(), Unwilling('{"error":"database is locked"}')])
@pytest.mark.parametrize("is_done", [True, False])
def test_a_post_whose_end_is_unclear_is_looked_for_and_never_repeated_blindly(
    reply: Reply, is_done: bool
) -> None:
    nemo = Nemo(faults={1: (reply, is_done)})
    result = ended(nemo, BOOKING.book(wish()))
    assert (result.outcome, nemo.changes) == (FIRM if is_done else TENTATIVE, 1)
    again = ended(nemo, BOOKING.book(wish()))
    assert (again.outcome, len(nemo.active)) == (FIRM, 1)


def test_what_never_left_is_no_booking_and_may_be_tried_again() -> None:
    nemo = Nemo(faults={1: (NotSent(), False)})
    assert ended(nemo, BOOKING.book(wish())).outcome is TENTATIVE
    assert ended(nemo, BOOKING.book(wish())).outcome is FIRM


def test_a_refusal_with_a_reason_is_told_in_its_words() -> None:
    nemo = Nemo(faults={1: (Unwilling("Project 1 is not active"), False)})
    result = ended(nemo, BOOKING.book(wish()))
    assert (result.outcome, result.said) == (REFUSED, "Project 1 is not active")


@pytest.mark.parametrize("path", ["api/reservations/", "api/tools/", "api/scheduled_outages/"])
def test_a_source_that_says_nothing_makes_nothing_firm(path: str) -> None:
    nemo = Nemo(silent=frozenset({path}))
    result = ended(nemo, BOOKING.book(wish()))
    assert (result.outcome, result.reason) == (TENTATIVE, BookingReason.SOURCE_SILENT)
    assert nemo.changes == 0


def test_a_booking_that_could_not_be_taken_back_is_not_called_refused() -> None:
    nemo = Nemo(rows=[booked(1, note="hub:A"), booked(2)], faults={1: (Unclear(), False)})
    result = ended(nemo, BOOKING.book(wish()))
    assert (result.outcome, result.reason) == (TENTATIVE, BookingReason.NOT_CANCELLED_YET)
    assert ended(nemo, BOOKING.book(wish())).outcome is REFUSED
    assert [row["id"] for row in nemo.active] == [2]


def test_a_booking_is_given_back_once() -> None:
    nemo = Nemo()
    ended(nemo, BOOKING.book(wish()))
    back = Cancellation(order="A", now=NOW, facts=FACTS)
    for _ in range(2):
        assert ended(nemo, BOOKING.cancel(back)).outcome is BookingOutcome.CANCELLED
    assert nemo.active == []
    assert nemo.changes == 2


def schedules(steps: int) -> Iterator[list[int]]:
    """Yield every order in which two attempts of so many steps each can come."""
    for first in combinations(range(2 * steps), steps):
        yield [0 if place in first else 1 for place in range(2 * steps)]


class Attempt:
    """An attempt that goes on one question at a time."""

    def __init__(self, steps: BookingSteps) -> None:
        self._steps = steps
        self._ask: Ask | None = next(steps)
        self.result: BookingResult | None = None

    def step(self, nemo: Nemo) -> None:
        if self._ask is None:
            return
        try:
            self._ask = self._steps.send(nemo.reply(self._ask))
        except StopIteration as stop:
            self._ask, self.result = None, stop.value


STEPS = 9
"""Most questions: note, tools, areas, time, two kinds of outages, post, time, patch."""

BEFORE = 3
"""Questions whose answers no other attempt changes: the orders in which they come are one."""


def test_two_attempts_in_any_order_end_with_one_booking() -> None:
    met = set()
    for schedule in schedules(STEPS - BEFORE):
        nemo = Nemo()
        attempts = [Attempt(BOOKING.book(wish(order))) for order in "AB"]
        for each in attempts * BEFORE:
            each.step(nemo)
        for number in schedule:
            attempts[number].step(nemo)
        outcomes = [each.result.outcome for each in attempts if each.result]
        assert sorted(outcomes) == [FIRM, REFUSED], schedule
        assert len(nemo.active) == 1
        met.add(nemo.changes)
    assert met == {1, 3}, "both the early and the late refusal were met"


@pytest.mark.parametrize("when", range(STEPS + 1))
def test_a_booking_of_the_laboratorys_own_is_safe_whenever_it_comes(when: int) -> None:
    nemo = Nemo()
    attempt = Attempt(BOOKING.book(wish()))
    for number in range(STEPS + 1):
        if number == when:
            nemo.rows.append(booked(len(nemo.rows) + 1))
        attempt.step(nemo)
    assert attempt.result is not None
    own = [row for row in nemo.active if row["note"] is None]
    assert len(own) == 1
    if attempt.result.outcome is REFUSED:
        assert nemo.active == own
    else:
        assert when >= STEPS - 1, "firm only where it came after the time was read again"


def half_an_hour_later(**more: Any) -> BookingWish:
    """A wish that overlaps the booking of order A, in place of which it is."""
    later = START + timedelta(minutes=30)
    moved = {"start": later, "end": later + timedelta(hours=2), "replaces": "A", **more}
    return wish("B", **moved)


def test_a_move_books_beside_the_former_booking_and_then_takes_that_back() -> None:
    nemo = Nemo()
    ended(nemo, BOOKING.book(wish()))
    moved = ended(nemo, BOOKING.book(half_an_hour_later()))
    assert (moved.outcome, moved.reference) == (FIRM, "2")
    assert [row["id"] for row in nemo.active] == [2]
    assert (nemo.rows[0]["cancelled_by"], nemo.rows[0]["descendant"]) == (9, 2)
    assert ended(nemo, BOOKING.book(half_an_hour_later())) == moved
    assert nemo.changes == 3


def test_a_move_to_a_time_that_somebody_has_leaves_the_former_booking() -> None:
    nemo = Nemo()
    ended(nemo, BOOKING.book(wish()))
    later = START + timedelta(hours=2)
    nemo.rows.append(booked(2, start=later.isoformat(), end=(later + HOUR).isoformat()))
    result = ended(nemo, BOOKING.book(half_an_hour_later()))
    assert (result.outcome, result.reason) == (REFUSED, BookingReason.OCCUPIED)
    assert [row["id"] for row in nemo.active] == [1, 2]


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("said", [Unclear(), NotSent(), Unwilling("database is locked")])
@pytest.mark.parametrize("is_done", [True, False])
def test_a_move_that_is_broken_off_never_leaves_nothing(
    number: int, said: Reply, is_done: bool
) -> None:
    nemo = Nemo(faults={number: (said, is_done)})
    ended(nemo, BOOKING.book(wish()))
    first = ended(nemo, BOOKING.book(half_an_hour_later()))
    assert nemo.active, "one of the two stands"
    again = ended(nemo, BOOKING.book(half_an_hour_later()))
    assert again.outcome is FIRM, first
    assert [row["note"] for row in nemo.active] == ["hub:B"]


def test_what_may_not_be_posted_is_only_looked_for() -> None:
    nemo = Nemo()
    nothing = ended(nemo, BOOKING.book(wish(may_post=False)))
    assert (nothing.outcome, nothing.reason) == (
        BookingOutcome.CANCELLED,
        BookingReason.NOT_THERE,
    )
    assert nemo.changes == 0
    looked_for = Cancellation(order="A", now=NOW, facts=FACTS)
    assert ended(nemo, BOOKING.find(looked_for)).reason is BookingReason.NOT_THERE
    ended(nemo, BOOKING.book(wish()))
    assert ended(nemo, BOOKING.find(looked_for)).outcome is FIRM
    silent = replace(nemo, silent=frozenset({"api/reservations/"}))
    assert ended(silent, BOOKING.find(looked_for)).outcome is TENTATIVE

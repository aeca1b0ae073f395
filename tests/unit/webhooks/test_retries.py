"""When a message is sent again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.exchange.webhooks.limits import PAUSES_S, RETRY_AFTER_S_MAX, TRIED_FOR
from hub.exchange.webhooks.retries import next_attempt

MADE = datetime(2026, 11, 26, 23, 59, tzinfo=UTC)


def test_a_message_is_tried_at_growing_pauses_until_its_time_is_over() -> None:
    now, pauses, attempts = MADE, [], 1
    while (again := next_attempt(attempts, MADE, now, 0.5)) is not None:
        pauses.append(round((again - now).total_seconds()))
        now, attempts = again, attempts + 1
    assert pauses[: len(PAUSES_S)] == list(PAUSES_S)
    assert now == MADE + TRIED_FOR  # the last attempt
    assert timedelta(seconds=sum(pauses)) == TRIED_FOR


def test_a_receiver_may_ask_for_a_longer_pause_but_not_for_a_shorter_or_endless_one() -> None:
    assert next_attempt(1, MADE, MADE, 0.5, 3600) == MADE + timedelta(hours=1)
    assert next_attempt(1, MADE, MADE, 0.5, 1) == MADE + timedelta(seconds=5)
    longest = MADE + timedelta(seconds=RETRY_AFTER_S_MAX)
    assert next_attempt(1, MADE, MADE, 0.5, 10**9) == longest


@given(
    attempts=st.integers(1, 100),
    age_s=st.integers(0, 300_000),
    chance=st.floats(0, 1),
    asked=st.none() | st.integers(0, 10**6),
)
def test_the_next_attempt_is_later_and_within_the_time(
    attempts: int, age_s: int, chance: float, asked: int | None
) -> None:
    now = MADE + timedelta(seconds=age_s)
    again = next_attempt(attempts, MADE, now, chance, asked)
    assert (again is None) == (now >= MADE + TRIED_FOR)
    if again is not None:
        assert now < again <= MADE + TRIED_FOR


@pytest.mark.parametrize(("chance", "pause_s"), [(0.0, 4), (0.5, 5), (1.0, 6)])
def test_chance_moves_a_pause_by_a_fifth(chance: float, pause_s: int) -> None:
    assert next_attempt(1, MADE, MADE, chance) == MADE + timedelta(seconds=pause_s)

"""`retries`: when a message is sent again; pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.exchange.webhooks.limits import JITTER, PAUSES_S, RETRY_AFTER_S_MAX, TRIED_FOR


def next_attempt(
    attempts: int, made_at: datetime, now: datetime, chance: float, retry_after_s: int | None = None
) -> datetime | None:
    """Return when to try again after `attempts` failures, or None: the message is dead.

    `chance` is from 0 to 1, for the length of the pause. `retry_after_s`: how long the receiver
    asked to be left alone; it makes a pause longer, never shorter. The last attempt comes when the
    time is over, whatever the pause would be.
    """
    ends = made_at + TRIED_FOR
    if now >= ends:
        return None
    pause_s = PAUSES_S[min(attempts, len(PAUSES_S)) - 1] * (1 + JITTER * (2 * chance - 1))
    asked_s = min(retry_after_s or 0, RETRY_AFTER_S_MAX)
    return min(now + timedelta(seconds=max(pause_s, asked_s)), ends)

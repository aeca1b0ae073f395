"""`power`: how long what a sensor said of an instrument's power holds, in SQL."""

from __future__ import annotations


def is_heard(row: str, now: str) -> str:
    """Return the condition that a row of `power_state` holds at `now`; null: it was never heard.

    A state is good for the silence of its sensor after its newest reading, whatever that said.
    """
    return f"{row}.as_of + make_interval(mins => {row}.silence) >= {now}"

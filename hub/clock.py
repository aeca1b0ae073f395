"""`clock`: the only place where the hub asks what time it is.

- A `Clock` returns an aware UTC instant; code receives one and never calls `datetime.now` itself.
- Pure code takes `now` as an argument instead.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present instant, aware and in UTC."""


def system_clock() -> datetime:
    """Return the present instant of this machine in UTC."""
    return datetime.now(UTC)

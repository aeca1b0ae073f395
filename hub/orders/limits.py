"""Bounds of booking."""

from __future__ import annotations

BOOKING_S = 20.0
"""Most seconds that one attempt to book asks its source; then the order stays tentative."""
STEPS_MAX = 40
"""Most questions of one attempt."""
LOCK_WAIT_MS = 30_000
"""Most milliseconds that an attempt waits for another one at the same instrument."""

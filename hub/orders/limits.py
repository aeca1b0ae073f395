"""Bounds of booking."""

from __future__ import annotations

BOOKING_S = 20.0
"""Most seconds that one attempt to book asks its source; then the order stays tentative."""
STEPS_MAX = 40
"""Most questions of one attempt."""
LOCK_WAIT_MS = 30_000
"""Most milliseconds that an attempt waits for another one at the same instrument."""
BOOKINGS_AT_ONCE = 2
"""Attempts for partners that one worker makes at once: each holds a connection that writes …"""
BOOKINGS_OF_ONE = 1
"""… of them those of one client …"""
BOOKINGS_WAITING = 8
"""… and what of one client may wait …"""
BOOKING_TURN_S = 30.0
"""… for so long."""
ORDER_CHARACTERS_MAX = 64
"""Characters of the number that a client gives an order: booked at the source with the client's."""
BOOKING_COST = 200
"""What a booking or its cancellation costs a caller: its source is asked several times."""

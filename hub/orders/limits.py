"""Bounds of booking."""

from __future__ import annotations

from datetime import timedelta

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
FORWARDED_AT_ONCE = 8
"""Orders that one worker has under way at other hubs."""
BOOKING_TURN_S = 30.0
"""… for so long."""
ORDER_CHARACTERS_MAX = 64
"""Characters of the number that a client gives an order: booked at the source with the client's."""
BOOKING_COST = 200
"""What a booking or its cancellation costs a caller: its source is asked several times."""
STEP_COST = 50
"""What the statement of a step costs a caller."""
LOOK_COST = 20
"""What a look at an order costs a caller: another hub may be asked for it."""
FORWARD_S = 60.0
"""Most seconds that the home hub of an instrument is waited for: others may book there first."""
OPEN_ORDERS_AT_ONCE = 50
"""Orders that one look at what is open works on."""
USAGE_DAYS = 100
"""Use is looked for of orders that began in so many days: sources are read as far back."""
USAGES_AT_ONCE = 500
"""Pairs of an order and a use that one look reads."""
FORWARDED_DAYS = 100
"""So long after its time an order is asked about at its home hub: use is looked for as far back."""
OPEN_LOOK_S = 60.0
"""Seconds between two looks at what is open."""
GIVEN_UP_AFTER = timedelta(minutes=15)
"""So long after it was asked for, an order that is still open is given up."""

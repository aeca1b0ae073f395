"""Bounds of the reading of sensors."""

from __future__ import annotations

OVERLAP_AFTER_S = 3_600.0
"""A reading older than this that contradicts its minute is of a wrong clock, not of a late road."""
QUARANTINE_EVERY_S = 3_600.0
"""Of one topic and reason one message in so long goes to quarantine; every one is counted."""
QUARANTINE_KNOWN_MAX = 20_000
"""Topics and reasons of which that is known."""
METERS_MAX = 200_000
"""Sensors of one source."""
METERS_EVERY_S = 60.0
"""How often it is looked which sensors are bound to what."""
HEARD_EVERY_S = 60.0
"""How often it is noted at the source that it was heard."""
LOOK_S = 15.0
"""How often it is looked for new sources, and for those whose other worker has ended."""
BACKOFF_S, BACKOFF_S_MAX = 0.5, 60.0
"""Pause before a broker is tried again; doubles each time, with jitter."""
READING_S_MAX = 10.0 * 366 * 86_400
"""A stream has no end: its bounds are those of its batches."""
TELL_EVERY_S = 60.0
"""How often it is looked for days to state."""
TELL_AFTER_S = 600.0
"""How long after midnight a day is stated: what was on its way at midnight has come."""
SETTLE_S = 60.0
"""A day to which readings come late is stated again when none came for so long."""
TOLD_AT_ONCE = 1_000
"""Days that one batch states."""
TOLD_BATCHES_MAX = 1_000
"""Batches of one look."""
STATES_SHOWN_MAX = 10_000
"""States that are listed at once."""
STOP_S = 8.0
"""Longest wait for a batch in hand when the hub ends."""

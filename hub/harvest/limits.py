"""Bounds of a harvest."""

from __future__ import annotations

from datetime import timedelta

from hub.intake.limits import IDEMPOTENCY_KEPT_DAYS

BATCH_ROWS_MAX = 2_000
"""Rows that are handed to intake at once."""
SHRINK_SHARE = 0.2
"""A list that lost more than this share of its records waits for the operator."""
SHRINK_COUNT_MIN = 5
"""Losing fewer records than this is not called shrinking, however short the list."""
MESSAGE_CHARACTERS_MAX = 500
"""Characters of an error that the run keeps."""
ADDITIONS_MAX = 100
"""Names of added fields that a report lists."""
RUNS_MAX = 4
"""Harvests of one process at a time; each holds a connection to the database while it runs."""
RUN_S_MAX = 3_600.0
"""Longest run that the hub begins by itself: a source that drips must not keep its place."""
POSITION_AGE_S_MAX = 6 * 3_600.0
"""A list that was cut off longer ago is read from its beginning."""
SUPERSEDED_PAGES_MAX = 1_000
"""Pages of old quarantine rows that one run discards."""
FINISH_S_MAX = 5.0
"""Longest wait for a run that was cancelled to be noted as ended."""
OPEN_RUNS_MAX = 1_000
"""Runs that are looked at in one turn to find those that were cut off."""
LOOK_S_MIN = 0.1
"""Shortest pause before the sources are looked at again, however soon one is due."""
LOOK_S_MAX = 60.0
"""Longest pause: after it a file that was added or changed is noticed."""
LOOK_FAILED_S = 60.0
"""Pause after the sources could not be looked at: the database is away, as a rule."""
DROP_FILES_MAX = 200
"""Files of one folder that one run takes in; more come with the next look."""
DROP_REFUSED_AGAIN = timedelta(days=1)
"""After so long a refused file is tried again, though it and its mapping are the same."""
DROP_WRITING_FOR = timedelta(days=IDEMPOTENCY_KEPT_DAYS - 1)
"""So long it is tried to write an answer back: later the same file would be a new request."""
RUNS_SHOWN_MAX = 500
"""Runs that are listed at once, the newest ones."""

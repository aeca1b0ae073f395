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
FULL_READING_S = 24 * 3_600.0
"""After so long a list is read whole, whatever its source says of it: for one that calls a changed
list unchanged, or does not name all that changed."""
CHANGED_LOOKBACK = timedelta(days=7)
"""What changed is asked for since so long before the last reading."""
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
CERTIFICATE_WARN_DAYS = 30
"""A certificate of a source that ends sooner is told by `deltahub source check`."""
CLOCK_WARN_S = 60.0
"""A clock of a source that is off by more is told."""
CLOCK_FAIL_S = 86_400.0
"""One that is off by this much makes every window of time a wrong question."""
CHECK_ROWS_MAX = 20_000
"""Rows of one list that a check reads; a longer list is not read to its end."""
CHECK_S_MAX = 300.0
"""Longest check of one list."""
FIELDS_MAX = 500
"""Fields of one list whose form is watched."""
NUMBERS_MAX = 1_000
"""Numbers of one field of which the median is taken, the first that come."""
UNIT_NUMBERS_MIN = 5
"""Fewer numbers say nothing about a unit."""
UNIT_TOLERANCE = 0.1
"""How far from a factor of units the medians of two readings may be."""
GONE_ROWS_MIN = 5
"""Rows of one document that show that a field is gone which every row had."""
DRIFTS_MAX = 200
"""Changes of one list that a run tells."""
CODE_SHOWN_MAX = 40
"""Characters of an unknown code that are kept."""
WATCH_S = 2.0
"""Time between two looks at a run that goes on: whether it was cancelled, how far it is."""
CANCEL_WAIT_S = 15.0
"""How long `deltahub source cancel` waits for the run to end."""
RETRY_FIRST_S = 60.0
"""Pause after a run that failed; it doubles with each one that fails after it."""
RETRY_S_MAX = 3_600.0
"""Longest such pause; the schedule of a feed that is asked more often comes before it."""
FAILURES_HOURS = 48
"""Failed runs that are older do not lengthen the pause."""

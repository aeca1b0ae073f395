"""Bounds of a harvest."""

from __future__ import annotations

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

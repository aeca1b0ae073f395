"""Bounds of the audit."""

from __future__ import annotations

AUDIT_KEPT_DAYS = 1_096
"""Days for which rows are kept; after them whole days go, and their roots stay in the log."""
GRACE_S = 900
"""Seconds after the end of a day (UTC) until its root is made; no transaction lasts longer."""
DAYS_PER_TURN = 40
"""Days whose root is made in one turn of housekeeping."""
ROWS_PER_TURN = 5_000
"""Rows that are hashed before other work of the process gets its turn."""
PAGE_MAX = 200
"""Rows of one page."""
REASON_CHARACTERS = range(10, 301)
"""Characters of the reason for reading past agreements."""

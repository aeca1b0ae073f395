"""Bounds of the front page."""

from __future__ import annotations

KEPT_S = (60.0, 600.0)
"""How old a count may be, at least and at most: a hundred times as long as it took."""
TIMES_KEPT = 100
FAILED_KEPT_S = 30.0
"""How long a document that was not answered is left alone."""
CACHED_S = 10
"""How long others may keep the figures."""
CLASSES_SHOWN = 10

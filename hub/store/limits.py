"""`limits`: bounds of the store."""

from __future__ import annotations

SOURCES_MAX = 10_000

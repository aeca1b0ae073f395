"""Bounds of what is kept."""

from __future__ import annotations

SOURCES_MAX = 10_000

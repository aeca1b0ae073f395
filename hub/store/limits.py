"""`limits`: bounds of the store."""

from __future__ import annotations

SOURCES_MAX = 10_000
PAIRS_FOUND_MAX = 20_000
"""Pairs of keys that may name one thing, of one record type; those beyond come when some of these
are decided."""
SHARED_MAX = 20
"""Records that share one identifier; where more do, it identifies nothing."""
EXPLAINED_MAX = 20
"""Records of one key that are explained; systems may give one number each."""
TOGETHER_MAX = 200
"""Askers that one statement answers, where many ask the same kind of thing at once."""

"""Bounds of an erasure."""

from __future__ import annotations

CLAIMS_MAX = 1_000
"""Statements (source, authority, key) that are erased at once; more is several orders."""
ENTRIES_MAX = 50_000
"""Entries of these statements, all revisions counted."""
TEXT_CHARACTERS = range(2, 201)
"""Characters of a text that is searched for; a single one would be found everywhere."""
PER_STATEMENT = 64
"""Commitments, sources or parties that one Erasure names; more are named by further ones."""
LINE_BYTES_MAX = 16 << 20
"""Bytes of a line in the list of erasures."""
STATEMENT_TIMEOUT = "1h"
"""Longest statement of an erasure: a search reads every body, scrubbing rewrites whole tables."""

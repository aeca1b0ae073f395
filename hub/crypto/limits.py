"""Bounds of what is read before it is known who sent it."""

from __future__ import annotations

TOKEN_CHARACTERS_MAX = 8_192
"""Characters of a compact JWS."""
DEPTH_MAX = 16
"""Levels of a token's JSON."""
KEYS_KEPT_MAX = 20_000
"""Imported public keys that are kept."""

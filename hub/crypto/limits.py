"""Bounds of what is read before it is known who sent it."""

from __future__ import annotations

TOKEN_CHARACTERS_MAX = 8_192
"""Characters of a compact JWS."""
DEPTH_MAX = 16
"""Levels of a token's JSON."""
KEYS_KEPT_MAX = 20_000
"""Imported public keys that are kept."""
HEADERS_KEPT_MAX = 4_096
"""Headers of tokens and proofs that are kept as they were read …"""
HEADER_KEPT_CHARACTERS = 512
"""… where they are no longer than this: a proof's, with its key, has about 220."""

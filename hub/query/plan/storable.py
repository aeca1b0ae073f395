"""`storable`: which texts PostgreSQL can store."""

from __future__ import annotations

__all__ = ["is_storable"]


def is_storable(text: str) -> bool:
    """Tell whether a text holds no U+0000 and no half of a character (lone surrogate)."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

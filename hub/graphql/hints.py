"""`hints`: type hints of derived types, which exist only when the program runs."""

from __future__ import annotations

from types import GenericAlias
from typing import Any


def many(hint: Any) -> Any:
    """Return the hint of a list without nulls."""
    return GenericAlias(list, (hint,))

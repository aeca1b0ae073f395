"""`hints`: type hints of types that are created at run time."""

from __future__ import annotations

from types import GenericAlias
from typing import Any


def many(hint: Any) -> Any:
    """Return the hint of a list without nulls."""
    return GenericAlias(list, (hint,))

"""`read_answer`: the JSON of a source, exactly and strictly.

Fractions come as `Decimal`. `NaN` and `Infinity` are no JSON, and a member that stands twice in one
object would be two things to two readers (RFC 7493 section 2.3): both are refused. What the same
rules are for what people send, `schema.strict_json` says; transport does not know the standard.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, NoReturn

__all__ = ["read_answer"]


def read_answer(text: str) -> Any:
    """Return the value of a JSON text; `ValueError` says what is wrong with it."""
    try:
        return json.loads(
            text,
            parse_float=Decimal,
            parse_constant=_no_constant,
            object_pairs_hook=_without_repeats,
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return members

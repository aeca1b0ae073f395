"""`holds`: whether a condition of a mapping holds in a row."""

from __future__ import annotations

from adapters.mapping.model import Condition
from adapters.mapping.table import SourceRow, is_blank, text_of, trimmed
from adapters.mapping.values import Reading


def holds(condition: Condition, row: SourceRow, reading: Reading) -> bool:
    """Tell whether a row is one of those that a condition means."""
    content = reading.places[condition.column].get(row)
    blank = is_blank(content, reading.facts.empty)
    if condition.test in ("filled", "empty"):
        return blank is (condition.test == "empty")
    texts = condition.texts
    if isinstance(content, bool):
        # A spreadsheet shows TRUE, a JSON file says true: either word means it.
        texts = frozenset(each.casefold() for each in texts)
    return (trimmed(text_of(content)) in texts) is (condition.test == "is")

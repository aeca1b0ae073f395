"""`holds`: whether a condition of a mapping holds in a row."""

from __future__ import annotations

from functools import lru_cache

from adapters.mapping.model import Condition
from adapters.mapping.table import SourceRow, is_blank, text_of, word_of
from adapters.mapping.values import Reading


def holds(condition: Condition, row: SourceRow, reading: Reading) -> bool:
    """Tell whether a row is one of those that a condition means."""
    content = reading.places[condition.column].get(row)
    blank = is_blank(content, reading.facts.empty)
    if condition.test in ("filled", "empty"):
        return blank is (condition.test == "empty")
    texts = _words(condition.texts)
    if isinstance(content, bool):
        # A spreadsheet shows TRUE, a JSON file says true: either word means it.
        texts = frozenset(each.casefold() for each in texts)
    return (word_of(text_of(content)) in texts) is (condition.test == "is")


@lru_cache(maxsize=256)
def _words(texts: frozenset[str]) -> frozenset[str]:
    return frozenset(map(word_of, texts))

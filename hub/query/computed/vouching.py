"""`vouching`: whether a source is registered for the owner of what it states, in SQL."""

from __future__ import annotations


def is_for_owner(claim: str, source: str) -> str:
    """Return the condition that the source `source` speaks for the owner of the row `claim`.

    A source is registered for institutions by the keys that it states. Where links have given the
    owner another name since, the entry has the key that was stated; it is looked for only then.
    """
    return (
        f"({source}.owners IS NULL OR {claim}.owner = ANY({source}.owners)"
        f" OR EXISTS (SELECT FROM entry e WHERE e.entry_id = {claim}.entry_id"
        f" AND e.owner = ANY({source}.owners)))"
    )

"""`vouching`: whether a source is registered for the owner of what it states, in SQL."""

from __future__ import annotations


def is_for_owner(claim: str, source: str) -> str:
    """Return the condition that `source` is registered for the owner of the row `claim`.

    Sources are registered with the keys that they themselves use. Where a link has renamed the
    owner since, only the entry has that key: it is read when the present name does not match.
    """
    return (
        f"({source}.owners IS NULL OR {claim}.owner = ANY({source}.owners)"
        f" OR EXISTS (SELECT FROM entry e WHERE e.entry_id = {claim}.entry_id"
        f" AND e.owner = ANY({source}.owners)))"
    )

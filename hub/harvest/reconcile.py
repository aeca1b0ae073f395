"""`reconcile`: what a whole reading of a source says about records that it did not name; pure.

- A record that the source calls cancelled, moved or missed is withdrawn, if the hub has it.
- A record that a whole list no longer names is withdrawn too, unless the list came back empty or
  lost more than a fifth of its records: then a person looks first. An empty answer is far more
  often a broken source than an empty laboratory.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from hub.harvest.limits import SHRINK_COUNT_MIN, SHRINK_SHARE

__all__ = ["NOTHING_APPROVED", "ApprovedChanges", "Reconciliation", "reconcile"]

NOT_REPORTED = "NOT_REPORTED: the source no longer names it"


@dataclass(frozen=True, slots=True)
class ApprovedChanges:
    """What the operator has looked at and wants followed in one run."""

    shrink: bool = False
    """A list that lost more than a fifth of its records."""
    growth: bool = False
    """A list that holds more records than its source's metadata allow."""


NOTHING_APPROVED = ApprovedChanges()


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What to withdraw, by key with the reason, and whether the rest waits for the operator."""

    withdraw: Mapping[str, str]
    held: bool = False


def reconcile(
    known: Set[str],
    seen: Set[str],
    gone: Mapping[str, str],
    *,
    whole: bool,
    approved: bool = False,
) -> Reconciliation:
    """Decide for one record type.

    `known`: keys the hub holds that this reading should have named; `seen`: keys it named; `gone`:
    keys it called ended, with the reason; `whole`: every list of this type was read to its end;
    `approved`: the operator has looked at a shrunk list. An empty one is never followed.
    """
    stated = {key: reason for key, reason in gone.items() if key in known and key not in seen}
    missing = known - seen - gone.keys()
    if not whole or not missing:
        return Reconciliation(stated)
    lost = len(missing) - len(seen - known)
    shrunk = lost >= SHRINK_COUNT_MIN and lost > SHRINK_SHARE * len(known)
    if not (seen or gone) or (shrunk and not approved):
        return Reconciliation(stated, held=True)
    return Reconciliation(stated | dict.fromkeys(missing, NOT_REPORTED))

"""`parties`: whose data a record is and who may state it, as its declaration says.

- The owner is whose data it is: rules on rows, agreements and partitions read it.
- The issuer is who may state, change and withdraw it: signatures and withdrawals read it. A record
  that declares none is issued by its owner.
- Both follow from the record's own items, so that whoever holds a record can name them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

HUB_PARTY = "hub:"
"""How the party id of a hub starts."""
OPERATOR = "operator"
"""Issuer of what only the operator of a hub states; the name of no institution."""


@dataclass(frozen=True, slots=True)
class PartyItem:
    """The item of a record that names a party, by its snake_case name."""

    item: str
    is_key_of_owned: bool = False
    """The item holds the key of something that the party owns: `<party>/<number>`."""

    def of(self, wire: Mapping[str, Any], wire_name: str) -> str:
        """Return the party that a conforming wire object names."""
        text = str(wire[wire_name])
        return text.partition("/")[0] if self.is_key_of_owned else text


def party_in(item: str) -> PartyItem:
    """Return the party whose key an item holds."""
    return PartyItem(item)


def owner_of_key_in(item: str) -> PartyItem:
    """Return the party that an item's key begins with: `<party>/<number>`."""
    return PartyItem(item, is_key_of_owned=True)


class Effect(Enum):
    """What a record does beside stating something."""

    FACT = "fact"
    """It states a fact about its owner."""
    RIGHT = "right"
    """It lets somebody do or see what they else may not (an agreement, a mandate)."""
    DECISION = "decision"
    """It judges its owner (an approval, a grade, an award); nobody decides on himself."""

    @property
    def is_binding(self) -> bool:
        """Whether only its issuer itself, or the operator, may vouch for it."""
        return self is not Effect.FACT

"""`sight`: which stored customs records somebody may see, by the rules that the records declare.

The owner, whom the owner granted its customs data, and the office that supervises an item in term
are told what an answer rests on. Others are told the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.access.grants import PartyGrants
from hub.access.visibility import Subject, holds
from hub.customs.question import Row, StoredCustoms
from schema.item import camel
from schema.registry import Registry
from schema.visibility import Rule

SUPERVISION = "CustomsSupervision"
APPROVAL = "CustomsApproval"
TYPES = (SUPERVISION, APPROVAL, "CustomsReport", "DutyPayment")


@dataclass(frozen=True, slots=True)
class CustomsSight:
    """The records that somebody may see, by type. `is_told`: the reasons too name such records."""

    rows: Mapping[str, tuple[Row, ...]]
    is_told: bool

    @property
    def notices(self) -> frozenset[str]:
        """The numbers of the notices."""
        return frozenset(row["notice_no"] for row in self.rows[APPROVAL])

    @property
    def read(self) -> tuple[tuple[str, str, str], ...]:
        """Record type, identity and owner of each record."""
        return tuple(
            (name, row["item_id"], row["owner"]) for name, rows in self.rows.items() for row in rows
        )


NOTHING_SEEN = CustomsSight(dict.fromkeys(TYPES, ()), is_told=False)


def sight_of(stored: StoredCustoms, registry: Registry, grants: PartyGrants) -> CustomsSight:
    """Return what a party with `customs:read` may see of the records of one instrument."""
    rules = {name: registry[name].rows for name in TYPES}
    rows = {
        name: tuple(row for row in found if holds(rules[name], _subject(row, rules[name]), grants))
        for name, found in zip(TYPES, stored.by_type, strict=True)
    }
    of_owner = Subject(owner=stored.instrument["owner"], issuer="", wire={})
    is_told = bool(rows[SUPERVISION]) or holds(rules[SUPERVISION], of_owner, grants)
    return CustomsSight(rows, is_told)


def _subject(row: Row, rule: Rule) -> Subject:
    items = [*rule.named, *(name for term in rule.supervised for name in term.items)]
    return Subject(
        owner=row["owner"], issuer=row["issuer"], wire={camel(name): row[name] for name in items}
    )

"""`table`: reads `matrix.toml` and answers what a cell must be; knows nothing of the hub.

- A role stands to a row in some ways (own, named, granted …, sent, other); what it may is what the
  lines of the table for these ways give together.
- Asking for a way of which the table says nothing fails: the table is complete or the test is red.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("matrix.toml")
KINDS = ("public", "asset", "service", "voucher", "customs", "person")
"""Kinds of items, each read with a scope of its own."""
SCOPES = {
    "public": ("catalogue:read",),
    "receipt": ("receipt:read",),
    "push": ("records:push",),
    "withdraw": ("records:withdraw",),
    "operator": ("operator:*",),
}


def scopes_of(words: str) -> tuple[str, ...]:
    """Return the scopes that words of the table stand for."""
    return tuple(scope for word in words.split() for scope in SCOPES.get(word, (f"{word}:read",)))


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the world: whose it is, whom it names, and what it states now."""

    record: str
    key: str
    owner: str
    """Short name of a party of the table."""
    named: str | None
    source: str
    supervised: str | None
    """How it stands to the office of the table, which supervises the owner's instruments."""
    wire: Mapping[str, Any] = field(hash=False, compare=False)


@dataclass(frozen=True)
class Sight:
    """What a role may of a row."""

    rows: frozenset[str]
    items: frozenset[str]
    history: bool
    sender: bool


class Table:
    """The table, and what follows from it for a cell."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.parties: dict[str, Any] = data["party"]
        self.agreements: list[dict[str, Any]] = data["agreement"]
        self.records: dict[str, Any] = data["record"]
        self.scope_of_rows: dict[str, str] = data["scope_of_rows"]
        self.roles: dict[str, Any] = data["role"]
        self.rights: list[dict[str, Any]] = data["right"]
        self.doors: dict[str, Any] = data["door"]
        self.to_see = str(data["seeing"]["to_see"])
        self.decider = str(data["deciding"]["source"])
        self.office = str(data["supervising"]["office"])
        self.sources: dict[str, Any] = data["source"]
        self.writes: list[dict[str, Any]] = data["write"]
        self._by_way = {(role, line["row"]): line for line in self.rights for role in line["roles"]}
        assert len(self._by_way) == sum(len(line["roles"]) for line in self.rights), "said twice"
        self.unused = set(self._by_way)
        self._kinds = {
            (record, item): kind
            for record, said in self.records.items()
            for kind in KINDS
            for item in said.get(kind, ())
        }
        self.sight = lru_cache(maxsize=None)(self._sight)

    def key(self, party: str) -> str:
        """Return the key of a party by its short name."""
        return str(self.parties[party]["key"])

    def items(self, record: str) -> list[str]:
        """List the items of a record type that the table names."""
        return [item for named, item in self._kinds if named == record]

    def kind(self, record: str, item: str) -> str:
        """Return the kind of an item."""
        return self._kinds[record, item]

    def has_scope(self, role: str, kind: str) -> bool:
        """Whether the token of a role carries the scope of a kind of items."""
        return kind in self.roles[role]["scopes"].split()

    def passes(self, role: str, door: str) -> bool:
        """Whether a role passes a door at all."""
        return self.has_scope(role, self.doors[door]["needs"])

    def ways(self, role: str, row: Row) -> list[str]:
        """List the ways in which a row stands to a role."""
        said = self.roles[role]
        party = said.get("party")
        found = ["other"]
        if party == row.owner:
            found.append("own")
        if party is not None and party == row.named:
            found.append("named")
        if row.owner in said.get("granted", {}):
            found.append(said["granted"][row.owner])
        if party == self.office and row.supervised is not None:
            found.append(row.supervised)
        if row.source in said.get("sources", ()):
            found.append("sent")
        return found

    def _sight(self, role: str, row: Row) -> Sight:
        ways = [(role, way) for way in self.ways(role, row)]
        self.unused -= set(ways)
        lines = [self._by_way[way] for way in ways]
        return Sight(
            frozenset(word for line in lines for word in line["rows"].split()),
            frozenset(word for line in lines for word in line["items"].split()),
            any(line.get("history", False) for line in lines),
            any(line.get("sender", False) for line in lines),
        )

    def sees(self, role: str, row: Row) -> bool:
        """Whether a role sees that a row is there."""
        rows = self.records[row.record]["rows"]
        return self.has_scope(role, self.to_see) and rows in self.sight(role, row).rows

    def reads(self, role: str, row: Row, item: str) -> bool:
        """Whether a role reads an item of a row."""
        may = self.sight(role, row).items
        return self.sees(role, row) and (self._kinds[row.record, item] in may or item in may)

    def reads_all(self, role: str, row: Row, stated: Mapping[str, Any]) -> bool:
        """Whether a role reads all that was stated of a row."""
        return self.sees(role, row) and all(self.reads(role, row, item) for item in stated)

    def proof(self, role: str, row: Row, stated: Mapping[str, Any], *, stands: bool) -> str:
        """Return what a role has of an entry: "all", "state" or "nothing"."""
        sight = self.sight(role, row)
        if sight.sender:
            return "all"
        if not self.sees(role, row) or not (stands or sight.history):
            return "nothing"
        return "all" if self.reads_all(role, row, stated) else "state"


def read_table() -> Table:
    """Read the table that was written by hand."""
    return Table(tomllib.loads(TABLE.read_text("utf-8")))

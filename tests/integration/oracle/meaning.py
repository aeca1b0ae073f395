"""`meaning`: rows as plain values, who may see them, which of them a filter finds, in which order.

- Knows the names and the grades of the standard's items and nothing else of the project.
- Written from the rules in words (agreements, grades, absent values last), row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from schema.item import Grade, Item
from schema.registry import standard

ROW_SCOPE = {
    **dict.fromkeys(("UsageRecord", "ServiceRecord", "ServiceOrder", "PowerDay"), "service:read"),
    **dict.fromkeys(
        ("CustomsSupervision", "CustomsApproval", "CustomsReport", "DutyPayment"), "customs:read"
    ),
    **dict.fromkeys(
        (
            "Voucher",
            "VoucherClaim",
            "VoucherMovement",
            "VoucherFinding",
            "ProviderRegistration",
            "RelationStatement",
        ),
        "voucher:read",
    ),
}
"""Records whose rows as such are protected, and by which scope."""
PROVINCES = {"31": "SHANGHAI", "32": "JIANGSU", "33": "ZHEJIANG", "34": "ANHUI"}

LISTED = ("GB/T 32847", "GB/T 14885")
"""Schemes whose classes above others may be written as whole codes."""


def owner_in(wire: Mapping[str, Any]) -> str:
    """Return the institution that a record belongs to."""
    found = wire.get("institutionKey") or wire.get("providerKey")
    return str(found or wire["instrumentKey"].partition("/")[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Claim:
    """What one source says of one thing, with all that is known of that."""

    source: str
    wire: Mapping[str, Any]
    key: str
    as_of: datetime
    heard: datetime
    """When the source last said so; not before `as_of`."""
    accepted_at: datetime
    revision: int
    entry_id: int
    assurance: str
    channel: str
    party: str

    @property
    def owner(self) -> str:
        """Return the institution that it belongs to."""
        return owner_in(self.wire)


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """One record as it is shown. `lead`: the claim that is believed first."""

    kind: str
    key: str
    id: str
    wire: Mapping[str, Any]
    authority: str
    lead: Claim
    claims: Sequence[Claim]
    kinds: Mapping[str, str]
    """What each source is to the owner."""
    chosen: Mapping[str, str]
    """Items that the lead does not state, and the source of each."""
    touched_at: datetime
    """When the hub last took in what some source says of it, or that it says it no longer."""

    def get(self, name: str) -> Any:
        """Return an item, or the key."""
        return self.key if name == "key" else self.wire.get(name)

    @property
    def owner(self) -> str:
        """Return the institution that the row belongs to."""
        return owner_in(self.wire)

    @property
    def accepted_at(self) -> datetime:
        """Return when the hub took in what is believed first."""
        return self.lead.accepted_at


@dataclass(frozen=True)
class Asker:
    """Who asks, on which day in Shanghai."""

    party: str | None
    scopes: frozenset[str]
    today: date


ITEMS = {(kind, item.wire): item for kind, spec in standard().specs.items() for item in spec.items}


def item_of(kind: str, name: str) -> Item | None:
    """Return the item that a field of a record shows."""
    return ITEMS.get((kind, name))


def is_public(item: Item) -> bool:
    """Say whether whoever sees a row may read an item of it."""
    return item.grade is Grade.L1


# -- who may see ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rights:
    """What one caller may see."""

    asker: Asker
    agreements: Sequence[Row]
    """Those with the caller that are valid today."""

    @classmethod
    def of(cls, asker: Asker, agreements: Sequence[Row]) -> Rights:
        """Return the rights that some agreements give."""
        today = asker.today.isoformat()
        valid = [
            each
            for each in agreements
            if each.wire["consumerKey"] == asker.party
            and each.wire.get("validFrom", today) <= today <= each.wire.get("validUntil", today)
        ]
        return cls(asker, valid)

    def has_row_scope(self, kind: str) -> bool:
        """Say whether rows of a record may be asked for at all."""
        scope = ROW_SCOPE.get(kind)
        return scope is None or scope in self.asker.scopes

    def sees_row(self, row: Row) -> bool:
        """Say whether the caller may know that a row is there."""
        if row.kind in ROW_SCOPE:
            return self.has_row_scope(row.kind) and self._is_granted(row, "SERVICE", None)
        if row.kind == "Agreement":
            return self.asker.party in (row.wire["providerKey"], row.wire["consumerKey"])
        return True

    def sees(self, row: Row, item: Item) -> bool:
        """Say whether the caller may see a row's value of an item."""
        if is_public(item):
            return True
        dataset = item.scope.removesuffix(":read").upper()
        return item.scope in self.asker.scopes and self._is_granted(row, dataset, item)

    def _is_granted(self, row: Row, dataset: str, item: Item | None) -> bool:
        """Say whether the caller may see what a data set holds of a row: all of it, or one item."""
        party = self.asker.party
        if party is None:
            return False
        if row.owner == party:
            return True
        personal = item is not None and item.grade is Grade.L4
        if not personal and party in (row.get("userKey"), row.get("consumerKey")):
            return True
        return any(
            each.wire["providerKey"] == row.owner
            and each.wire["dataset"] == dataset
            and (not (named := each.wire.get("fields")) or item is None or item.wire in named)
            for each in self.agreements
        )


# -- which rows a filter finds --------------------------------------------------------------------


def given(said: Any) -> Any:
    """Return a condition without the members that are null, which say nothing."""
    if not isinstance(said, dict):
        return said
    return {name: value for name, value in said.items() if value is not None}


def filtered(kind: str, name: str) -> Item | None:
    """Return the item that a member of a filter is about; None for what every row has."""
    if name in ("provinces", "updatedSince"):
        return None
    if name == "division":
        return item_of(kind, "divisionCode") or item_of(kind, "place")
    return item_of(kind, name)


def holds(row: Row, name: str, said: Any, rights: Rights) -> bool:
    """Say whether one member of a filter holds for a row."""
    said = given(said)
    if name == "updatedSince":
        return bool(row.touched_at >= said)
    if name == "provinces":
        return _province(row) in said
    item = filtered(row.kind, name)
    assert item is not None
    if not said:
        return True  # nothing is asked
    value = row.get(item.wire)
    return value is not None and rights.sees(row, item) and _fits(item, value, said)


def _fits(item: Item, value: Any, said: Any) -> bool:
    """Say whether a value is as a condition says."""
    if item.many:
        return any(_is_of_class(code, given(each)) for code in value for each in said)
    if item.value is None:
        return _compares(value, said)
    if "divisionCode" in {member.wire for member in item.value.items}:
        return "divisionCode" in value and _compares(value["divisionCode"], said)
    bounds = {name: bound for name, bound in said.items() if name != "currency"}
    is_it = value["currency"] == said.get("currency", "CNY")
    return is_it and _compares(Decimal(value["amount"]), bounds)


def _compares(value: Any, said: Mapping[str, Any]) -> bool:
    """Say whether every comparison holds."""
    tests: dict[str, Callable[[Any], bool]] = {
        "eq": lambda wanted: value == wanted,
        "in": lambda wanted: value in wanted,
        "startsWith": lambda wanted: wanted != "" and value[: len(wanted)] == wanted,
        "prefix": lambda wanted: value.lower().startswith(wanted.lower()),
        "contains": lambda wanted: wanted.lower() in value.lower(),
        "gte": lambda wanted: _like(value, wanted) >= wanted,
        "lte": lambda wanted: _like(value, wanted) <= wanted,
        "lt": lambda wanted: _like(value, wanted) < wanted,
    }
    return all(tests[name](wanted) for name, wanted in said.items())


def _like(value: Any, wanted: Any) -> Any:
    """Read a value as the kind that it is compared with."""
    return datetime.fromisoformat(value) if isinstance(wanted, datetime) else value


def _is_of_class(code: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Say whether a class is the one wanted, or below it; classes nest by pairs of digits."""
    if code["scheme"] != wanted["scheme"]:
        return False
    exact, under = wanted.get("code"), wanted.get("under")
    if exact is not None and code["code"] != exact:
        return False
    if under is None or code["code"] == under:
        return True
    if wanted["scheme"] in LISTED:  # 010100 is the class that 0101 begins
        while len(under) > 2 and under.endswith("00"):
            under = under[:-2]
    return (len(code["code"]) - len(under)) % 2 == 0 and code["code"].startswith(under)


def _province(row: Row) -> str | None:
    """Return the province of a row: of its division, else of its owner's registration."""
    place = row.wire if row.kind == "Institution" else row.wire.get("place", {})
    digits = place.get("divisionCode", "")[:2]
    if not digits and row.owner.startswith("uscc:"):
        digits = row.owner[7:9].replace("10", "")  # the national register is no place
    return PROVINCES.get(digits, "OTHER") if digits else None


# -- in which order -------------------------------------------------------------------------------

Place = Callable[[Row], tuple[Any, ...]]


def orders(kind: str, names: Sequence[str]) -> list[tuple[Item, bool]]:
    """Return (item, descending) of each key; without any, the name where a record has one."""
    if not names and (named := item_of(kind, "name")) and named.facts.sortable:
        return [(named, False)]
    parts = [name.rpartition("_") for name in names]
    return [(standard()[kind].item(stem.lower()), way == "DESC") for stem, _, way in parts]


def place_by(
    keys: Sequence[tuple[Item, bool]], rights: Rights, rank: Callable[[str], Any]
) -> Place:
    """Return what rows sort by: each key, absent values last whichever way, then the identity."""
    last_down = bool(keys) and keys[-1][1]

    def place(row: Row) -> tuple[Any, ...]:
        made: list[Any] = []
        for item, down in keys:
            value = row.get(item.wire) if rights.sees(row, item) else None
            if value is None:
                made.append((1,))
                continue
            if item.value is not None:
                zh = value.get("zh")
                value = rank(zh) if zh else Decimal(value["amount"])
            made.append((0, Down(value) if down else value))
        return (*made, Down(row.id) if last_down else row.id)

    return place


@dataclass(frozen=True)
class Down:
    """A value that sorts the other way."""

    value: Any

    def __lt__(self, other: Down) -> bool:
        return bool(other.value < self.value)

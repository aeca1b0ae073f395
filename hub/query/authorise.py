"""`authorise`: scopes, agreements and row rules, as parts of the statement.

- A scope reveals a kind of item to a caller; an agreement reveals one owner's values of it. Both
  are needed above L1.
- Rows of a record with a data set of its own are shown to their owner, to the other institution
  that the row names, and by agreement.
- Nothing is filtered after the statement has run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.query.errors import ScopeMissingError
from schema.codes import AgreementDataset
from schema.item import Grade, Item, RecordSpec

if TYPE_CHECKING:
    from hub.query.statement import Statement

PUBLIC_SCOPE = "catalogue:read"
DATASET_OF_SCOPE = {
    "asset:read": AgreementDataset.ASSET,
    "service:read": AgreementDataset.SERVICE,
    "customs:read": AgreementDataset.CUSTOMS,
    "voucher:read": AgreementDataset.VOUCHER,
    "person:read": AgreementDataset.PERSON,
}
_COUNTERPARTS = ("user_key", "consumer_key")


@dataclass(frozen=True, slots=True)
class Authority:
    """What of a caller decides the text of a plan; part of the plan's key."""

    scopes: frozenset[str]
    everything: bool = False
    limited: frozenset[AgreementDataset] = frozenset()

    def may_read(self, item: Item) -> bool:
        """Tell whether the caller's scopes reveal an item."""
        return item.scope in self.scopes

    def must_read(self, spec: RecordSpec, item: Item, where: str) -> None:
        """Refuse a request that filters or sorts by what its caller may not read."""
        if not self.may_read(item):
            raise ScopeMissingError(item.scope, f"{where} ({spec.name}.{item.wire})")

    def guard(self, spec: RecordSpec, item: Item, alias: str, statement: Statement) -> str | None:
        """Return the condition under which a row's value of an item is visible, None for always."""
        if item.grade is Grade.L1 or self.everything:
            return None
        dataset = DATASET_OF_SCOPE[item.scope]
        if dataset is spec.dataset and dataset not in self.limited:
            return None  # the row rule has decided already
        named = item.wire if dataset in self.limited else None
        return _visible(spec, alias, statement, dataset, named)

    def row_rule(self, spec: RecordSpec, alias: str, statement: Statement) -> str | None:
        """Return the condition under which a row is visible at all, None for always."""
        if spec.dataset is None or self.everything:
            return None
        return _visible(spec, alias, statement, spec.dataset, None)


def _visible(
    spec: RecordSpec,
    alias: str,
    statement: Statement,
    dataset: AgreementDataset,
    item: str | None,
) -> str:
    owners = statement.bind_owners(dataset, item)
    found = [f"{owner(spec, alias)} = ANY({owners})"]
    names = {each.name for each in spec.items}
    if dataset is not AgreementDataset.PERSON:
        found += [
            f"{alias}.{column} = {statement.bind_party()}"
            for column in _COUNTERPARTS
            if column in names
        ]
    return f"({' OR '.join(found)})" if len(found) > 1 else found[0]


def owner(spec: RecordSpec, alias: str) -> str:
    """Return the SQL of the institution that a row belongs to."""
    names = {item.name for item in spec.items}
    for name in ("institution_key", "provider_key"):
        if name in names:
            return f"{alias}.{name}"
    return f"split_part({alias}.instrument_key, '/', 1)"

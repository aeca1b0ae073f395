"""`authorise`: what a caller's scopes and the rule of visibility mean for a statement.

- A scope reveals a kind of row or item to a caller; the rule says whose (`hub.access.visibility`).
- Where the rule of the rows implies that of an item, the item needs no condition of its own.
- Nothing is filtered after the statement has run.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from hub.access.grants import PartyGrants
from hub.access.visibility import Parameters, implies, originals_of, protected_items, sql
from hub.query.plan.errors import ScopeMissingError
from schema.codes import AgreementDataset
from schema.item import Item, Kind, RecordSpec
from schema.visibility import Rule


@dataclass(frozen=True, slots=True)
class Authority:
    """What of a caller decides the text of a plan; part of the plan's key."""

    scopes: frozenset[str]
    limited: frozenset[AgreementDataset] = frozenset()
    sees_everything: bool = False
    """Whose a row is does not matter, only its scope (`PartyGrants.sees_everything`)."""
    supervises: bool = False
    """It supervises something: others are spared the conditions that speak of that."""

    @classmethod
    def of(cls, scopes: frozenset[str], grants: PartyGrants) -> Authority:
        """Return the authority of a caller with some scopes and grants."""
        return cls(scopes, grants.limited, grants.sees_everything, bool(grants.supervised))

    def may_read(self, item: Item) -> bool:
        """Tell whether the caller's scopes reveal an item."""
        return item.scope in self.scopes

    def may_list(self, spec: RecordSpec) -> bool:
        """Tell whether the caller's scopes reveal rows of a record type at all."""
        return spec.scope in self.scopes

    def must_read(self, spec: RecordSpec, item: Item, where: str) -> None:
        """Refuse a request that filters or sorts by what its caller may not read."""
        if not self.may_read(item):
            raise ScopeMissingError(item.scope, f"{where} ({spec.name}.{item.wire})")

    def guard(self, spec: RecordSpec, item: Item, alias: str, statement: Parameters) -> str | None:
        """Return the condition under which a row's value of an item is visible, None for always."""
        if self.sees_everything:
            return None
        rule, rows = self._for_caller(spec.rule(item)), self._for_caller(spec.rows)
        if implies(rows, rule, self.limited):
            return None
        return sql(rule, spec, alias, statement, self.limited)

    def guard_as(
        self, spec: RecordSpec, item: Item, alias: str, statement: Parameters
    ) -> str | None:
        """Return the condition under which a row shows what tells the same as an item elsewhere.

        The item is one of another record type (`spec`) whose records have the owner of the row, and
        no issuer but him; who supervises them is not on the row. Its rule is no wider than that of
        the rows that it stands in. None: for always.
        """
        assert spec.issuer is None, f"{spec.name}: who stated it is not on the row"
        return (
            None
            if self.sees_everything
            else sql(spec.rule(item).without_supervision(), spec, alias, statement, self.limited)
        )

    def row_rule(self, spec: RecordSpec, alias: str, statement: Parameters) -> str | None:
        """Return the condition under which a row is visible at all, None for always."""
        if self.sees_everything:
            return None
        return sql(self._for_caller(spec.rows), spec, alias, statement, self.limited)

    def _for_caller(self, rule: Rule) -> Rule:
        return rule if self.supervises else rule.without_supervision()

    def whole(self, spec: RecordSpec, alias: str, statement: Parameters) -> str | None:
        """Return the condition under which nothing of a row is hidden, None for always."""
        absent: defaultdict[str, list[str]] = defaultdict(list)
        for item in protected_items(spec):
            guard = self.guard(spec, item, alias, statement) if self.may_read(item) else "false"
            if guard is not None:
                absent[guard].append(_is_absent(item, alias))
        conditions = [f"(({' AND '.join(parts)}) OR {guard})" for guard, parts in absent.items()]
        for item in originals_of(spec):
            shown = self.original(spec, "o->>'path'", alias, statement)
            if shown is not None:
                members = f"jsonb_array_elements({alias}.{item.name}) o"
                conditions.append(f"NOT EXISTS (SELECT FROM {members} WHERE NOT {shown})")
        return " AND ".join(conditions) or None

    def original(
        self, spec: RecordSpec, path: str, alias: str, statement: Parameters
    ) -> str | None:
        """Return the condition that the original text of `path` may be read, None for always."""
        shown: defaultdict[str | None, list[str]] = defaultdict(list)
        for item in spec.items:
            if self.may_read(item):
                shown[self.guard(spec, item, alias, statement)].append(item.wire)
        if set(shown) == {None} and len(shown[None]) == len(spec.items):
            return None
        head = f"split_part({path},'.',1)"
        parts = []
        for guard, names in shown.items():
            listed = ",".join(f"'{name}'" for name in names)
            parts.append(f"{head} IN ({listed})" + (f" AND {guard}" if guard else ""))
        return f"({' OR '.join(f'({part})' for part in parts)})"


def _is_absent(item: Item, alias: str) -> str:
    column = f"{alias}.{item.name}"
    if not item.many:
        return f"{column} IS NULL"
    return f"{column} = '[]'" if item.kind is Kind.VALUE else f"{column} = '{{}}'"

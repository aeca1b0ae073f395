"""`sight`: what somebody may see of records around a voucher, as parts of a statement.

The rules are those that the records declare (`hub.access.visibility`): a row that its asker may
not see is not found, and a value that he may not read is null before anything is compared with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from hub.access.grants import PartyGrants
from hub.audit.protected import ProtectedRead
from hub.query.sql.authorise import Authority
from hub.query.sql.marks import grade_of_rows
from hub.store.copying import Connection
from hub.store.records import StoredRecords
from schema.codes import AgreementDataset
from schema.item import RecordSpec
from schema.registry import Registry
from schema.visibility import DATASETS, PUBLIC_SCOPE

Row = Mapping[str, Any]
ALIAS = "r"
_HEAD = ("item_id", "key", "entry_id", "owner", "source", "as_of")


@dataclass(frozen=True, slots=True)
class RecordSight:
    """What a caller may see: the scopes of its token, and what its party was granted."""

    scopes: frozenset[str]
    grants: PartyGrants

    @classmethod
    def of_operator(cls, registry: Registry) -> RecordSight:
        """Return the sight of who operates the hub: everything."""
        scopes = {item.scope for spec in registry for item in spec.items}
        scopes |= {spec.scope for spec in registry}
        return cls(
            frozenset({PUBLIC_SCOPE, *scopes}), PartyGrants(party=None, sees_everything=True)
        )


def protected_read(spec: RecordSpec, row: Row) -> ProtectedRead | None:
    """Return what the audit is told of a row that was shown; None where everybody may read it."""
    if spec.scope not in DATASETS:
        return None
    return ProtectedRead(grade_of_rows(spec), spec.scope, row["item_id"], row["owner"])


class SightedRows:
    """The rows of one record type as somebody may see them, for one statement.

    Conditions and columns are made before `statement`; `values` are its parameters.
    """

    def __init__(self, records: StoredRecords, record: str, sight: RecordSight) -> None:
        self._spec = records.registry[record]
        self._table = records.tables[record].source.name
        self._golden = records.tables[record].read.name
        self._authority = Authority.of(sight.scopes, sight.grants)
        self._grants = sight.grants
        self._may = {PUBLIC_SCOPE, self._spec.scope} <= sight.scopes
        self.values: dict[str, Any] = {}

    def bind(self, value: Any, kind: str = "text[]") -> str:
        """Return the name of a parameter with this value."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"%({name})s::{kind}"

    def bind_party(self) -> str:
        """Return the caller's party."""
        return self.bind(self._grants.party, "text")

    def bind_owners(self, dataset: AgreementDataset, item: str | None) -> str:
        """Return whose rows, or values of an item, the caller may see."""
        return self.bind(self._grants.owners(dataset, item))

    def bind_supervised(self) -> str:
        """Return what the caller supervises."""
        return self.bind(self._grants.supervised.text, "jsonb")

    def item(self, name: str) -> str:
        """Return an item's value where it may be read, and null where not."""
        return f"CASE WHEN {self.may_read(name)} THEN {ALIAS}.{name} END"

    def may_read(self, name: str) -> str:
        """Return the condition that an item may be read, for statements that an index serves."""
        item = next(each for each in self._spec.items if each.name == name)
        if not self._authority.may_read(item):
            return "false"
        return self._authority.guard(self._spec, item, ALIAS, self) or "true"

    def same_item(self, key: str) -> str:
        """Return the statement for the identity of the golden record that has a key."""
        return f"SELECT g.item_id FROM {self._golden} g WHERE g.key = {key}"  # noqa: S608 - own name

    def statement(
        self, items: Sequence[str], condition: str, most: int, *, is_every: bool = False
    ) -> str:
        """Return the statement for what stands and fits, in order of keys, at most so many.

        `is_every`: what each source says, and not only the one that speaks.
        """
        rule = self._authority.row_rule(self._spec, ALIAS, self) if self._may else "false"
        shown = [*(f"{ALIAS}.{name}" for name in _HEAD)]
        shown += [f"{self.item(name)} AS {name}" for name in items]
        seen = "" if rule is None else f" AND {rule}"
        seen += "" if is_every else f" AND {ALIAS}.speaks"
        return (
            f"SELECT {', '.join(shown)} FROM {self._table} {ALIAS} "  # noqa: S608 - own names
            f"WHERE NOT {ALIAS}.withdrawn AND ({condition}){seen} "
            f"ORDER BY {ALIAS}.key, {ALIAS}.entry_id LIMIT {most}"
        )

    async def fetch(
        self,
        connection: Connection,
        items: Sequence[str],
        condition: str,
        most: int,
        *,
        is_every: bool = False,
    ) -> list[Row]:
        """Run that statement."""
        if not self._may:
            return []
        text = self.statement(items, condition, most, is_every=is_every)
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(text.encode(), self.values)
            return list(await cursor.fetchall())

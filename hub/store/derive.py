"""`derive`: builds the tables of each record type from its definition in the standard.

- `<record>_source` holds the claims: what each source states now, one row per (source, authority,
  key), withdrawn rows included.
- `<record>` exists for golden records and holds what queries read: one row per `item_id`, merged
  from the claims that are not withdrawn; `chosen` names the source of each item that the leading
  claim leaves open. Of other records queries read the claim that `speaks`: first by precedence.
- Records that are read together for one instrument (hours, coverage, prices) come from one source:
  `leads` marks its rows.
- Linked records have one name in all columns except a claim's own `key`, which is as stated.
- `<record>_listing` exists for golden records that declare a listing: one narrow row for each class
  of a record and each class above it, and one (step '') for the record as such, in reading order. A
  page and its count are read from its indexes without touching the wide rows.
- Every row names its owner, its issuer and the party that vouches for it.
- Each item is one typed column; a nested value is jsonb in wire form; a list is never null.
- The table that queries read also has the columns of `hub.store.computed`.
- No foreign keys and no checks: every check is in `schema.conform`, every relation an outer join.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from hub.store.computed import ComputedColumn, column_type, computed_columns
from hub.store.digits import digits_sql
from schema.item import Grade, Item, Kind, RecordSpec
from schema.traits import (
    Covers,
    FoundByDigits,
    FoundTogether,
    Linkable,
    Listing,
    Opens,
    OpensOn,
    Prices,
    Supervises,
)

PROVENANCE = (
    "source",
    "authority",
    "key",
    "item_id",
    "owner",
    "issuer",
    "party",
    "entry_id",
    "revision",
    "digest",
    "as_of",
    "accepted_at",
    "assurance",
    "channel",
    "withdrawn",
)
"""Columns that every derived table has before its items; golden rows are never withdrawn."""
CLAIM = ("source", "authority", "key")
"""The primary key of `<record>_source`."""
FLAGS = ("speaks", "leads", "chosen")
"""Columns that say which claims are shown, and for which items."""


@dataclass(frozen=True, slots=True)
class ListingTable:
    """The listing of a golden record.

    `path`: the list column whose members are the steps; `order`: the column that it is sorted by;
    `facets`: the columns that it can be filtered by.
    """

    table: Table
    path: str
    order: str
    facets: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordTables:
    """The tables of one record type."""

    spec: RecordSpec
    source: Table
    golden: Table | None
    computed: tuple[ComputedColumn, ...]
    listing: ListingTable | None = None
    led_by: str | None = None
    """The column with the key of the instrument whose rows come from one source, if any."""

    @property
    def merged(self) -> tuple[Table, ...]:
        """The tables that follow from the claims of several sources, by item."""
        listing = None if self.listing is None else self.listing.table
        return tuple(table for table in (self.golden, listing) if table is not None)

    @property
    def read(self) -> Table:
        """The table that queries read."""
        return self.source if self.golden is None else self.golden


def derive(spec: RecordSpec, metadata: MetaData) -> RecordTables:
    """Add the tables of a record type to `metadata`."""
    computed = computed_columns(spec)
    names = [*PROVENANCE, *FLAGS, *(i.name for i in spec.items), *(c.name for c in computed)]
    if len(set(names)) != len(names):
        raise TypeError(f"{spec.name}: two columns would have one name")
    golden, led_by = None, _led_by(spec)
    flags: tuple[str, ...] = ("speaks",) if led_by is None else ("speaks", "leads")
    source_computed = computed
    if spec.golden:
        golden = Table(
            spec.table,
            metadata,
            *_columns(spec, computed, ("item_id",)),
            Column("chosen", JSONB),
        )
        source_computed, flags = (), ()
    source = Table(
        f"{spec.table}_source",
        metadata,
        *_columns(spec, source_computed, CLAIM),
        *(Column(name, Boolean, nullable=False) for name in flags),
    )
    tables = RecordTables(
        spec=spec,
        source=source,
        golden=golden,
        computed=computed,
        listing=None if golden is None else _listing(spec, golden),
        led_by=led_by,
    )
    _add_indexes(tables)
    return tables


def _led_by(spec: RecordSpec) -> str | None:
    """Return the item that names the instrument whose rows come from one source, if any."""
    parts = (spec.trait(Opens), spec.trait(OpensOn), spec.trait(Covers), spec.trait(Prices))
    for trait in parts:
        if trait is not None:
            return trait.of
    return None


def _listing(spec: RecordSpec, golden: Table) -> ListingTable | None:
    """Add the listing of a golden record that declares one."""
    declared = spec.trait(Listing)
    if declared is None:
        return None
    hidden = [i.name for i in spec.items if i.name in declared.facets and i.grade is not Grade.L1]
    if hidden or not spec.rows.is_public:
        raise TypeError(f"{spec.name}: a listing holds nothing that needs a right to be seen")
    sort = f"{declared.order}_sort"
    table = Table(
        f"{spec.table}_listing",
        golden.metadata,
        Column("item_id", Text, nullable=False, index=True),
        Column("step", Text, nullable=False),
        Column(sort, golden.c[sort].type, nullable=False),
        *(Column(name, Text) for name in declared.facets),
    )
    Index(
        f"ix_{table.name}_order",
        table.c.step,
        table.c[sort],
        table.c.item_id,
        postgresql_include=list(declared.facets),
    )
    Index(f"ix_{table.name}_facets", table.c.step, *(table.c[name] for name in declared.facets))
    return ListingTable(table, f"{declared.classes}_path", sort, declared.facets)


def _columns(
    spec: RecordSpec, computed: tuple[ComputedColumn, ...], primary: tuple[str, ...]
) -> list[Column[Any]]:
    kinds: dict[str, Any] = {
        "entry_id": BigInteger(),
        "revision": Integer(),
        "digest": LargeBinary(),
        "as_of": DateTime(timezone=True),
        "accepted_at": DateTime(timezone=True),
        "withdrawn": Boolean(),
    }
    names = [name for name in PROVENANCE if primary == CLAIM or name != "withdrawn"]
    columns: list[Column[Any]] = [
        Column(
            name,
            kinds.get(name, Text()),
            primary_key=name in primary,
            nullable=False,
            autoincrement=False,
        )
        for name in names
    ]
    # A withdrawn row keeps no items, so only lists, which are then empty, may be NOT NULL.
    columns += [Column(item.name, column_type(item), nullable=not item.many) for item in spec.items]
    columns += [Column(each.name, each.type) for each in computed]
    return columns


def _add_indexes(tables: RecordTables) -> None:
    """Index what queries find rows by: identity, key, references, order, search, filters."""
    read, spec = tables.read, tables.spec

    def index(*names: str, using: str = "btree") -> None:
        columns = [read.c[name] for name in names]
        Index(f"ix_{read.name}_{'_'.join(names)}", *columns, postgresql_using=using)

    if tables.golden is not None:
        index("key")
    Index(f"ix_{tables.source.name}_item_id", tables.source.c.item_id)  # the claims of an item
    moment = next((i.name for i in spec.items if i.kind is Kind.INSTANT and i.facts.sortable), None)
    for name in _own(spec):
        index(name, *([moment] if moment else []))
    groups = _groups(spec)
    covered = set() if moment else {group[0] for group in groups}  # an index begins with it
    for item in spec.items:
        columns = _found_by(spec, item, moment)
        if columns and item.name not in covered:
            index(*columns)
    for group in groups:
        index(*group)
    _add_identifiers_index(tables)
    _add_computed_indexes(tables)
    _add_digits_index(tables)


def _found_by(spec: RecordSpec, item: Item, moment: str | None) -> tuple[str, ...]:
    """Return the columns by which rows are found by an item; none where they are not."""
    # A code has few values in many rows: an index on it costs more than it finds.
    plain = item.kind not in (Kind.VALUE, Kind.CODE) and not item.many
    if item.facts.ref:
        return (item.name, moment) if moment else (item.name,)
    if plain and item.facts.sortable:
        return item.name, "item_id"
    if plain and spec.golden and _is_compared(item) and item.name not in spec.key:
        return (item.name,)
    if plain and item.facts.filterable and item.facts.identifies:
        return (item.name,)  # one row is looked for by a number that somebody gave it
    return ()


def _own(spec: RecordSpec) -> tuple[str, ...]:
    """Return the columns by which the row rule finds a caller's own rows, and an office its."""
    own = () if spec.rows.is_public else ("owner", *spec.rows.named)
    supervises = spec.trait(Supervises)
    return own if supervises is None else (*own, supervises.office)


def _groups(spec: RecordSpec) -> tuple[tuple[str, ...], ...]:
    """Return the groups of columns by which records are found together."""
    together = spec.trait(FoundTogether)
    return () if together is None else together.items


def _add_identifiers_index(tables: RecordTables) -> None:
    """Index what others call a record: one row is looked for by it."""
    read, linkable = tables.read, tables.spec.trait(Linkable)
    if linkable is not None:
        Index(
            f"ix_{read.name}_{linkable.identifiers}",
            read.c[linkable.identifiers],
            postgresql_using="gin",
            postgresql_ops={linkable.identifiers: "jsonb_path_ops"},
        )


def _add_digits_index(tables: RecordTables) -> None:
    """Index the digits of a number that people write in many ways."""
    read, numbered = tables.read, tables.spec.trait(FoundByDigits)
    if numbered is not None:
        value = text(digits_sql(numbered.item))
        Index(f"ix_{read.name}_{numbered.item}_digits", value, _table=read)


def _is_compared(item: Item) -> bool:
    """Tell whether rows are found by the whole value; of words, parts are asked for."""
    return item.facts.filterable and not (item.facts.search and item.is_public_prose)


def _add_computed_indexes(tables: RecordTables) -> None:
    read = tables.read
    for each in tables.computed:
        if each.gin:
            Index(f"ix_{read.name}_{each.name}", read.c[each.name], postgresql_using="gin")
        elif each.ordered:
            Index(f"ix_{read.name}_{each.name}_item_id", read.c[each.name], read.c["item_id"])
        elif each.indexed and tables.listing is None:
            Index(f"ix_{read.name}_{each.name}", read.c[each.name])

"""`projection`: writes the present claims of one record type into its tables.

- Rows are copied into a TEMP table of the connection and go from there into the tables with one
  statement per table. Intake, rebuild and check use the same code.
- The TEMP table stays, empty, for the next batch. It is emptied row by row, and as a whole only
  once it has grown: making its files anew costs more than a small batch, and every plan that reads
  it. So plans are made anew with the rows that come, as the tables grow.
- A few rows of a record type that has one table go into it by one statement, without the TEMP
  table: what that costs is shared by few.
- Most items have one claim: they are written by these statements. Items and calendars with claims
  of several sources are settled afterwards, from all their claims (`hub.store.settling`).
- The caller guarantees that no other transaction writes claims of the same owners meanwhile
  (`lock_owners`), or of anybody (`REBUILD_LOCK`).
- Rows are written in the same order everywhere, so that writers do not deadlock; the columns that
  differ most are compared first (a batch has one source), which makes the sort cheap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Text
from sqlalchemy.dialects import postgresql

from hub.identity.ids import shard_of
from hub.identity.links import UNLINKED, Names
from hub.store.copying import Connection, copy_rows
from hub.store.copytext import HEX, NULL, line
from hub.store.derive import CLAIM, PROVENANCE, ListingTable, RecordTables
from hub.store.few import FewRows, few_rows, few_values
from hub.store.former import FORMER_ID
from hub.store.row import item_columns, item_fields

REBUILD_LOCK = 0x72656275696C64
"""Advisory lock: intake holds it shared; rebuilds and changes of names hold it exclusively."""
STAGE_BYTES_MAX = 128 * 1024
"""Size of a TEMP table, of rows that are gone, above which it is emptied as a whole."""
_STAGE_BYTES = b"SELECT pg_relation_size(to_regclass(%s))"
_OWNERS_LOCK = (
    b"SELECT pg_advisory_xact_lock(hashtextextended('shard:' || s, 3)) FROM unnest(%s::text[]) s"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The present revision of a claim (source, authority, key): the header of its entry."""

    source: str
    authority: str
    key: str
    owner: str
    issuer: str
    party: str
    entry_id: int
    revision: int
    digest: bytes
    as_of: datetime
    accepted_at: datetime
    assurance: str
    channel: str
    withdrawn: bool


async def lock_owners(connection: Connection, owners: Iterable[str]) -> None:
    """Keep other transactions from writing claims of these owners until this one ends.

    Two owners may share a lock (`shard_of`), which is harmless and rare.
    """
    shards = sorted({shard_of(owner) for owner in owners})
    await connection.execute(_OWNERS_LOCK, (shards,))


@lru_cache(maxsize=1024)
def instant(moment: datetime) -> str:
    """Return an instant as PostgreSQL reads it in any session."""
    return moment.astimezone(UTC).isoformat()


class Projection:
    """The statements that write one record type."""

    def __init__(self, tables: RecordTables) -> None:
        self.tables = tables
        spec, source, golden = tables.spec, tables.source, tables.golden
        self.stage = f"stage_{spec.table}"
        self.columns = ["former", *PROVENANCE, *item_columns(tables)]
        self._fields = item_fields(tables)
        written = [column.name for column in source.columns]
        kinds = self._kinds()
        columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
        self._create_stage = f"CREATE TEMP TABLE {self.stage} ({columns}, chosen jsonb)"
        self.write_source = self._upsert(source.name, written, CLAIM, "true", self.stage)
        self.write_few = ""
        if golden is None and tables.led_by is None:
            self.write_few = self._few(kinds, written)
        self.write_golden = ""
        self.remove: tuple[str, ...] = ()
        self.write_listing = ""
        if golden is not None:
            names = [column.name for column in golden.columns]
            self.write_golden = self._upsert(
                golden.name, names, ("item_id",), "NOT withdrawn", self.stage
            )
            self.remove += (self._remove(golden.name, "s.withdrawn"),)
        if tables.listing is not None:
            name = tables.listing.table.name
            self.remove += (self._remove(name, "(s.revision > 1 OR s.withdrawn)"),)
            self.write_listing = (
                f"INSERT INTO {name} {self.listing_rows(tables.listing)} ORDER BY 3"
            )

    def row(
        self,
        standing: Standing,
        wire: Mapping[str, Any],
        names: Names = UNLINKED,
        identity: str | None = None,
    ) -> bytes:
        """Return the COPY line of a claim; see `fields`."""
        return line(self.fields(standing, wire, names, identity))

    def fields(
        self,
        standing: Standing,
        wire: Mapping[str, Any],
        names: Names = UNLINKED,
        identity: str | None = None,
    ) -> list[str]:
        """Return the COPY fields of a claim; `wire` is empty for a withdrawn one.

        `names` are those of the record type (`Names.of_type`); `identity` is the id that follows
        from them, if the caller has computed it already.
        """
        spec, owner, issuer, former = self.tables.spec, standing.owner, standing.issuer, NULL
        if identity is None:
            identity = names.identity(spec, standing.authority, standing.key, owner)
        if names:
            own = UNLINKED.identity(spec, standing.authority, standing.key, owner)
            owner, issuer = names.party(owner), names.party(issuer)
            wire = names.wire(spec, wire) if wire else wire
            former = NULL if own == identity else own
        return [
            former,
            standing.source,
            standing.authority,
            standing.key,
            identity,
            owner,
            issuer,
            standing.party,
            str(standing.entry_id),
            str(standing.revision),
            HEX + standing.digest.hex(),
            instant(standing.as_of),
            instant(standing.accepted_at),
            standing.assurance,
            standing.channel,
            "t" if standing.withdrawn else "f",
            *self._fields(wire),
        ]

    def may_be_few(self, rows: FewRows) -> bool:
        """Whether few rows may go without the TEMP table: of one table, under their own names."""
        return bool(self.write_few) and all(each[0] == NULL for each in rows)

    async def write_few_claims(self, connection: Connection, rows: FewRows) -> set[str]:
        """Write claims that `may_be_few`; return the items that have another claim as well."""
        cursor = await connection.execute(self.write_few.encode(), few_values(rows))
        return {item for (item,) in await cursor.fetchall()}

    async def write_claims(self, connection: Connection, names: Names) -> None:
        """Write the rows of the TEMP table as claims, and the ids that links have replaced."""
        await connection.execute(self.write_source.encode())
        if names:
            await connection.execute(
                f"INSERT INTO {FORMER_ID.name} SELECT former, min(item_id) "  # noqa: S608 - own names
                f"FROM {self.stage} WHERE former IS NOT NULL GROUP BY former ORDER BY former "
                "ON CONFLICT (item_id) DO UPDATE SET now_id = EXCLUDED.now_id".encode()
            )

    async def delete_items(self, connection: Connection, items: Sequence[str]) -> None:
        """Delete the rows of some items from the tables that are merged from claims."""
        for table in self.tables.merged:
            await connection.execute(
                f"DELETE FROM {table.name} WHERE item_id = ANY(%s)".encode(),  # noqa: S608 - own name
                (items,),
            )

    async def write_read(self, connection: Connection) -> None:
        """Write the rows of the TEMP table into the tables that queries read, and empty it."""
        for statement in (self.write_golden, *self.remove, self.write_listing):
            if statement:
                await connection.execute(statement.encode())
        await connection.execute(f"DELETE FROM {self.stage}".encode())  # noqa: S608 - own name

    def listing_rows(self, listing: ListingTable) -> str:
        """Return the query for the listing's rows of the records in the TEMP table."""
        columns = ", ".join(f"s.{name}" for name in (listing.order, *listing.facets))
        return (
            f"SELECT s.item_id, p.step, {columns} FROM {self.stage} s, "  # noqa: S608 - own names
            f"unnest(ARRAY['']::text[] || s.{listing.path}) p(step) WHERE NOT s.withdrawn"
        )

    async def fill_stage(self, connection: Connection, lines: Iterable[bytes]) -> None:
        """Put rows into the TEMP table, which is empty."""
        await self.ready_stage(connection)
        await copy_rows(connection, self.stage, self.columns, lines)

    async def ready_stage(self, connection: Connection) -> None:
        """Make the TEMP table of this connection, or give back what its former rows took."""
        cursor = await connection.execute(_STAGE_BYTES, (f"pg_temp.{self.stage}",))
        ((size,),) = await cursor.fetchall()
        if size is None:
            await connection.execute(self._create_stage.encode())
        elif size > STAGE_BYTES_MAX:
            await connection.execute(f"TRUNCATE {self.stage}".encode())

    def _kinds(self) -> dict[str, str]:
        """Return the columns of rows on their way, each with its type."""
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy's own gap
        kinds: dict[str, Any] = {"former": Text()}
        kinds |= {column.name: column.type for column in self.tables.source.columns}
        kinds |= {column.name: column.type for column in self.tables.read.columns}
        return {name: kinds[name].compile(dialect) for name in self.columns}

    def _few(self, kinds: Mapping[str, str], written: Sequence[str]) -> str:
        """Return the statement that writes a few claims, and tells which items have others too.

        It looks at what was there before: under own names, two rows of a batch are two items.
        """
        table = self.tables.source.name
        return (
            f"WITH s AS ({few_rows(kinds)}), "  # noqa: S608 - own names
            f"w AS ({self._upsert(table, written, CLAIM, 'true', 's')}) "
            f"SELECT s.item_id FROM s WHERE EXISTS (SELECT FROM {table} o "
            "WHERE o.item_id = s.item_id "
            "AND (o.source, o.authority, o.key) <> (s.source, s.authority, s.key))"
        )

    def _upsert(
        self, table: str, columns: Sequence[str], primary: Sequence[str], where: str, rows: str
    ) -> str:
        updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in columns if name not in primary)
        values = {"speaks": "NOT withdrawn", "leads": "NOT withdrawn"}
        if primary == ("item_id",):  # a claim's key is as stated, that of what is read is the name
            values["key"] = f"concat_ws('{self.tables.spec.key_separator}', {self._key_items()})"
        taken = ", ".join(values.get(name, name) for name in columns)
        return (
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {taken} "  # noqa: S608 - own names
            f"FROM {rows} WHERE {where} ORDER BY {', '.join(reversed(primary))} "
            f"ON CONFLICT ({', '.join(primary)}) DO UPDATE SET {updates}"
        )

    def _key_items(self) -> str:
        return ", ".join(self.tables.spec.key)

    def _remove(self, table: str, where: str) -> str:
        return (
            f"DELETE FROM {table} t USING {self.stage} s "  # noqa: S608 - own names
            f"WHERE {where} AND t.item_id = s.item_id"
        )

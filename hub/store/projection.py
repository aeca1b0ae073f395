"""`projection`: writes what sources say now into the tables of one record type.

- Rows are copied into a TEMP table of the connection and go from there into the projections with
  one statement per table, in the order of their keys. Intake and rebuild use the same code.
- The caller guarantees that no other transaction writes a newer revision of the same keys.
- Rows are written in one order everywhere, so that writers do not lock each other out; what differs
  most is compared first (a batch has one source), which makes the sort cheap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy.dialects import postgresql

from hub.store.copying import Connection, copy_rows
from hub.store.copytext import HEX, NULL, line
from hub.store.derive import PROVENANCE, ListingTable, RecordTables
from hub.store.identity import item_id, revision_id
from hub.store.row import item_columns, item_fields

REBUILD_LOCK = 0x72656275696C64
"""Advisory lock: intake shares it, a rebuild holds it alone."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The provenance of what stands for a (source, key)."""

    source: str
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
        self.columns = [*PROVENANCE, *item_columns(tables)]
        self._fields = item_fields(tables)
        self._source_columns = [column.name for column in source.columns]
        self._golden_columns = [] if golden is None else [c.name for c in golden.columns]
        self.create_stage = self._create_stage()
        self.write_source = self._upsert(source.name, self._source_columns, "source, key", "true")
        self.write_golden = self.remove_golden = ""
        self.write_listing: tuple[str, ...] = ()
        if golden is not None:
            self.write_golden = self._upsert(
                golden.name, self._golden_columns, "item_id", "NOT withdrawn"
            )
            self.remove_golden = (
                f"DELETE FROM {golden.name} g USING {self.stage} s "  # noqa: S608 - own names
                "WHERE s.withdrawn AND g.item_id = s.item_id"
            )
        if tables.listing is not None:
            name = tables.listing.table.name
            self.write_listing = (
                f"DELETE FROM {name} l USING {self.stage} s "  # noqa: S608 - own names
                "WHERE s.revision > 1 AND l.item_id = s.item_id",
                f"INSERT INTO {name} {self.listed(tables.listing)} ORDER BY 3",
            )

    def row(self, standing: Standing, wire: Mapping[str, Any]) -> bytes:
        """Return the COPY line of a row; `wire` is empty for a withdrawn one."""
        spec = self.tables.spec
        accepted = instant(standing.accepted_at)
        return line(
            [
                standing.source,
                standing.key,
                item_id(spec.prefix, spec.name, standing.source, standing.key),
                standing.owner,
                standing.issuer,
                standing.party,
                str(standing.entry_id),
                str(standing.revision),
                revision_id(standing.digest),
                HEX + standing.digest.hex(),
                instant(standing.as_of),
                accepted,
                standing.assurance,
                standing.channel,
                "t" if standing.withdrawn else "f",
                accepted if standing.withdrawn else NULL,
                *self._fields(wire),
            ]
        )

    async def write(self, connection: Connection, lines: Iterable[bytes]) -> None:
        """Write rows into the projections; one row per (source, key)."""
        await self.fill_stage(connection, lines)
        await self.write_staged(connection)

    async def write_staged(self, connection: Connection) -> None:
        """Write what is in the TEMP table into the projections, and empty it."""
        await connection.execute(self.write_source.encode())
        if self.write_golden:
            await connection.execute(self.write_golden.encode())
            await connection.execute(self.remove_golden.encode())
        for statement in self.write_listing:
            await connection.execute(statement.encode())
        await connection.execute(f"TRUNCATE {self.stage}".encode())

    def listed(self, listing: ListingTable) -> str:
        """Return the query for the listing's rows of what is in the TEMP table."""
        columns = ", ".join(f"s.{name}" for name in (listing.order, *listing.facets))
        return (
            f"SELECT s.item_id, p.step, {columns} FROM {self.stage} s, "  # noqa: S608 - own names
            f"unnest(ARRAY['']::text[] || s.{listing.path}) p(step) WHERE NOT s.withdrawn"
        )

    async def fill_stage(self, connection: Connection, lines: Iterable[bytes]) -> None:
        """Put rows into the TEMP table, which lasts until the end of the transaction."""
        await connection.execute(self.create_stage.encode())
        await copy_rows(connection, self.stage, self.columns, lines)

    def _create_stage(self) -> str:
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy's own gap
        kinds = {column.name: column.type for column in self.tables.source.columns}
        kinds |= {column.name: column.type for column in self.tables.read.columns}
        columns = ", ".join(f"{name} {kinds[name].compile(dialect)}" for name in self.columns)
        return f"CREATE TEMP TABLE IF NOT EXISTS {self.stage} ({columns}) ON COMMIT DELETE ROWS"

    def _upsert(self, table: str, columns: Sequence[str], primary: str, where: str) -> str:
        keys = primary.split(", ")
        updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in columns if name not in keys)
        names = ", ".join(columns)
        return (
            f"INSERT INTO {table} ({names}) SELECT {names} "  # noqa: S608 - own names
            f"FROM {self.stage} WHERE {where} ORDER BY {', '.join(reversed(keys))} "
            f"ON CONFLICT ({primary}) DO UPDATE SET {updates}"
        )

"""`bare`: what PostgreSQL alone takes for the rows that a hub has written.

Everything that was written is copied from the hub's database by COPY into the same tables, with all
their indexes and without the hub, in one transaction for each table. What is left out: foreign keys are
not looked up (`session_replication_role`), and the other database is read meanwhile.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import psycopg
from psycopg.sql import SQL, Composed, Identifier

TABLES = (
    "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition "
    "ORDER BY c.relname"
)
COLUMNS = (
    "SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = %s::regclass AND a.attnum > 0 "
    "AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum"
)


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table that was copied: its rows, and the seconds that COPY took until its commit."""

    name: str
    rows: int
    seconds: float


def copied_again(source: str, target: str) -> list[CopiedTable]:
    """Copy every row of `source` that an empty, migrated `target` lacks."""
    found = []
    with psycopg.connect(source) as reader, psycopg.connect(target) as writer:
        names = [str(row[0]) for row in reader.execute(TABLES)]
        for name in names:
            if not _count(writer, name):  # what the migrations fill is in both
                copied = _copied(reader, writer, name)
                if copied.rows:
                    found.append(copied)
    return found


def _copied(reader: psycopg.Connection, writer: psycopg.Connection, name: str) -> CopiedTable:
    columns = [Identifier(str(row[0])) for row in reader.execute(COLUMNS, (f'public."{name}"',))]
    listed = SQL(", ").join(columns)
    out = SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT binary)")
    into = SQL("COPY {} ({}) FROM STDIN (FORMAT binary)")
    began = time.perf_counter()
    with writer.transaction(), writer.cursor() as taker, reader.cursor() as giver:
        taker.execute("SET LOCAL session_replication_role = replica")
        with (
            giver.copy(out.format(listed, Identifier(name))) as given,
            taker.copy(into.format(Identifier(name), listed)) as taken,
        ):
            for part in given:
                taken.write(part)
        rows = max(taker.rowcount, 0)
    return CopiedTable(name, rows, time.perf_counter() - began)


def _count(connection: psycopg.Connection, name: str) -> int:
    asked: Composed = SQL("SELECT count(*) FROM {}").format(Identifier(name))
    row = connection.execute(asked).fetchone()
    connection.commit()
    return int(row[0]) if row else 0

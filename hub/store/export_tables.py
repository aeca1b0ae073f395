"""`export_tables`: exports that clients asked for, and their parts for as long as they are kept.

No backup holds them: they are copies of what the tables of the records hold, for a day.
"""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Column, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from hub.store.metadata import METADATA, instant_column

__all__ = ["EXPORT", "EXPORT_CHUNK", "EXPORT_PART", "EXPORT_TABLES"]

EXPORT = Table(
    "export",
    METADATA,
    Column("export_id", Text, primary_key=True),
    Column("client_id", Text, nullable=False, index=True),  # whose it is
    Column("status", Text, nullable=False),  # RUNNING, COMPLETED, FAILED or EXPIRED
    Column("format", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("variables", JSONB, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),  # those that it was made with
    Column("rights", LargeBinary, nullable=False),  # hash of what its party might see
    Column("facts", JSONB, nullable=False, server_default=text("'{}'::jsonb")),  # of its manifest
    Column("rows", BigInteger, nullable=False, server_default=text("0")),
    Column("size", BigInteger, nullable=False, server_default=text("0")),
    Column("hidden", BigInteger, nullable=False, server_default=text("0")),
    Column("error_code", Text),
    Column("holder", Text, nullable=False),  # the process that makes it: whose lock it is alive by
    instant_column("created_at"),
    instant_column("ended_at", nullable=True),
    instant_column("expires_at"),
)

EXPORT_PART = Table(
    "export_part",
    METADATA,
    Column("export_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("rows", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
)

EXPORT_CHUNK = Table(
    "export_chunk",
    METADATA,
    Column("export_id", Text, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 0, of equal length
    Column("content", LargeBinary, nullable=False),
)

EXPORT_TABLES = (EXPORT.name, EXPORT_PART.name, EXPORT_CHUNK.name)

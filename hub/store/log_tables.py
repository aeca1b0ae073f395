"""`log_tables`: the tables of the transparency log, each row with the log that it is of."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from hub.store.metadata import METADATA, instant_column, origin_column

LEAF = Table(
    "leaf",
    METADATA,
    origin_column(),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, nullable=False, unique=True),
    Column("leaf_hash", LargeBinary, nullable=False),
)

TILE = Table(
    "tile",
    METADATA,
    origin_column(),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("tile_index", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),  # 1 to 256 hashes; it grows, no byte changes
)

CHECKPOINT = Table(
    "checkpoint",
    METADATA,
    origin_column(),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),  # the note with the log's signature alone
    Column("epoch", BigInteger, nullable=False),
    instant_column("signed_at"),
)

COSIGNATURE = Table(
    "cosignature",
    METADATA,
    origin_column(),
    Column("size", BigInteger, primary_key=True, autoincrement=False),  # of its checkpoint
    Column("witness", Text, primary_key=True),  # name of the witness's key
    Column("key_id", LargeBinary, primary_key=True),
    Column("line", Text, nullable=False),  # the signature line of the note, without line feed
    instant_column("at"),  # by the witness's clock
)

LOG_KEY = Table(
    "log_key",
    METADATA,
    origin_column(),
    Column("public", LargeBinary, primary_key=True),  # Ed25519
    Column("from_size", BigInteger, nullable=False),  # leaves when it came into use
    instant_column("added_at"),
)

LOG_STATE = Table(
    "log_state",
    METADATA,
    origin_column(),
    Column("epoch", BigInteger, nullable=False),  # fencing: one more for each sequencer that starts
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    instant_column("updated_at"),
    instant_column("ended_at", nullable=True),  # leaves were taken back: it never grows again
)

"""`tables`: the tables that every hub has, whatever its record types are.

- The tables of the records are derived from a registry (`hub.store.records`, `hub.store.derive`).
- `entry` and `leaf` are append-only: no code updates or deletes a row of them; a `tile` only grows.
  One exception: leaves that no checkpoint covers when their log ends go to the next log instead.
- `entry_body` may be erased row by row; header, leaf and checkpoints stay as they are.
- Rows of `entry` carry the transaction (`xid`) that wrote them, because ids commit out of order: a
  reader takes rows with `xid < pg_snapshot_xmin(pg_current_snapshot())` only.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

PROMISED_FRESHNESS_S = 86_400
"""Seconds that what a source says stays good for, where its registration says nothing else."""


class Xid8(UserDefinedType[str]):
    """A PostgreSQL transaction id that never wraps around."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the name of the SQL type."""
        return "xid8"


NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
}
METADATA = MetaData(naming_convention=NAMES)


def _instant(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _origin() -> Column[Any]:
    """Which log a row is of; compared byte by byte."""
    return Column("origin", Text(collation="C"), primary_key=True)


def _xid() -> Column[Any]:
    return Column("xid", Xid8(), nullable=False, server_default=text("pg_current_xact_id()"))


ENTRY = Table(
    "entry",
    METADATA,
    Column("entry_id", BigInteger, Identity(), primary_key=True),
    Column("record_type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("authority", Text, nullable=False),  # who numbers records of this key; '' for nobody
    Column("key", Text, nullable=False),
    Column("owner", Text, nullable=False),  # whose data it is
    Column("issuer", Text, nullable=False),  # who alone may state, change and withdraw it
    Column("revision", Integer, nullable=False),
    Column("previous", LargeBinary),  # commitment of the revision before, null for the first
    Column("commitment", LargeBinary, nullable=False),  # hub.ledger.leaf.salted_hash
    Column("withdrawal", Boolean, nullable=False),  # the canonical bytes are a tombstone
    Column("assurance", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("party", Text, nullable=False),  # who vouches: institution key or hub:<origin>
    Column("client_id", Text),
    Column("key_id", Text),  # kid of the record's signature, else of the request's; null: the hub's
    Column("signature_hash", LargeBinary),  # SHA-256(protected || '.' || signature) of that JWS
    Column("evidence", LargeBinary),  # request evidence, or hash of the raw document
    Column("run_id", Text),
    _instant("as_of"),
    _instant("accepted_at"),
    _xid(),
    UniqueConstraint("record_type", "source", "authority", "key", "revision"),
    Index("ix_entry_xid_entry_id", "xid", "entry_id"),  # the order in which leaves are taken
)

ENTRY_BODY = Table(
    "entry_body",
    METADATA,
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),
    Column("canon", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of canon; unsalted, so erased with it
    Column("salt", LargeBinary, nullable=False),
    Column("jws", Text),  # detached: protected..signature
    Index("ix_entry_body_digest", "digest"),  # receipts are asked for by revision id
)

HEARD = Table(
    "heard",
    METADATA,
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),
    _instant("as_of"),  # when its source last said again what the entry says
)

LEAF = Table(
    "leaf",
    METADATA,
    _origin(),
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, nullable=False, unique=True),
    Column("leaf_hash", LargeBinary, nullable=False),
)

TILE = Table(
    "tile",
    METADATA,
    _origin(),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("tile_index", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),  # 1 to 256 hashes; it grows, no byte changes
)

CHECKPOINT = Table(
    "checkpoint",
    METADATA,
    _origin(),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),  # the note with the log's signature alone
    Column("epoch", BigInteger, nullable=False),
    _instant("signed_at"),
)

COSIGNATURE = Table(
    "cosignature",
    METADATA,
    _origin(),
    Column("size", BigInteger, primary_key=True, autoincrement=False),  # of its checkpoint
    Column("witness", Text, primary_key=True),  # name of the witness's key
    Column("key_id", LargeBinary, primary_key=True),
    Column("line", Text, nullable=False),  # the signature line of the note, without line feed
    _instant("at"),  # by the witness's clock
)

LOG_KEY = Table(
    "log_key",
    METADATA,
    _origin(),
    Column("public", LargeBinary, primary_key=True),  # Ed25519
    Column("from_size", BigInteger, nullable=False),  # leaves when it came into use
    _instant("added_at"),
)

LOG_STATE = Table(
    "log_state",
    METADATA,
    _origin(),
    Column("epoch", BigInteger, nullable=False),  # fencing: one more for each sequencer that starts
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    _instant("updated_at"),
    _instant("ended_at", nullable=True),  # leaves were taken back: it never grows again
)

SOURCE = Table(
    "source",
    METADATA,
    Column("source_id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("title_en", Text),
    Column("publisher", Text),
    Column("division_code", Text),  # GB/T 2260
    Column("mode", Text, nullable=False),  # HARVEST, LIVE or PUSH
    Column("owners", ARRAY(Text)),  # institutions it may speak for; null: any (a province platform)
    Column("kind", Text, nullable=False, server_default=text("'PLATFORM'")),  # schema SourceKind
    # `<institution that operates the system>/<name of the system>`; fixed when it is registered
    Column("authority", Text, nullable=False, server_default=text("''")),
    Column(
        "promised_freshness_s",
        Integer,
        nullable=False,
        server_default=text(str(PROMISED_FRESHNESS_S)),
    ),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("rows", BigInteger, nullable=False, server_default=text("0")),
    Column("last_status", Text),
    Column("last_error_code", Text),
    _instant("last_ok_at", nullable=True),
    _instant("last_run_at", nullable=True),
    _instant("created_at"),
)

FEED = Table(
    "feed",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("record_type", Text, primary_key=True),
    Column("mode", Text, nullable=False),  # HARVEST, LIVE or PUSH
    Column("every_s", Integer),  # seconds between two readings; null: nobody asks
    Column("promised_freshness_s", Integer, nullable=False),
    _instant("asked_at", nullable=True),  # when the last run that read it began, however it ended
    _instant("heard_at", nullable=True),  # when the last run began that read all of it
    _instant("since", nullable=True),  # which part that was; null: no bound
    _instant("until", nullable=True),
    # where each list goes on that was cut off, by its name (hub.harvest.feed)
    Column("state", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
)

FORMER_SOURCE = Table(
    "former_source",
    METADATA,
    Column("former", Text, primary_key=True),  # under which entries were written
    Column("source", Text, nullable=False, index=True),  # what it is called now
)

RUN = Table(
    "run",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("status", Text, nullable=False),  # RUNNING, OK, PARTIAL, FAILED or HELD
    Column("document_hash", LargeBinary),
    Column("counts", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("error_code", Text),
    Column("message", Text),
    _instant("started_at"),
    _instant("ended_at", nullable=True),
    Index("ix_run_source_started_at", "source", "started_at"),
)

IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("client_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_hash", LargeBinary, nullable=False),
    Column("answer", Text, nullable=False),  # JSON, answered again as it was
    _instant("created_at"),
    Index("ix_idempotency_created_at", "created_at"),
)

QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("quarantine_id", BigInteger, Identity(), primary_key=True),
    Column("source", Text, nullable=False),
    Column("record_type", Text),
    Column("key", Text),
    Column("row_number", Integer, nullable=False),
    Column("raw", Text, nullable=False),  # the row as JSON text, ASCII only
    Column("problems", JSONB, nullable=False),
    Column("channel", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("client_id", Text),
    Column("run_id", Text),
    Column("assurance", Text, nullable=False),
    Column("evidence", LargeBinary),
    Column("status", Text, nullable=False, server_default=text("'OPEN'")),
    Column("entry_id", BigInteger),  # the entry it became when it was resubmitted
    _instant("as_of"),
    _instant("created_at"),
    _instant("settled_at", nullable=True),
    Index("ix_quarantine_status_source", "status", "source", "quarantine_id"),
)

CLIENT = Table(
    "client",
    METADATA,
    Column("client_id", Text, primary_key=True),
    Column("party", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("sources", ARRAY(Text), nullable=False),  # source ids that it may push as
    Column("status", Text, nullable=False),
    _instant("not_before", nullable=True),  # tokens issued earlier are refused
    _instant("created_at"),
)

CLIENT_KEY = Table(
    "client_key",
    METADATA,
    Column("kid", Text, primary_key=True),  # RFC 7638 thumbprint
    Column("client_id", Text, nullable=False, index=True),
    Column("jwk", JSONB, nullable=False),
    Column("status", Text, nullable=False),
    Column("use", Text, nullable=False, server_default=text("'sig'")),
    Column("agent", Text),  # who holds the key for the client's party; null: the party itself
    _instant("added_at"),
    _instant("ended_at", nullable=True),
)

REQUEST_EVIDENCE = Table(
    "request_evidence",
    METADATA,
    Column("evidence", LargeBinary, primary_key=True),  # SHA-256(base || signature)
    Column("base", Text, nullable=False),  # signature base, RFC 9421 §2.5
    Column("signature", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    _instant("received_at"),
)

PRECEDENCE_STATE = Table(
    "precedence_state",
    METADATA,
    Column("name", Text, primary_key=True),  # what is decided by it: claims
    Column("since", Date, nullable=False),  # the dated order that claims were settled by
)

FEED_STATE = Table(
    "feed_state",
    METADATA,
    Column("name", Text, primary_key=True),  # what is followed: entry
    Column("epoch", Text, nullable=False),  # another one for each restored database
    Column("restored_through", BigInteger, nullable=False),  # entries up to here were restored
)

SEARCH_STATE = Table(
    "search_state",
    METADATA,
    Column("record_type", Text, primary_key=True),
    Column("version", Integer, nullable=False),  # of the terms that its rows hold
)

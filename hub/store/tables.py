"""`tables`: the tables that every hub has, whatever its record types are.

- The tables of the records are derived from a registry (`hub.store.records`, `hub.store.derive`).
- `entry` and `leaf` are append-only: no code updates or deletes a row of them; a `tile` only grows.
  One exception: leaves that no checkpoint covers when their log ends go to the next log instead.
- `entry_body` may be erased row by row; header, leaf and checkpoints stay as they are.
- Rows of `entry` carry the transaction (`xid`) that wrote them, because ids commit out of order: a
  reader takes rows with `xid < pg_snapshot_xmin(pg_current_snapshot())` only.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from hub.store import (  # noqa: F401 - they are tables of every hub as well
    client_tables,
    export_tables,
    harvest_tables,
    log_tables,
    voucher_tables,
    webhook_tables,
)
from hub.store.metadata import METADATA as METADATA  # noqa: PLC0414 - whole when this is read
from hub.store.metadata import instant_column, xid_column

PROMISED_FRESHNESS_S = 86_400
"""Seconds that what a source says stays good for, where its registration says nothing else."""

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
    instant_column("as_of"),
    instant_column("accepted_at"),
    xid_column(),
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

ERASED_ENTRY = Table(
    "erased_entry",
    METADATA,
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),  # has no body any more
    Column("number", Text, nullable=False),  # key of the Erasure that says so
    instant_column("erased_at"),
)

HEARD = Table(
    "heard",
    METADATA,
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),
    instant_column("as_of"),  # when its source last said again what the entry says
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
    # schema SystemPurpose
    Column("purpose", Text, nullable=False, server_default=text("'OTHER'")),
    # `<institution that operates the system>/<name of the system>`; fixed when it is registered
    Column("authority", Text, nullable=False, server_default=text("''")),
    Column(
        "promised_freshness_s",
        Integer,
        nullable=False,
        server_default=text(str(PROMISED_FRESHNESS_S)),
    ),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    # names of the logs of the hubs through which it is known
    Column("via", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("rows", BigInteger, nullable=False, server_default=text("0")),
    Column("last_status", Text),
    Column("last_error_code", Text),
    instant_column("last_ok_at", nullable=True),
    instant_column("last_run_at", nullable=True),
    instant_column("created_at"),
)

FEED = Table(
    "feed",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("record_type", Text, primary_key=True),
    Column("mode", Text, nullable=False),  # HARVEST, LIVE or PUSH
    Column("every_s", Integer),  # seconds between two readings; null: nobody asks
    Column("promised_freshness_s", Integer, nullable=False),
    instant_column(
        "asked_at", nullable=True
    ),  # when the last run that read it began, however it ended
    instant_column("heard_at", nullable=True),  # when the last run began that read all of it
    instant_column("since", nullable=True),  # which part that was; null: no bound
    instant_column("until", nullable=True),
    # where each list goes on that was cut off, by its name (hub.harvest.feed)
    Column("state", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
)

SOURCE_MAPPING = Table(
    "source_mapping",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),  # the highest is in force
    Column("text", Text, nullable=False),  # TOML (adapters.mapping)
    Column("client_id", Text, nullable=False),  # who sent it
    instant_column("kept_at"),
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
    Column("status", Text, nullable=False),  # RUNNING or how it ended (RunStatus)
    Column("document_hash", LargeBinary),
    Column("counts", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("error_code", Text),
    Column("message", Text),
    instant_column("started_at"),
    instant_column("ended_at", nullable=True),
    Index("ix_run_source_started_at", "source", "started_at"),
    instant_column("cancel_asked_at", nullable=True),  # when the operator asked that it end
)

IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("client_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_hash", LargeBinary, nullable=False),
    Column("answer", Text, nullable=False),  # JSON, answered again as it was
    instant_column("created_at"),
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
    instant_column("as_of"),
    instant_column("created_at"),
    instant_column("settled_at", nullable=True),
    Index("ix_quarantine_status_source", "status", "source", "quarantine_id"),
    Index("ix_quarantine_created_at", "created_at"),
    Index("ix_quarantine_open", "source", "key", postgresql_where=text("status = 'OPEN'")),
)

WARNED = Table(
    "warned",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("record_type", Text, primary_key=True),
    Column("path", Text, primary_key=True),  # the item of the doubted values
    Column("code", Text, primary_key=True),
    Column("rows", BigInteger, nullable=False),  # records that were taken with such a value
    instant_column("last_at"),
)

AWAITED = Table(
    "awaited",
    METADATA,
    Column("names", Text, primary_key=True),  # the record type of what is awaited
    Column("key", Text, primary_key=True),
    Column("source", Text, primary_key=True),  # whose records name it
    Column("record_type", Text, primary_key=True),
    instant_column("first_at"),
)

PERSONAL_REFUSED = Table(
    "personal_refused",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("rows", BigInteger, nullable=False),  # rows that were refused for it
    instant_column("last_at"),
)

REQUEST_EVIDENCE = Table(
    "request_evidence",
    METADATA,
    Column("evidence", LargeBinary, primary_key=True),  # SHA-256(base || signature)
    Column("base", Text, nullable=False),  # signature base, RFC 9421 §2.5, without tokens
    Column("signature", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    instant_column("received_at"),
    Column("base_digest", LargeBinary),  # SHA-256 of the whole base: what the signature is over
    Index("ix_request_evidence_received_at", "received_at"),
    Column("role", Text),  # of the key that signed, when it signed
)

FORWARDED_ORDER = Table(
    "forwarded_order",
    METADATA,
    Column("client_id", Text, primary_key=True),
    Column("number", Text, primary_key=True),  # the client's own, of an order that is not settled
    Column("party", Text, nullable=False),
    Column("source", Text, nullable=False),  # the peer that is its home hub
    Column("instrument", Text, nullable=False),
    Column("sent", JSONB, nullable=False),  # what the home hub was asked for
    Column("evidence", LargeBinary, nullable=False),  # of the client's signed request
    instant_column("begun_at"),
    instant_column("asked_at", nullable=True),  # when its home was last asked about it
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

NRII_REPORT = Table(
    "nrii_report",
    METADATA,
    Column("platform", Text, primary_key=True),  # id of the account's file
    Column("type", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),  # of the object as it was sent
    Column("revision", Integer, nullable=False),
    instant_column("sent_at"),
    instant_column("answered_at", nullable=True),  # NULL: sent, and nothing is known
    Column("code", Text),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("audit_id", BigInteger, Identity(), primary_key=True),
    instant_column("at"),
    Column("kind", Text, nullable=False),  # ACT, READ or BREAK_GLASS
    Column("action", Text, nullable=False),  # verb of the command line, or the door
    Column("client_id", Text),
    Column("party", Text),  # who asked; null for the operator at the command line
    Column("request_id", Text, nullable=False),
    Column("document", Text),  # SHA-256 of what was asked
    Column("grade", Text),  # the highest that was read: L2, L3 or L4
    Column("case_no", Text),  # of a scope that is given by case
    Column("reason", Text),
    Column("owners", ARRAY(Text), nullable=False),  # whose records it was about
    # reads: owner -> by what it was read, and ids; acts: what was done
    Column("detail", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Index("ix_audit_at", "at"),
    Index("ix_audit_owners", "owners", postgresql_using="gin"),
    Index("ix_audit_party", "party", "audit_id"),
)
"""Append-only: rows are only added, and days whose root is in the log may go when they are old."""

SEARCH_STATE = Table(
    "search_state",
    METADATA,
    Column("record_type", Text, primary_key=True),
    Column("version", Integer, nullable=False),  # of the terms that its rows hold
)


def backed_up() -> list[Table]:
    """Return the tables of every hub that a backup holds, those first that others build on."""
    kept = METADATA.sorted_tables
    not_kept = {*harvest_tables.NOT_BACKED_UP, *export_tables.EXPORT_TABLES}
    return [each for each in kept if each.name not in not_kept]

"""`harvest_tables`: what the hub learnt of its sources beside their records.

The form of their lists and what changed in it, documents as they came, files that were left, what
sensors said, what must not be kept, how asking them went, how good each source is, and what peers
proved.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSTZMULTIRANGE

from hub.store.metadata import METADATA, instant_column

__all__ = [
    "DRIFT",
    "DROPPED_FILE",
    "FOREIGN_HOME",
    "LIST_FIELD",
    "NOT_BACKED_UP",
    "OF_SOURCES",
    "PEER_RECEIPT",
    "POWER_COUNT",
    "POWER_MINUTES",
    "POWER_STATE",
    "RAW_DOCUMENT",
    "SOURCE_EVENT",
    "SOURCE_GRADE",
    "TRANSIENT_CALENDAR",
]

LIST_FIELD = Table(
    "list_field",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("collection", Text, primary_key=True),  # name of the list in its adapter
    Column("field", Text, primary_key=True),
    Column("filled", BigInteger, nullable=False),  # rows of its last whole reading that had it
    Column("rows", BigInteger, nullable=False),  # all rows of that reading
    Column("kinds", ARRAY(Text), nullable=False),  # TEXT, NUMBER, FLAG, OBJECT, LIST, DATE
    Column("numbers", BigInteger, nullable=False),  # values that the median is of
    Column("median", Double),  # of the numbers above 0; null where there are too few
    Column("head", Double),  # the same of the first rows
    instant_column("as_of"),
)
"""How a list looked when it was last read whole: names, kinds and sizes, no value."""

DRIFT = Table(
    "drift",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("collection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # FIELD_NEW, FIELD_GONE, TYPE, UNIT or CODE
    Column("field", Text, primary_key=True),
    Column("detail", Text, primary_key=True),  # kinds, factor or code; '' where the name says all
    Column("record_types", ARRAY(Text), nullable=False),  # what the list tells of
    Column("rows", BigInteger, nullable=False),  # of the run that last saw it
    Column("done", Text, nullable=False),  # EVOLVED, QUARANTINED or STOPPED
    Column("run_id", Text, nullable=False),
    instant_column("first_at"),
    instant_column("last_at"),
    instant_column("accepted_at", nullable=True),  # when the operator said that it is well so
)

RAW_DOCUMENT = Table(
    "raw_document",
    METADATA,
    Column("run_id", Text, primary_key=True),
    Column("collection", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("source", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # of the raw bytes, as its entries name it
    Column("rows", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the rows without what is personal, deflated
    instant_column("kept_at"),
    Index("ix_raw_document_source_kept_at", "source", "kept_at"),
)

SOURCE_GRADE = Table(
    "source_grade",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("grade", Text, nullable=False),  # BRONZE, SILVER, GOLD, or NONE below all of them
    Column("missing", ARRAY(Text), nullable=False),  # codes of what the next grade wants
    Column("facts", JSONB, nullable=False),  # the counts that it was worked out from
    instant_column("graded_at"),
)

DROPPED_FILE = Table(
    "dropped_file",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    # what it looks like: bytes, and its time of change by the clock of whoever keeps the folder
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("modified", BigInteger, primary_key=True, autoincrement=False),
    instant_column("still_since"),  # since when it looks so, by the hub's clock
    Column("state", Text, nullable=False),  # connectors.drop.ledger.FileState
    Column("digest", LargeBinary),  # SHA-256 of its bytes, once it was read
    Column("road", LargeBinary),  # SHA-256 of the mapping by which it was refused
    Column("message", Text),
    instant_column("noted_at"),  # since when it has its state
    Index("ix_dropped_file_source_digest", "source", "digest"),
)

POWER_MINUTES = Table(
    "power_minutes",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("instrument_key", Text, primary_key=True),
    Column("sensor", Text, primary_key=True),
    Column("day", Date, primary_key=True),  # of Shanghai
    Column("minutes", LargeBinary, nullable=False),  # the level of each minute, packed
    Column("silence", Integer, nullable=False),  # minutes after which the sensor is silent
    instant_column("changed_at"),
    Column("told", Boolean, nullable=False),  # whether the PowerDay of these minutes was stated
    Index("ix_power_minutes_source_day", "source", "day", postgresql_where=text("NOT told")),
)
"""What sensors said of the last days, until it is stated, and for readings that come late."""

POWER_STATE = Table(
    "power_state",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("instrument_key", Text, primary_key=True),
    Column("sensor", Text, primary_key=True),
    Column("state", Text, nullable=False),  # what the newest reading says
    instant_column("since", nullable=True),
    instant_column("as_of", nullable=True),  # when the newest reading was made; null: never
    Column("silence", Integer, nullable=False),
)
"""The present state of each bound sensor; it has no entry."""

POWER_COUNT = Table(
    "power_count",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),  # TAKEN, REPEATED, or why a message was not taken
    Column("messages", BigInteger, nullable=False),
    instant_column("last_at"),
)

PEER_RECEIPT = Table(
    "peer_receipt",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("record_type", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("revision", Integer, nullable=False),  # at the peer
    Column("origin", Text, nullable=False),  # name of the peer's log
    Column("leaf_index", BigInteger, nullable=False),
    Column("log_size", BigInteger, nullable=False),  # leaves under the checkpoint that proved it
    Column("word", Text, nullable=False),  # hub.ledger.verify.Word
    instant_column("judged_at"),
)
"""What the logs of peers prove of the records that were taken from them."""

FOREIGN_HOME = Table(
    "foreign_home",
    METADATA,
    Column("source", Text, primary_key=True),  # the peer
    Column("owner", Text, primary_key=True),  # institution that states its records there
    Column("address", Text, nullable=False),
    Index("ix_foreign_home_owner", "owner"),
)

TRANSIENT_CALENDAR = Table(
    "transient_calendar",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("instrument_key", Text, primary_key=True),  # as queries know it
    Column("owner", Text, nullable=False),  # as the source names it
    Column("firm", TSTZMULTIRANGE, nullable=False),  # taken
    Column("tentative", TSTZMULTIRANGE, nullable=False),
    Column("cover", TSTZMULTIRANGE, nullable=False),  # for which the source said all it knows
    instant_column("as_of"),
    instant_column("expires_at"),  # after this nobody is shown it, and housekeeping deletes it
    Index("ix_transient_calendar_instrument_key", "instrument_key"),
    Index("ix_transient_calendar_expires_at", "expires_at"),
)
"""What sources said live and nobody may keep; it has no entry, and no backup holds it."""

SOURCE_EVENT = Table(
    "source_event",
    METADATA,
    Column("event_id", BigInteger, Identity(), primary_key=True),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),  # LIVE, HARVEST or BREAKER
    Column("record_type", Text),  # what was asked for; null: whatever was due
    Column("status", Text, nullable=False),  # how it ended, or OPEN and CLOSED of a breaker
    Column("served_from", Text),  # LIVE or NONE of a question
    Column("latency_ms", Integer),
    Column("rows", BigInteger),
    Column("error_code", Text),
    instant_column("at"),  # when it began, of a breaker when it changed
    Index("ix_source_event_source_event_id", "source", "event_id"),
)
"""How asking each source went, the last times."""

NOT_BACKED_UP = frozenset({RAW_DOCUMENT.name, TRANSIENT_CALENDAR.name})
"""Tables that no backup holds: it would keep their rows longer than they may be kept."""
OF_SOURCES = tuple(
    each.name
    for each in (
        DRIFT,
        DROPPED_FILE,
        FOREIGN_HOME,
        LIST_FIELD,
        PEER_RECEIPT,
        POWER_COUNT,
        POWER_MINUTES,
        POWER_STATE,
        RAW_DOCUMENT,
        SOURCE_EVENT,
        SOURCE_GRADE,
        TRANSIENT_CALENDAR,
    )
)
"""Tables whose rows follow their source when it is renamed, and go with it."""

"""`client_tables`: clients of the hub: who they are, their keys, cases and documents."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    Column,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from hub.store.metadata import METADATA, instant_column

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
    instant_column("not_before", nullable=True),  # tokens issued earlier are refused
    instant_column("created_at"),
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
    instant_column("added_at"),
    instant_column("ended_at", nullable=True),
    Column("role", Text),  # what the person who holds the key may do for its client; null: all
)

REGISTRATION = Table(
    "registration",
    METADATA,
    Column("request_id", Text, primary_key=True),
    Column("client_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kid", Text, nullable=False, index=True, unique=True),
    Column("jwk", JSONB, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),  # asked for, not granted
    Column("sources", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False),  # PENDING, APPROVED or REFUSED
    Column("reason", Text),
    Column("address", Text),  # from where it was asked, while it is PENDING
    instant_column("requested_at"),
    instant_column("decided_at", nullable=True),
)

CLIENT_CASE = Table(
    "client_case",
    METADATA,
    Column("client_id", Text, primary_key=True),
    Column("scope", Text, primary_key=True),  # one that is given for a case and a time only
    Column("case_no", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    instant_column("until"),
    instant_column("granted_at"),
)

CLIENT_DOCUMENT = Table(
    "client_document",
    METADATA,
    Column("client_id", Text, primary_key=True),
    Column("document_id", Text, primary_key=True),  # sha256: and the hash of the text
    Column("name", Text),
    Column("text", Text, nullable=False),
    instant_column("kept_at"),
)

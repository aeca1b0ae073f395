"""`webhook_tables`: addresses to which changes are delivered, and the messages on their way."""

from __future__ import annotations

from sqlalchemy import ARRAY, Boolean, Column, Index, Integer, Table, Text, text

from hub.store.metadata import METADATA, instant_column

__all__ = ["WEBHOOK", "WEBHOOK_MESSAGE"]

WEBHOOK = Table(
    "webhook",
    METADATA,
    Column("webhook_id", Text, primary_key=True),
    Column("client_id", Text, nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("types", ARRAY(Text)),  # record types; null: all that its client may see
    Column("owner", Text),  # only records of this institution
    Column("scopes", ARRAY(Text), nullable=False),  # of the token that registered it
    Column("state", Text, nullable=False),  # hub.store.webhooks.WebhookState
    Column("secret", Text, nullable=False),  # whsec_ and base64
    Column("former_secret", Text),  # signs beside the present one …
    instant_column("former_until", nullable=True),  # … until then
    Column("cursor", Text),  # up to where changes are in messages; null: from the beginning
    Column("dead", Integer, nullable=False, server_default=text("0")),  # messages that died in turn
    Column("fault", Text),  # what last went wrong; null: nothing
    instant_column("created_at"),
    instant_column("tried_at", nullable=True),  # when it was last called
)
"""The cursor is the queue: what is after it waits in the change feed itself."""

WEBHOOK_MESSAGE = Table(
    "webhook_message",
    METADATA,
    Column("message_id", Text, primary_key=True),  # webhook-id, the same for every attempt
    Column("webhook_id", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),  # hub.store.webhooks.MessageState
    Column("in_turn", Boolean, nullable=False),  # the next one waits for it; false when replayed
    Column("attempts", Integer, nullable=False),
    Column("fault", Text),  # what became of the last attempt; null: nothing went wrong
    instant_column("made_at"),  # or when it was replayed: from then on it may be tried for so long
    instant_column("next_at", nullable=True),  # when it is tried next; null: not any more
    instant_column("ended_at", nullable=True),
    Index("ix_webhook_message_webhook_id_state", "webhook_id", "state", "next_at"),
)

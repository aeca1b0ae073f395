"""Webhooks: addresses to which changes are delivered, and the messages on their way."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

DDL = """
CREATE TABLE webhook (
	webhook_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	url TEXT NOT NULL,
	types TEXT[],
	owner TEXT,
	scopes TEXT[] NOT NULL,
	state TEXT NOT NULL,
	secret TEXT NOT NULL,
	former_secret TEXT,
	former_until TIMESTAMP WITH TIME ZONE,
	cursor TEXT,
	dead INTEGER DEFAULT 0 NOT NULL,
	fault TEXT,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	tried_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_webhook PRIMARY KEY (webhook_id)
);
CREATE INDEX ix_webhook_client_id ON webhook (client_id);
CREATE TABLE webhook_message (
	message_id TEXT NOT NULL,
	webhook_id TEXT NOT NULL,
	body TEXT NOT NULL,
	state TEXT NOT NULL,
	in_turn BOOLEAN NOT NULL,
	attempts INTEGER NOT NULL,
	fault TEXT,
	made_at TIMESTAMP WITH TIME ZONE NOT NULL,
	next_at TIMESTAMP WITH TIME ZONE,
	ended_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_webhook_message PRIMARY KEY (message_id)
);
CREATE INDEX ix_webhook_message_webhook_id_state
  ON webhook_message (webhook_id, state, next_at)
"""


def upgrade() -> None:
    """Create the tables."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Drop them: the older version delivers nothing."""
    op.drop_table("webhook_message")
    op.drop_table("webhook")

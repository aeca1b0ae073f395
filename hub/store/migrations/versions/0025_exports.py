"""Exports and their parts for as long as they are kept; records found by identifiers of others."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

DDL = """
CREATE TABLE export (
	export_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	status TEXT NOT NULL,
	format TEXT NOT NULL,
	document TEXT NOT NULL,
	variables JSONB NOT NULL,
	scopes TEXT[] NOT NULL,
	rights BYTEA NOT NULL,
	facts JSONB DEFAULT '{}'::jsonb NOT NULL,
	rows BIGINT DEFAULT 0 NOT NULL,
	size BIGINT DEFAULT 0 NOT NULL,
	hidden BIGINT DEFAULT 0 NOT NULL,
	error_code TEXT,
	holder TEXT NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ended_at TIMESTAMP WITH TIME ZONE,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_export PRIMARY KEY (export_id)
);
CREATE INDEX ix_export_client_id ON export (client_id);
CREATE TABLE export_part (
	export_id TEXT NOT NULL,
	number INTEGER NOT NULL,
	rows BIGINT NOT NULL,
	size BIGINT NOT NULL,
	sha256 BYTEA NOT NULL,
	CONSTRAINT pk_export_part PRIMARY KEY (export_id, number)
);
CREATE TABLE export_chunk (
	export_id TEXT NOT NULL,
	part INTEGER NOT NULL,
	number INTEGER NOT NULL,
	content BYTEA NOT NULL,
	CONSTRAINT pk_export_chunk PRIMARY KEY (export_id, part, number)
);
CREATE INDEX ix_institution_identifiers ON institution USING gin (identifiers jsonb_path_ops);
CREATE INDEX ix_instrument_identifiers ON instrument USING gin (identifiers jsonb_path_ops)
"""


def upgrade() -> None:
    """Create tables and indexes."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Drop them: what they hold can be exported again."""
    for name in ("institution", "instrument"):
        op.drop_index(f"ix_{name}_identifiers")
    for table in ("export_chunk", "export_part", "export"):
        op.drop_table(table)

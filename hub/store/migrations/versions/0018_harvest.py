"""Harvest: runs that are cancelled, what changed in the form of lists, raw documents, grades."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

DDL = """
ALTER TABLE run ADD COLUMN cancel_asked_at TIMESTAMP WITH TIME ZONE;
CREATE TABLE list_field (
	source TEXT NOT NULL,
	collection TEXT NOT NULL,
	field TEXT NOT NULL,
	filled BIGINT NOT NULL,
	rows BIGINT NOT NULL,
	kinds TEXT[] NOT NULL,
	numbers BIGINT NOT NULL,
	median DOUBLE PRECISION,
	head DOUBLE PRECISION,
	as_of TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_list_field PRIMARY KEY (source, collection, field)
);
CREATE TABLE drift (
	source TEXT NOT NULL,
	collection TEXT NOT NULL,
	kind TEXT NOT NULL,
	field TEXT NOT NULL,
	detail TEXT NOT NULL,
	record_types TEXT[] NOT NULL,
	rows BIGINT NOT NULL,
	done TEXT NOT NULL,
	run_id TEXT NOT NULL,
	first_at TIMESTAMP WITH TIME ZONE NOT NULL,
	last_at TIMESTAMP WITH TIME ZONE NOT NULL,
	accepted_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_drift PRIMARY KEY (source, collection, kind, field, detail)
);
CREATE TABLE raw_document (
	run_id TEXT NOT NULL,
	collection TEXT NOT NULL,
	number INTEGER NOT NULL,
	source TEXT NOT NULL,
	place TEXT NOT NULL,
	digest BYTEA NOT NULL,
	rows INTEGER NOT NULL,
	body BYTEA NOT NULL,
	kept_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_raw_document PRIMARY KEY (run_id, collection, number)
);
CREATE INDEX ix_raw_document_source_kept_at ON raw_document (source, kept_at);
CREATE TABLE source_grade (
	source TEXT NOT NULL,
	grade TEXT NOT NULL,
	missing TEXT[] NOT NULL,
	facts JSONB NOT NULL,
	graded_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_source_grade PRIMARY KEY (source)
)
"""


def upgrade() -> None:
    """Create the tables."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Drop them: the older version grades no source and keeps no document."""
    for table in ("source_grade", "raw_document", "drift", "list_field"):
        op.drop_table(table)
    op.drop_column("run", "cancel_asked_at")

"""Dropped files: what is known of the files that sources leave in folders.

It begins empty: no source left files in a folder before.
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

DDL = """
CREATE TABLE dropped_file (
	source TEXT NOT NULL,
	name TEXT NOT NULL,
	size BIGINT NOT NULL,
	modified BIGINT NOT NULL,
	still_since TIMESTAMP WITH TIME ZONE NOT NULL,
	state TEXT NOT NULL,
	digest BYTEA,
	road BYTEA,
	message TEXT,
	noted_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_dropped_file PRIMARY KEY (source, name, size, modified)
);

CREATE INDEX ix_dropped_file_source_digest ON dropped_file (source, digest)
"""


def upgrade() -> None:
    """Create the table."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Drop it: a file that still lies in its folder then is read anew, its rows are known."""
    op.drop_table("dropped_file")

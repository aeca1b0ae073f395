"""Mappings that sources keep at the hub, by which the files that they send are read."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

DDL = """
CREATE TABLE source_mapping (
	source TEXT NOT NULL,
	name TEXT NOT NULL,
	version INTEGER NOT NULL,
	text TEXT NOT NULL,
	client_id TEXT NOT NULL,
	kept_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_source_mapping PRIMARY KEY (source, name, version)
)
"""


def upgrade() -> None:
    """Create the table."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Drop it: the older version takes no files over the network."""
    op.drop_table("source_mapping")

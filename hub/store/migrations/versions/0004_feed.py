"""Feed: what each source tells of each record type, how often it is read, and how far it came.

It begins empty: what a source tells is written when it is registered, which every run does first.
So after this revision each source is due at once, and is read on the schedules of its feeds then.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DDL = """
CREATE TABLE feed (
	source TEXT NOT NULL,
	record_type TEXT NOT NULL,
	mode TEXT NOT NULL,
	every_s INTEGER,
	promised_freshness_s INTEGER NOT NULL,
	asked_at TIMESTAMP WITH TIME ZONE,
	heard_at TIMESTAMP WITH TIME ZONE,
	since TIMESTAMP WITH TIME ZONE,
	until TIMESTAMP WITH TIME ZONE,
	state JSONB DEFAULT '{}'::jsonb NOT NULL,
	CONSTRAINT pk_feed PRIMARY KEY (source, record_type)
)
"""


def upgrade() -> None:
    """Create the table."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Drop it: the older version harvests every source on one interval and reads it whole."""
    op.drop_table("feed")

"""What was sent to the national platform, and what it answered."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

DDL = """
CREATE TABLE nrii_report (
	platform TEXT NOT NULL,
	type TEXT NOT NULL,
	key TEXT NOT NULL,
	digest BYTEA NOT NULL,
	revision INTEGER NOT NULL,
	sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
	answered_at TIMESTAMP WITH TIME ZONE,
	code TEXT,
	CONSTRAINT pk_nrii_report PRIMARY KEY (platform, type, key, digest)
)
"""


def upgrade() -> None:
    """Create the table."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Refuse: without it everything would be sent a second time."""
    raise RuntimeError("An older version would report everything again; restore a backup instead.")

"""Warned: how many implausible values each source has sent, by item and code.

It begins empty: what was taken before was not judged. An index finds the rows in quarantine that
wait for the record of a row that comes in.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

DDL = """
CREATE TABLE warned (
	source TEXT NOT NULL,
	record_type TEXT NOT NULL,
	path TEXT NOT NULL,
	code TEXT NOT NULL,
	rows BIGINT NOT NULL,
	last_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_warned PRIMARY KEY (source, record_type, path, code)
)
"""

INDEX = "CREATE INDEX ix_quarantine_open ON quarantine (source, key) WHERE status = 'OPEN'"


def upgrade() -> None:
    """Create the table."""
    op.get_bind().exec_driver_sql(DDL)
    op.get_bind().exec_driver_sql(INDEX)


def downgrade() -> None:
    """Drop it: the older version does not judge what is plausible."""
    op.drop_index("ix_quarantine_open", "quarantine")
    op.drop_table("warned")

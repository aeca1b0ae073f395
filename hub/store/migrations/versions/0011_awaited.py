"""Awaited: instruments that records name before anybody states them; personal data by source.

Both begin empty: what came before was not looked at.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

AWAITED = """
CREATE TABLE awaited (
	names TEXT NOT NULL,
	key TEXT NOT NULL,
	source TEXT NOT NULL,
	record_type TEXT NOT NULL,
	first_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_awaited PRIMARY KEY (names, key, source, record_type)
)
"""
PERSONAL = """
CREATE TABLE personal_refused (
	source TEXT NOT NULL,
	code TEXT NOT NULL,
	rows BIGINT NOT NULL,
	last_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_personal_refused PRIMARY KEY (source, code)
)
"""


def upgrade() -> None:
    """Create the tables."""
    op.get_bind().exec_driver_sql(AWAITED)
    op.get_bind().exec_driver_sql(PERSONAL)


def downgrade() -> None:
    """Drop them: the older version looks for neither."""
    op.drop_table("personal_refused")
    op.drop_table("awaited")

"""Through which hubs a source is known; when the next calendar that may not be kept expires."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the index."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Drop them: an older version says nothing of hubs, and looks through the table."""
    op.get_bind().exec_driver_sql("ALTER TABLE source DROP COLUMN via")
    op.get_bind().exec_driver_sql("DROP INDEX ix_transient_calendar_expires_at")

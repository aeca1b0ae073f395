"""Offices see reports and payments by the supervision that they belong to, not by their own word.

Nobody looks for them by the office any more, so the indexes for that go.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the indexes."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Do nothing: an older version finds the same without the indexes."""

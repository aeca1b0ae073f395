"""Listing: pages and counts by class, province and public codes (decision 0007)."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the listing, fill it from what stands, and drop the indexes that it replaces."""
    statements = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(statements)


def downgrade() -> None:
    """Refuse: the version before would not write what it reads."""
    raise RuntimeError("Restore a backup of the version before instead.")

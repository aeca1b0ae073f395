"""Roots over the services that stand claimed on vouchers at the end of each day."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Refuse: an older version knows no such record, and its log holds them."""
    raise RuntimeError("An older version knows no maps of claims; restore a backup instead.")

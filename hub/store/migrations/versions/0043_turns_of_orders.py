"""When the home of an order at another hub was last asked about it."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0043"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; until it is asked about, an order comes first."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    """Drop it: an older version asks about orders by chance."""
    op.drop_column("forwarded_order", "asked_at")

"""Records: sensors, orders, consents, topics, customs, vouchers, and new items of older records."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and add the items."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Refuse: an older version cannot fill the new tables."""
    raise RuntimeError("An older version cannot write these tables; restore a backup instead.")

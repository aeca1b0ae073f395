"""Claims on vouchers that several hubs know of, and what this hub granted to others."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Refuse: an older version would let a service be claimed at two hubs."""
    raise RuntimeError("An older version does not ask other hubs; restore a backup instead.")

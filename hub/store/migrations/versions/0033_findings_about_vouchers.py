"""What a register says of an enterprise, what hubs find about vouchers, and how far they looked."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Refuse: an older version cannot read the new records."""
    raise RuntimeError("An older version cannot read these entries; restore a backup instead.")

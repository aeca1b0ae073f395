"""Where the money of a voucher lies after its last movement, so that not all of them are read."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0035"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; it fills itself from the movements as messages come."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Drop the table: all it says follows from the movements."""
    op.drop_table("voucher_balance")

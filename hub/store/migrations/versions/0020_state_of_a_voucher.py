"""When a voucher came into its state: what is older never replaces it."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the item; vouchers that were stated before say no time."""
    op.get_bind().exec_driver_sql("ALTER TABLE voucher_source ADD COLUMN changed_at TIMESTAMPTZ")


def downgrade() -> None:
    """Drop it; its values stay in the entries."""
    op.get_bind().exec_driver_sql("ALTER TABLE voucher_source DROP COLUMN changed_at")

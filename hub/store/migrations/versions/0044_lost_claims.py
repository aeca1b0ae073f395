"""Claims that other hubs granted and a restored database does not hold."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; peers that were heard before are asked in the next epoch."""
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text("utf-8"))


def downgrade() -> None:
    """Refuse: an older version would spend what a lost claim took."""
    raise RuntimeError("An older version does not stop these vouchers; restore a backup instead.")

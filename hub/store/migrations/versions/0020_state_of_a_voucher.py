"""When a voucher came into its state: what is older never replaces it.

Vouchers that were stated before say no time, and any state may follow them.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the item."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Refuse: an older version cannot write what entries hold by now."""
    raise RuntimeError("An older version cannot write this item; restore a backup instead.")

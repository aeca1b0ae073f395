"""Claims say until when their service was planned: a reservation whose time is over is released.

Claims that were reserved before have no such day, and are released by nobody's calendar.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the item."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Refuse: an older version cannot write what entries hold by now."""
    raise RuntimeError("An older version cannot write this item; restore a backup instead.")

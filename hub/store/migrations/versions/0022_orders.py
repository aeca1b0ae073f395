"""Orders to their end: what came after a booking, and orders at other hubs that are not settled.

Orders that were written before have no such items; rows of the new table come only with new orders.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the items and the table."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Refuse: an older version cannot write what entries hold by now."""
    raise RuntimeError("An older version cannot write these items; restore a backup instead.")

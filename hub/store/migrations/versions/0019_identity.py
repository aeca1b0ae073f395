"""Identity: what a source is kept for, and exceptions of opening hours."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the table."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Refuse: an older version does not honour the exceptions."""
    raise RuntimeError("An older version cannot write these tables; restore a backup instead.")

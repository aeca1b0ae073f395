"""Sources asked live: answers that must not be kept, what is proved of them, how it went."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Refuse: an older version cannot read the new record."""
    raise RuntimeError("An older version cannot read these entries; restore a backup instead.")

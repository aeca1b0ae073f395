"""Search: short and former names of institutions, and the version of the stored search terms.

The search terms of a row are made by code, not by SQL: this revision only notes that none are known
to be of the present version. Whoever opens the database next writes them anew from the entries
(`hub.store.renewal`).
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the items and the table."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Refuse: an older version cannot fill the new items."""
    raise RuntimeError("An older version cannot write these tables; restore a backup instead.")

"""Foundation: every table of the first version."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables as they were then."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Refuse: dropping the entries would drop the truth."""
    raise RuntimeError("The first revision has nothing before it; restore a backup instead.")

"""Foundation: every table of the first version whose records have an owner and an issuer.

Revisions 0001 and 0002 came before anything was published. Their entries do not say whose they are
or who issued them, and some could not have been taken by the rules of today, so they are not
converted: `migrate` says that such a database is to be filled anew.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0003"
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

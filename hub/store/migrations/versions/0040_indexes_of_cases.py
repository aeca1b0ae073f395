"""Cases are found by the digits of an invoice's number, grants by the service that they are of."""

from __future__ import annotations

import re
from pathlib import Path

from alembic import op

revision = "0040"
down_revision = "0035"
branch_labels = None
depends_on = None


DDL = Path(__file__).with_suffix(".sql").read_text("utf-8")


def upgrade() -> None:
    """Create the indexes."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Drop the indexes: an older version finds the same without them."""
    for index in re.findall(r"CREATE INDEX (\w+) ", DDL):
        op.drop_index(index)

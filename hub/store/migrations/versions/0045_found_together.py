"""What stands around a service is found by several items together, however long the history is."""

from __future__ import annotations

import re
from pathlib import Path

from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

DDL = Path(__file__).with_suffix(".sql").read_text("utf-8")


def upgrade() -> None:
    """Create the indexes, and drop the one that is the beginning of a new one."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Turn it back: an older version finds the same, more slowly."""
    for index in re.findall(r"CREATE INDEX (\w+) ", DDL):
        op.drop_index(index)
    for table, column in re.findall(r"DROP INDEX ix_(\w+_source)_(\w+);", DDL):
        op.create_index(f"ix_{table}_{column}", table, [column])

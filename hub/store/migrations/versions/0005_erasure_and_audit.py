"""Erasure and audit: which entries were erased, who read what, and what is given by case.

It begins empty. A body that is missing from an older database was taken out by hand: it is noted as
erased, under the number `before 0005`, so that a check goes on accepting it.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MISSING = """
INSERT INTO erased_entry
SELECT e.entry_id, 'before 0005', now() FROM entry e LEFT JOIN entry_body b USING (entry_id)
WHERE b.entry_id IS NULL
"""


def upgrade() -> None:
    """Create the tables."""
    connection = op.get_bind()
    connection.exec_driver_sql(Path(__file__).with_suffix(".sql").read_text("utf-8"))
    connection.exec_driver_sql(MISSING)


def downgrade() -> None:
    """Refuse: an older version takes erased content for damage, and forgets who read what."""
    raise RuntimeError("What was erased and audited must stay known; restore a backup instead.")

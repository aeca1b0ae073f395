"""Numbers of services: a service record is looked up by its number and by its invoice."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = "service_record_source"
COLUMNS = ("local_id", "invoice_no")


def upgrade() -> None:
    """Create the indexes."""
    for name in COLUMNS:
        op.create_index(f"ix_{TABLE}_{name}", TABLE, [name])


def downgrade() -> None:
    """Drop them: the older version does not look for either."""
    for name in COLUMNS:
        op.drop_index(f"ix_{TABLE}_{name}", TABLE)

"""Numbers of services: a service record is looked up by its number and by its invoice."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INDEXES = ("local_id", "invoice_no")


def upgrade() -> None:
    """Create the indexes."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Drop them: the older version looks for neither."""
    for name in INDEXES:
        op.drop_index(f"ix_service_record_source_{name}")

"""Cases are found by the digits of an invoice's number, grants by the service that they are of."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0040"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes."""
    ddl = Path(__file__).with_suffix(".sql").read_text("utf-8")
    op.get_bind().exec_driver_sql(ddl)


def downgrade() -> None:
    """Drop the indexes: an older version finds the same without them."""
    for table in ("service_order_source", "service_record_source", "voucher_claim_source"):
        op.drop_index(f"ix_{table}_invoice_no_digits")
    op.drop_index("ix_service_grant_service")

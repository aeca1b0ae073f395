"""Documents that clients have registered for themselves."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

DDL = """
CREATE TABLE client_document (
	client_id TEXT NOT NULL,
	document_id TEXT NOT NULL,
	name TEXT,
	text TEXT NOT NULL,
	kept_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_client_document PRIMARY KEY (client_id, document_id)
)
"""


def upgrade() -> None:
    """Create the table."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Drop it: the older version knows its own documents only."""
    op.drop_table("client_document")

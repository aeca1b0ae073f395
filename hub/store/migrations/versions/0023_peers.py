"""Peers: what their logs prove of the records taken from them, and whose home is at which of them.

Both begin empty: the next whole reading of a peer proves what it names.
"""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

DDL = """
CREATE TABLE peer_receipt (
	source TEXT NOT NULL,
	record_type TEXT NOT NULL,
	key TEXT NOT NULL,
	revision INTEGER NOT NULL,
	origin TEXT NOT NULL,
	leaf_index BIGINT NOT NULL,
	log_size BIGINT NOT NULL,
	word TEXT NOT NULL,
	judged_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_peer_receipt PRIMARY KEY (source, record_type, key)
);

CREATE TABLE foreign_home (
	source TEXT NOT NULL,
	owner TEXT NOT NULL,
	address TEXT NOT NULL,
	CONSTRAINT pk_foreign_home PRIMARY KEY (source, owner)
);

CREATE INDEX ix_foreign_home_owner ON foreign_home (owner)
"""


def upgrade() -> None:
    """Create the tables."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Drop them: an older version proves nothing of peers and refuses nobody for them."""
    op.drop_table("foreign_home")
    op.drop_table("peer_receipt")

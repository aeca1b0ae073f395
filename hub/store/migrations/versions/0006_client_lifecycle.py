"""Client lifecycle: registrations that wait for the operator, and the role of a person's key.

`registration` begins empty. A key that has no role is what every key was before: its client decides
and proposes with it alike.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DDL = """
CREATE TABLE registration (
	request_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	name TEXT NOT NULL,
	kid TEXT NOT NULL,
	jwk JSONB NOT NULL,
	scopes TEXT[] NOT NULL,
	sources TEXT[] NOT NULL,
	state TEXT NOT NULL,
	reason TEXT,
	address TEXT,
	requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
	decided_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_registration PRIMARY KEY (request_id)
);
CREATE UNIQUE INDEX ix_registration_kid ON registration (kid);
ALTER TABLE client_key ADD COLUMN role TEXT;
ALTER TABLE request_evidence ADD COLUMN role TEXT
"""


def upgrade() -> None:
    """Create the table and the columns."""
    for statement in DDL.split(";"):
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop them: what waits is asked for again, and every key decides."""
    op.drop_column("request_evidence", "role")
    op.drop_column("client_key", "role")
    op.drop_table("registration")

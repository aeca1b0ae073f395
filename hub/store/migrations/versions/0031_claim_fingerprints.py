"""Fingerprints of claims under the keys that the provinces share, one key a year."""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

DDL = """
CREATE TABLE claim_fingerprint (
	year INTEGER NOT NULL,
	kind TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	issuer TEXT NOT NULL,
	code TEXT NOT NULL,
	claim_no TEXT NOT NULL,
	CONSTRAINT pk_claim_fingerprint PRIMARY KEY (year, kind, fingerprint, issuer, code, claim_no)
);

CREATE INDEX ix_claim_fingerprint_claim ON claim_fingerprint (issuer, code, claim_no);

CREATE TABLE claim_key (
	year INTEGER NOT NULL,
	print TEXT NOT NULL,
	CONSTRAINT pk_claim_key PRIMARY KEY (year)
)
"""


def upgrade() -> None:
    """Create the tables."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Drop them: they are made again from the marks of claims."""
    op.drop_table("claim_key")
    op.drop_table("claim_fingerprint")

"""Erasure and audit: which entries were erased, who read what, and what is given by case.

Kept requests lose the text of the tokens that were sent with them. A body that is missing from an
older database was taken out by hand: it is noted as erased, under the number `before 0005`, so that
a check goes on accepting it.
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
EVIDENCE = r"""
ALTER TABLE request_evidence ADD COLUMN base_digest BYTEA;
CREATE INDEX ix_request_evidence_received_at ON request_evidence (received_at);
CREATE INDEX ix_quarantine_created_at ON quarantine (created_at);
UPDATE request_evidence SET base_digest = sha256(convert_to(base, 'UTF8')),
  base = regexp_replace(base, '^("(authorization|dpop)": ).*$', '\1removed', 'gn');
"""


def upgrade() -> None:
    """Create the tables, and take the tokens out of kept requests."""
    connection = op.get_bind()
    connection.exec_driver_sql(EVIDENCE)
    connection.exec_driver_sql(Path(__file__).with_suffix(".sql").read_text("utf-8"))
    connection.exec_driver_sql(MISSING)


def downgrade() -> None:
    """Refuse: an older version takes erased content for damage, and forgets who read what."""
    raise RuntimeError("What was erased and audited must stay known; restore a backup instead.")

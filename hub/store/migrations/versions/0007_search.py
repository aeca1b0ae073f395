"""Search: short and former names of institutions, and the version of the stored search terms.

The search terms of a row are made by code, not by SQL: this revision only notes that none are known
to be of the present version. Whoever opens the database next writes them anew from the entries
(`hub.store.renewal`).
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0004"
branch_labels = None
depends_on = None

ITEMS = ("short_names", "former_names")
TABLES = ("institution", "institution_source")
DDL = """
CREATE TABLE search_state (
	record_type TEXT NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_search_state PRIMARY KEY (record_type)
)
"""


def upgrade() -> None:
    """Add the items and the table."""
    connection = op.get_bind()
    connection.exec_driver_sql(DDL)
    for table in TABLES:
        for item in ITEMS:
            connection.exec_driver_sql(
                f"ALTER TABLE {table} ADD COLUMN {item} TEXT[] NOT NULL DEFAULT '{{}}'"
            )
            connection.exec_driver_sql(f"ALTER TABLE {table} ALTER COLUMN {item} DROP DEFAULT")


def downgrade() -> None:
    """Drop them; the older version finds by the terms that it knows."""
    connection = op.get_bind()
    for table in TABLES:
        for item in ITEMS:
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {item}")
    op.drop_table("search_state")

"""Readings of power meters: the minutes of the last days, the present state, what came."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

DDL = """
CREATE TABLE power_count (
	source TEXT NOT NULL,
	outcome TEXT NOT NULL,
	messages BIGINT NOT NULL,
	last_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_power_count PRIMARY KEY (source, outcome)
);

CREATE TABLE power_minutes (
	source TEXT NOT NULL,
	instrument_key TEXT NOT NULL,
	sensor TEXT NOT NULL,
	day DATE NOT NULL,
	minutes BYTEA NOT NULL,
	silence INTEGER NOT NULL,
	changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
	told BOOLEAN NOT NULL,
	CONSTRAINT pk_power_minutes PRIMARY KEY (source, instrument_key, sensor, day)
) WITH (fillfactor = 60);

CREATE INDEX ix_power_minutes_source_day ON power_minutes (source, day) WHERE NOT told;

CREATE TABLE power_state (
	source TEXT NOT NULL,
	instrument_key TEXT NOT NULL,
	sensor TEXT NOT NULL,
	state TEXT NOT NULL,
	since TIMESTAMP WITH TIME ZONE,
	as_of TIMESTAMP WITH TIME ZONE,
	silence INTEGER NOT NULL,
	CONSTRAINT pk_power_state PRIMARY KEY (source, instrument_key, sensor)
) WITH (fillfactor = 60);
"""


def upgrade() -> None:
    """Create the tables; room is left in their pages, because their rows change every minute."""
    op.get_bind().exec_driver_sql(DDL)


def downgrade() -> None:
    """Drop them: what was stated of days stays stated, the running day is lost."""
    for table in ("power_state", "power_minutes", "power_count"):
        op.drop_table(table)

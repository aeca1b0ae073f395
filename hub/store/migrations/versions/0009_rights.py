"""Rights: what the hub's role may only have the owner do, with the owner's rights.

`cut_unsigned_leaves` removes the leaves of a log that has ended which no checkpoint covers
(`hub.ledger.rotation`). The role that calls it may not delete leaves itself. Leaves under a
published checkpoint stay, whatever is asked for.
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

FUNCTION = """
CREATE FUNCTION cut_unsigned_leaves(of_origin text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  signed bigint := coalesce((SELECT max(size) FROM checkpoint WHERE origin = of_origin), 0);
BEGIN
  IF NOT EXISTS (SELECT FROM log_state WHERE origin = of_origin AND ended_at IS NOT NULL) THEN
    RAISE EXCEPTION 'log % has not ended', of_origin;
  END IF;
  DELETE FROM leaf WHERE origin = of_origin AND leaf_index >= signed;
  DELETE FROM tile WHERE origin = of_origin AND tile_index * 256 >= signed >> 8 * level;
  UPDATE tile SET hashes = substring(
    hashes FROM 1 FOR ((signed >> 8 * level) - tile_index * 256)::int * 32)
  WHERE origin = of_origin AND (tile_index + 1) * 256 > signed >> 8 * level;
END $$;
REVOKE ALL ON FUNCTION cut_unsigned_leaves(text) FROM PUBLIC
"""


def upgrade() -> None:
    """Create the function."""
    op.get_bind().exec_driver_sql(FUNCTION.replace("%", "%%"))


def downgrade() -> None:
    """Drop it: the older version deletes leaves with its own rights."""
    op.get_bind().exec_driver_sql("DROP FUNCTION cut_unsigned_leaves(text)")

"""`precedence`: which of several sources speaks for an instrument, in SQL.

- The owner's own system comes before a platform. A source whose registration names the owner of a
  row is its own system; one whose registration names nobody is a platform, which speaks for any. A
  source that names others only has no say.
- Among equals the newest statement counts, then the smallest source id.
- One source speaks: what two of them say is never put together. How old a statement is does not
  change who speaks, so a platform does not step in while the owner's own system is late.
"""

from __future__ import annotations


def spoken(table: str, of: str, key: str) -> str:
    """Return a FROM item: what is stated of the instrument `key` by the source that speaks for it.

    Its rows are those of a table of statements, whose column `of` names the instrument, with
    `active` and `promised_freshness_s` of the source. Who speaks is chosen once for all of them.
    """
    first = '(s.owners IS NULL),p.as_of DESC,p.source COLLATE "C"'
    return (
        f"(SELECT x.* FROM (SELECT p.*,s.active,s.promised_freshness_s,"
        f"first_value(p.source) OVER (ORDER BY {first}) AS speaker"
        f" FROM {table} p JOIN source s ON s.source_id = p.source"
        f" WHERE p.{of} = {key} AND NOT p.withdrawn"
        f" AND (s.owners IS NULL OR p.owner = ANY(s.owners))) x"
        " WHERE x.source = x.speaker)"
    )


def order(alias: str, platforms: str) -> str:
    """Return the ORDER BY list that puts the record first which precedence names.

    `platforms` is the parameter with the sources that speak for anybody; every other one was taken
    at its word only where it speaks for the owner. Asking the register for each row would cost a
    look-up of one record a sixth of its time.
    """
    return f"({alias}.source = ANY({platforms})),{alias}.as_of DESC,{alias}.item_id"

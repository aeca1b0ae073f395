"""`precedence`: which of several sources speaks for an instrument, in SQL.

- The owner's own system comes before a platform. A source that is registered for institutions is
  their own system, since intake takes from it what it says of these and nothing else; one that is
  registered for nobody is a platform, which speaks for anybody.
- Among equals the newest statement counts, then the smallest source id.
- One source speaks: what two of them say is never put together. How old a statement is does not
  change who speaks, so a platform does not step in while the owner's own system is late.
- Statements know the platforms from a parameter (`Statement.bind_platforms`): asking the register
  for each row would cost a look-up of one record a sixth of its time, and a search a third.
"""

from __future__ import annotations


def spoken(table: str, of: str, key: str, columns: str, platforms: str) -> str:
    """Return a FROM item: what is stated of the instrument `key` by the source that speaks for it.

    It has the source and these columns of a table of statements, whose column `of` names the
    instrument. Who speaks is chosen once for all of them.
    """
    first = f'(p.source = ANY({platforms})),p.as_of DESC,p.source COLLATE "C"'
    return (
        f"(SELECT x.* FROM (SELECT p.source,{columns},"
        f"first_value(p.source) OVER (ORDER BY {first}) AS speaker"
        f" FROM {table} p WHERE p.{of} = {key} AND NOT p.withdrawn) x"
        " WHERE x.source = x.speaker)"
    )


def order(alias: str, platforms: str) -> str:
    """Return the ORDER BY list that puts the record first which precedence names."""
    return f"({alias}.source = ANY({platforms})),{alias}.as_of DESC,{alias}.item_id"

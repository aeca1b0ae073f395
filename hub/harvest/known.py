"""`known`: which records of a source the hub holds that a whole reading should name again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, or_, select

from adapters._adapter import Collection, Context
from hub.store.database import Database
from schema.traits import Occupies

__all__ = ["known_keys"]


async def known_keys(
    database: Database, record_type: str, context: Context, lists: Sequence[Collection] = ()
) -> set[str]:
    """Return the keys that stand for this source; `lists` are those that should name them.

    Of what takes time only the rows that touch the window which was asked for, and of a list that
    is asked by a moment (`Collection.within`) only those whose moment is in it. What was stated
    after the run began (somebody asked the source live meanwhile) the run cannot miss.
    """
    table = database.records.tables[record_type].source
    statement = select(table.c.key).where(
        table.c.source == context.source,
        table.c.withdrawn.is_(False),
        table.c.as_of <= context.now,
    )
    occupies = database.records.registry[record_type].trait(Occupies)
    if occupies is not None:
        statement = statement.where(
            table.c[occupies.end] > context.window_start,
            table.c[occupies.start] < context.window_end,
        )
    for each in lists:
        if each.within:
            window, moment = each.window(context), table.c[each.within]
            inside = and_(moment >= window.since, moment < window.until)
            statement = statement.where(or_(moment.is_(None), inside))
    async with database.core() as connection:
        return set((await connection.execute(statement)).scalars())

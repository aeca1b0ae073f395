"""`known`: which records of a source the hub holds that a whole reading should name again."""

from __future__ import annotations

from sqlalchemy import select

from adapters._adapter import Context
from hub.store.database import Database
from schema.traits import Occupies

__all__ = ["known_keys"]


async def known_keys(database: Database, record_type: str, context: Context) -> set[str]:
    """Return the keys that stand for this source.

    Of what takes time only the rows that touch the window which was asked for. What was stated
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
    async with database.core() as connection:
        return set((await connection.execute(statement)).scalars())

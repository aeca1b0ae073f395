"""`known`: which records of a source the hub holds that a whole reading should name again."""

from __future__ import annotations

from sqlalchemy import select

from adapters._adapter import Context
from hub.store.database import Database
from hub.store.tables import TABLES

__all__ = ["known_keys"]


async def known_keys(database: Database, record_type: str, context: Context) -> set[str]:
    """Return the keys that stand for this source.

    Of occupancies only those that touch the window which was asked for.
    """
    table = TABLES[record_type].source
    statement = select(table.c.key).where(
        table.c.source == context.source, table.c.withdrawn.is_(False)
    )
    if record_type == "Occupancy":
        statement = statement.where(
            table.c.end_at > context.window_start, table.c.start_at < context.window_end
        )
    async with database.core() as connection:
        return set((await connection.execute(statement)).scalars())

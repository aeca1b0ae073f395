"""`metadata`: what the definitions of tables have in common; `hub.store.tables` holds the whole."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, DateTime, MetaData, Text, text
from sqlalchemy.types import UserDefinedType


class Xid8(UserDefinedType[str]):
    """A PostgreSQL transaction id that never wraps around."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Return the name of the SQL type."""
        return "xid8"


NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
}
METADATA = MetaData(naming_convention=NAMES)


def instant_column(name: str, *, nullable: bool = False) -> Column[Any]:
    """Return a column of instants."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def origin_column() -> Column[Any]:
    """Which log a row is of; compared byte by byte."""
    return Column("origin", Text(collation="C"), primary_key=True)


def xid_column() -> Column[Any]:
    """Return the column of the transaction that wrote a row."""
    return Column("xid", Xid8(), nullable=False, server_default=text("pg_current_xact_id()"))

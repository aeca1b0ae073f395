"""`migrations`: brings a database to the tables of this version, and says where it differs.

- A revision is text of its own: it never reads the present tables, so it does tomorrow what it does
  today. A test compares what all of them make with what the present tables say.
- Several workers may start at once: an advisory lock lets one migrate and the others wait.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from hub.errors import DatabaseUnavailableError, ErrorCode, HubError
from hub.store.records import StoredRecords, standard_records
from hub.store.tables import METADATA, Xid8

FOLDER = Path(__file__).parent
LOCK = 0x64656C7461  # any constant of our own
CONNECT_TIMEOUT_S = 10
UNPUBLISHED = frozenset({"0001", "0002"})
"""Revisions of versions before the first published one."""


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`.

    Raises `DatabaseUnavailableError` when it cannot be reached, `HubError` CONFLICT when a version
    filled it whose records this one does not take over.
    """
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            _refuse_unpublished(connection)
            config = Config()
            config.set_main_option("script_location", str(FOLDER))
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except OperationalError as error:
        raise DatabaseUnavailableError(str(error.orig).strip()) from error
    finally:
        engine.dispose()


def _refuse_unpublished(connection: Connection) -> None:
    """Refuse a database of a revision that was never published and has no way forward."""
    known = MigrationContext.configure(connection).get_current_heads()
    if UNPUBLISHED.intersection(known):
        raise HubError(
            ErrorCode.CONFLICT,
            message_zh="该数据库由早期版本写入，其记录没有所属单位与出具单位，不能沿用",
            message_en="this database was filled by an early version whose records have no owner",
            hint="Name an empty database (or move the data folder away) and fill it anew: harvest, "
            "and let the sources push again.",
        )


def differences(url: str, records: StoredRecords | None = None) -> list[Any]:
    """Return what distinguishes the database from the tables of this version; empty is right."""
    tables = [METADATA, (records or standard_records()).metadata]
    ischema_names.setdefault("xid8", Xid8)
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            # It takes several, as its documentation says and its types do not.
            return list(compare_metadata(context, tables))  # type: ignore[arg-type]
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )

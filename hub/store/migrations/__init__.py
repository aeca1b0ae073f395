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
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from hub.errors import DatabaseUnavailableError
from hub.store.tables import METADATA, Xid8

FOLDER = Path(__file__).parent
LOCK = 0x64656C7461  # any constant of our own
CONNECT_TIMEOUT_S = 10


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`.

    Raises `DatabaseUnavailableError` when it cannot be reached.
    """
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            config = Config()
            config.set_main_option("script_location", str(FOLDER))
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except OperationalError as error:
        raise DatabaseUnavailableError(str(error.orig).strip()) from error
    finally:
        engine.dispose()


def differences(url: str) -> list[Any]:
    """Return what distinguishes the database from the tables of this version; empty is right."""
    ischema_names.setdefault("xid8", Xid8)
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return list(compare_metadata(context, METADATA))
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
    )

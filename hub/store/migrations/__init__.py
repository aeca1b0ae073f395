"""`migrations`: brings a database to the tables of this version, and says where it differs.

- A revision is text of its own: it never reads the present tables, so it does tomorrow what it does
  today. A test compares what all of them make with what the present tables say.
- Several workers may start at once: an advisory lock lets one migrate and the others wait.
- A role that may not change tables is enough where there is nothing to change.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from hub.errors import DatabaseUnavailableError, ErrorCode, HubError
from hub.store.metadata import Xid8
from hub.store.records import StoredRecords, standard_records
from hub.store.tables import METADATA

FOLDER = Path(__file__).parent
LOCK = 0x64656C7461  # any constant of our own
CONNECT_TIMEOUT_S = 10
UNPUBLISHED = frozenset({"0001", "0002"})
"""Revisions of versions before the first published one."""
_MAY_NOT = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`.

    Raises `DatabaseUnavailableError` when it cannot be reached, `HubError` CONFLICT when another
    version filled it that this one cannot follow, or when the role may not change tables.
    """
    engine = _engine(url)
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    scripts = ScriptDirectory.from_config(config)
    try:
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            present = MigrationContext.configure(connection).get_current_heads()
            _refuse_unknown(present, {script.revision for script in scripts.walk_revisions()})
            if revision == "head" and set(present) == set(scripts.get_heads()):
                return
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except OperationalError as error:
        raise DatabaseUnavailableError(str(error.orig).strip()) from error
    except DBAPIError as error:
        if not isinstance(error.orig, _MAY_NOT):
            raise
        raise _may_not_migrate(str(error.orig).strip().partition("\n")[0]) from error
    finally:
        engine.dispose()


def revision_of(url: str) -> tuple[str, str]:
    """Return the revision of a database, "" for a bare one, and that of this version."""
    engine = _engine(url)
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    try:
        with engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_heads()
    except OperationalError as error:
        raise DatabaseUnavailableError(str(error.orig).strip()) from error
    finally:
        engine.dispose()
    return ", ".join(present), ", ".join(ScriptDirectory.from_config(config).get_heads())


def _may_not_migrate(reason: str) -> HubError:
    return HubError(
        ErrorCode.CONFLICT,
        message_zh="数据库的表须升级，但所用角色无权更改表结构",
        message_en=f"The tables must be brought to this version, and the role may not: {reason}",
        hint="Name a role that owns them in HUB_DATABASE_OWNER_URL and run: deltahub store migrate "
        "(docs/operators/roles.md). A standby cannot be migrated at all.",
        hint_zh="请在 HUB_DATABASE_OWNER_URL 中写明表的属主角色，"
        "再运行 deltahub store migrate（docs/operators/roles.md）。备用库不能迁移。",
    )


def _refuse_unknown(present: Collection[str], known: Collection[str]) -> None:
    """Refuse a revision that was never published and has no way forward, and one of the future."""
    newer = sorted(set(present) - set(known) - UNPUBLISHED)
    if newer:
        raise HubError(
            ErrorCode.CONFLICT,
            message_zh=f"该数据库由更新的版本写入（修订 {newer[0]}），本版本不能使用",
            message_en=f"this database is of a newer version (revision {newer[0]})",
            hint="Start that version of the hub, or restore a backup of this one into an empty "
            "database. Nothing was changed.",
            hint_zh="请启动该版本的枢纽，或将本版本的备份恢复到空数据库。没有改动任何内容。",
        )
    if UNPUBLISHED.intersection(present):
        raise HubError(
            ErrorCode.CONFLICT,
            message_zh="该数据库由早期版本写入，其记录没有所属单位与出具单位，不能沿用",
            message_en="this database was filled by an early version whose records have no owner",
            hint="Name an empty database (or move the data folder away) and fill it anew: harvest, "
            "and let the sources push again.",
            hint_zh="请指定空数据库（或移走数据文件夹），再重新采集并请各来源重新推送。",
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

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, make_url

from hub.errors import ErrorCode, HubError
from hub.store.migrations import UNPUBLISHED, differences, migrate
from hub.store.records import standard_records
from hub.store.tables import METADATA
from tests.databases import lent_database

pytestmark = pytest.mark.integration


@pytest.fixture
def empty_url(cluster: str) -> Iterator[str]:
    with lent_database(cluster) as url:
        yield url


def catalogue(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that PostgreSQL says of tables and indexes, as it writes it itself."""
    asked = {
        "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "columns": "SELECT table_name, column_name, data_type, udt_name, is_nullable,"
        " column_default, collation_name, identity_generation FROM information_schema.columns"
        " WHERE table_schema = 'public'",
    }
    with psycopg.connect(url) as connection:
        return {
            name: sorted(
                row
                for row in connection.execute(statement.encode()).fetchall()
                if not str(row).startswith("('alembic_version")
            )
            for name, statement in asked.items()
        }


def test_a_migrated_database_has_exactly_the_tables_of_this_version(
    database_url: str, empty_url: str
) -> None:
    assert differences(database_url) == []
    engine = create_engine(make_url(empty_url).set(drivername="postgresql+psycopg"))
    METADATA.create_all(engine)
    standard_records().metadata.create_all(engine)
    engine.dispose()
    assert catalogue(database_url) == catalogue(empty_url)


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    assert differences(database_url) == []


@pytest.mark.parametrize("revision", sorted(UNPUBLISHED))
def test_a_database_of_a_version_before_owners_is_told_to_be_filled_anew(
    empty_url: str, revision: str
) -> None:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES (%s)", (revision,))
    with pytest.raises(HubError) as error:
        migrate(empty_url)
    assert error.value.code is ErrorCode.CONFLICT
    assert "fill it anew" in str(error.value.hint)
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("SELECT to_regclass('entry')").fetchone() == (None,)

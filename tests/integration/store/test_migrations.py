from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, make_url

from hub.store.migrations import differences, migrate
from hub.store.tables import METADATA
from tests.conftest import address

pytestmark = pytest.mark.integration

INSTRUMENT = """
INSERT INTO instrument (source, key, item_id, entry_id, revision, revision_id, digest, as_of,
  accepted_at, assurance, channel, classes, subjects, funding, topics, accessories, identifiers,
  originals, name_sort, classes_path, province, status)
SELECT 's', 'k', 'instr_1', 1, 1, 'r', '', now(), now(), 'HUB_OBSERVED', 'PUSH', '[]', '{}', '[]',
  '{}', '{}', '[]', '[]', 'dian jing', '{"GB/T 32847:01","GB/T 32847:0101"}', '31', 'IDLE'
"""


@pytest.fixture
def empty_url(cluster: str) -> Iterator[str]:
    name = "hub_migrations"
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    yield address(cluster, name)
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


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
    engine.dispose()
    assert catalogue(database_url) == catalogue(empty_url)


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    assert differences(database_url) == []


def test_a_database_of_the_first_revision_gets_its_listing_filled(empty_url: str) -> None:
    migrate(empty_url, "0001")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(INSTRUMENT)
    migrate(empty_url)
    assert differences(empty_url) == []
    with psycopg.connect(empty_url) as connection:
        found = connection.execute(
            "SELECT step, name_sort, province, status FROM instrument_listing ORDER BY step"
        ).fetchall()
    assert found == [
        (step, "dian jing", "31", "IDLE") for step in ("", "GB/T 32847:01", "GB/T 32847:0101")
    ]

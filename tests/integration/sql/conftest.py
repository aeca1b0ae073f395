"""Databases of a unit: one in the session's PostgreSQL, one in a MariaDB of the session's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count

import psycopg
import pytest
from sqlalchemy import make_url

from connectors.limits import Limits
from connectors.sql.session import SqlSession, open_sql
from tests.databases import lent_database
from tests.integration.sql import mariadb

LIMITS = Limits(attempts_max=1, connect_s=10, read_s=10, total_s=20)
PASSWORD = "p@ss/word-of-the-reader"
Open = Callable[..., AbstractAsyncContextManager[SqlSession]]
_numbers = count(1)


class Unit:
    """A database of a unit: what it holds, and how the hub's reader opens it."""

    def __init__(self, url: str, role: str, execute: Callable[..., None]) -> None:
        self.url = url
        self.role = role
        self.execute = execute

    @asynccontextmanager
    async def open(self, limits: Limits = LIMITS, **more: object) -> AsyncIterator[SqlSession]:
        async with open_sql("lims", make_url(self.url), limits, is_tls=False, **more) as session:
            yield session


@pytest.fixture
def postgresql(cluster: str) -> Iterator[Unit]:
    """An empty database, and a role that reads what it is given."""
    with lent_database(cluster) as url:
        role = f"unit_reader_{next(_numbers)}"

        def execute(*statements: str) -> None:
            with psycopg.connect(url, autocommit=True) as connection:
                for statement in statements:
                    connection.execute(statement.encode())

        execute(
            f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'",
            f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role}",
        )
        reading = make_url(url).set(username=role, password=PASSWORD)
        unit = Unit(reading.render_as_string(hide_password=False), role, execute)
        try:
            yield unit
        finally:
            execute(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


@pytest.fixture
def mysql(mariadb_server: mariadb.MariaDb) -> Iterator[Unit]:
    """An empty database, and a user who reads it."""
    name = f"unit_{next(_numbers)}"
    mariadb_server.execute(
        f"CREATE DATABASE {name} CHARACTER SET utf8mb4",
        f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
        f"GRANT SELECT ON {name}.* TO {name}@'127.0.0.1'",
    )
    url = make_url("mysql://").set(
        username=name,
        password=PASSWORD,
        host="127.0.0.1",
        port=mariadb_server.port,
        database=name,
    )

    def execute(*statements: str) -> None:
        mariadb_server.execute(*statements, database=name)

    unit = Unit(url.render_as_string(hide_password=False), name, execute)
    try:
        yield unit
    finally:
        mariadb_server.execute(f"DROP DATABASE {name}", f"DROP USER {name}@'127.0.0.1'")

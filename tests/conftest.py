"""Fixtures that every test may use.

- `cluster`: one PostgreSQL for the session: `HUB_TEST_DATABASE_URL` when set (a superuser's, its
  databases are made and dropped), else an embedded throwaway server.
- `database_url`: a migrated, empty database of the test's own.
- `server`: a PostgreSQL of the test's own, not yet started, for tests that kill it.
- `database`: a `hub.store.database.Database` on it.
- Asynchronous tests and fixtures run on asyncio only.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from hub.embedded.server import EmbeddedPostgres
from hub.store.database import Database
from hub.store.migrations import migrate

_numbers = count(1)

# Servers do not live below pytest's own folder: every pytest that starts closes that folder to
# other users, and as root the server runs as another user.
PREFIX = "hub-test-"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The address of a server's maintenance database."""
    given = os.environ.get("HUB_TEST_DATABASE_URL")
    if given:
        yield given
        return
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX) as folder,
        EmbeddedPostgres(Path(folder) / "pg", throwaway=True) as started,
    ):
        yield started.url_of("postgres")


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test's own, not yet started, for tests that kill it."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        made = EmbeddedPostgres(Path(folder) / "pg", throwaway=True)
        yield made
        made.stop()


@pytest.fixture(scope="session")
def template(cluster: str) -> Iterator[str]:
    """The name of a migrated database that others are copied from."""
    name = f"hub_template_{os.getpid()}"
    _run(cluster, f'CREATE DATABASE "{name}" TEMPLATE template0')
    migrate(address(cluster, name))
    yield name
    _run(cluster, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database_url(cluster: str, template: str) -> Iterator[str]:
    """The address of a migrated, empty database of this test's own."""
    name = f"hub_test_{os.getpid()}_{next(_numbers)}"
    _run(cluster, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield address(cluster, name)
    _run(cluster, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A `Database` on this test's own database."""
    async with Database(database_url) as opened:
        yield opened


def address(cluster: str, name: str) -> str:
    """Return the address of another database on the same server."""
    head, slash, tail = cluster.partition("?")
    return f"{head.rpartition('/')[0]}/{name}{slash}{tail}"


def _run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())

"""Fixtures that every test may use.

- `cluster`: one PostgreSQL for the session: `HUB_TEST_DATABASE_URL` when set (a superuser's, its
  databases are made and dropped), else an embedded throwaway server.
- `database_url`: a migrated, empty database of the test's own, under the role that a hub has.
- `mariadb_server`: one MariaDB for the session, where it is installed.
- `server`: a PostgreSQL of the test's own, not yet started, for tests that kill it.
- `database`: a `hub.store.database.Database` on it.
- Asynchronous tests and fixtures run on asyncio only.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hub.embedded.server import EmbeddedPostgres
from hub.store.database import Database
from hub.store.roles import prepare
from tests.databases import Spares, lent_database, make_roles, name_of, opened
from tests.integration.sql import mariadb

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


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[mariadb.MariaDb]:
    """The session's MariaDB; without its program the tests skip."""
    if mariadb.SERVER is None or mariadb.INSTALL is None:
        pytest.skip(mariadb.MISSING)
    with mariadb.running() as server:
        yield server


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
    with lent_database(cluster) as url:
        prepare(make_roles(url))
        yield name_of(url)


@pytest.fixture(scope="session")
def spares(cluster: str, template: str) -> Iterator[Spares]:
    """Databases that are lent to one test after the other."""
    with ExitStack() as stack:
        yield Spares(cluster, template, stack)


@pytest.fixture
def database_url(spares: Spares) -> Iterator[str]:
    """The address of a migrated, empty database of this test's own."""
    with spares.lent() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A `Database` on this test's own database."""
    async with opened(database_url) as made:
        yield made

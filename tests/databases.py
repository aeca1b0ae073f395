"""`databases`: databases of one test's own, on the server that the session has.

Making one from a template takes half a second, emptying one that a test has used some hundredths.
So a used one is emptied and lent again (`Spares`), unless the test changed more than rows.

A hub gets the login of the role that it has in production (`hub.store.roles`): what it may not do
there fails here. A test that damages something on purpose logs in as the owner (`as_owner`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import MetaData, create_engine, make_url

from hub.store.database import Database
from hub.store.roles import HUB, OWNER, READ, Logins, creation, grant

BARE = "template0"
"""The template of a database that holds nothing, not even tables."""

_numbers = count(1)


@contextmanager
def lent_database(cluster: str, template: str = BARE) -> Iterator[str]:
    """Lend the address of a new copy of a template; the copy goes away with whatever uses it."""
    name = f"hub_test_{os.getpid()}_{next(_numbers)}"
    _run(cluster, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield _address(cluster, name)
    finally:
        _run(cluster, f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def lent_to_hub(cluster: str, template: str) -> Iterator[str]:
    """Lend a new copy of a migrated template, under the role that a hub has."""
    with lent_database(cluster, template) as url:
        yield logins(url).hub


def opened(url: str, **more: Any) -> Database:
    """Return a hub's database as production opens it: what only reads has a role of its own."""
    return Database(url, read_url=as_role(url, READ), **more)


def make_tables(url: str, tables: MetaData) -> None:
    """Make tables of a test's own, with the rights of the hub's roles over them."""
    engine = create_engine(make_url(as_owner(url)).set(drivername="postgresql+psycopg"))
    tables.create_all(engine)
    engine.dispose()
    grant(as_owner(url), HUB, READ)


def as_role(url: str, role: str) -> str:
    """Return the address of the same database under another role."""
    return make_url(url).set(username=role).render_as_string(hide_password=False)


def as_owner(url: str) -> str:
    """Return the address for what a hub may not do itself."""
    return as_role(url, OWNER)


def logins(url: str) -> Logins:
    """Return all three logins of a database."""
    return Logins(hub=as_role(url, HUB), read=as_role(url, READ), owner=as_owner(url))


def make_roles(url: str) -> Logins:
    """Make the roles of a database; `url` is a superuser's, whose password they get."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in creation(name_of(url)):
            connection.execute(statement.encode())
        password = conninfo_to_dict(url).get("password")
        for role in (HUB, READ, OWNER) if password else ():
            connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'".encode())
    return logins(url)


def analyze(url: str) -> None:
    """Renew the statistics of a database's own tables.

    Not `ANALYZE` alone: it stops at a temporary table that a session drops which is just closing.
    """
    with psycopg.connect(as_owner(url), autocommit=True) as connection:
        named = connection.execute(_OWN_TABLES).fetchone() or ("",)
        connection.execute(f"ANALYZE {named[0]}".encode())


_OWN_TABLES = b"""
SELECT string_agg(oid::regclass::text, ', ') FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"""


class Spares:
    """Databases like a template; each is lent to one test at a time, and is empty then."""

    def __init__(self, cluster: str, template: str, stack: ExitStack) -> None:
        self._made = (cluster, template)
        self._stack = stack
        self._free: list[str] = []
        self._shape = ""

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Lend the address of an empty database, under the hub's role."""
        url = self._free.pop() if self._free else self._new()
        yield logins(url).hub
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_LEFT_OVER)
            if _shape(connection) == self._shape:
                connection.execute(_EMPTY)
                self._free.append(url)

    def _new(self) -> str:
        url = self._stack.enter_context(lent_database(*self._made))
        make_roles(url)  # rights over a database are not copied with it
        with psycopg.connect(url, autocommit=True) as connection:
            self._shape = _shape(connection)
        return url


_LEFT_OVER = b"""
SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE datname = current_database()
  AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""
_EMPTY = b"""
DO $$
DECLARE filled text;
BEGIN
  SELECT string_agg(oid::regclass::text, ', ') INTO filled FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
    AND pg_relation_size(oid) > 0;
  IF filled IS NOT NULL THEN
    EXECUTE 'TRUNCATE ' || filled;
  END IF;
  PERFORM setval(oid, 1, false) FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind = 'S';
END $$"""
_SHAPE = b"""
SELECT md5(string_agg(line, ' ' ORDER BY line COLLATE "C")) FROM (
  SELECT format('%s %s %s %s', attrelid, attname, atttypid, attnotnull) FROM pg_attribute
  WHERE attnum > 0 AND attrelid IN (
    SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i')
  UNION ALL SELECT format('%s %s %s %s', indexrelid, indisvalid, indexprs, indpred) FROM pg_index
  WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
  UNION ALL SELECT format('%s %s', oid, conname) FROM pg_constraint
  WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT tgname FROM pg_trigger
  UNION ALL SELECT s.setconfig::text FROM pg_db_role_setting s JOIN pg_database d
    ON d.oid = s.setdatabase WHERE d.datname = current_database()
  UNION ALL SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_'
  UNION ALL SELECT format('%s %s', oid, relacl) FROM pg_class
  WHERE relnamespace = 'public'::regnamespace
) all_of_it(line)"""
"""What a database is made of, apart from its rows. Compared with itself alone, so numbers of things
will do for what they are: what was made anew has another one."""


def _shape(connection: psycopg.Connection[Any]) -> str:
    (found,) = connection.execute(_SHAPE).fetchone() or ("",)
    return str(found)


def name_of(url: str) -> str:
    """Return the name of the database that an address leads to."""
    return url.partition("?")[0].rpartition("/")[2]


def superuser_name(cluster: str) -> str:
    """Return the name of the superuser of a server."""
    return str(make_url(cluster).username)


def _address(cluster: str, name: str) -> str:
    head, slash, tail = cluster.partition("?")
    return f"{head.rpartition('/')[0]}/{name}{slash}{tail}"


def _run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())

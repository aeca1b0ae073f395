"""`databases`: databases of one test's own, on the server that the session has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg

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


def name_of(url: str) -> str:
    """Return the name of the database that an address leads to."""
    return url.partition("?")[0].rpartition("/")[2]


def _address(cluster: str, name: str) -> str:
    head, slash, tail = cluster.partition("?")
    return f"{head.rpartition('/')[0]}/{name}{slash}{tail}"


def _run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())

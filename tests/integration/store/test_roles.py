"""What PostgreSQL refuses to the hub itself, whoever speaks through it."""

from __future__ import annotations

import psycopg
import pytest

from hub.embedded.server import DATABASE, EmbeddedPostgres
from hub.errors import ErrorCode, HubError
from hub.store import roles
from hub.store.database import Database
from hub.store.migrations import migrate
from hub.store.records import standard_records
from hub.store.roles import HUB, OWNER, READ, Logins, ensure_roles, grant, may_change_entries
from hub.store.tables import METADATA
from tests.databases import as_owner, as_role, lent_database, logins, make_roles

pytestmark = pytest.mark.integration
KEPT = ("entry", "leaf", "cosignature", "log_key")
TABLES = sorted({*METADATA.tables, *standard_records().metadata.tables, "alembic_version"})
DERIVED = set(standard_records().metadata.tables)


def refused(url: str, statement: str) -> bool:
    with psycopg.connect(url) as connection:
        try:
            connection.execute(statement.encode())
        except psycopg.errors.InsufficientPrivilege:
            return True
    return False


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize("role", [HUB, READ])
def test_what_was_stated_and_signed_cannot_be_changed(
    database_url: str, role: str, table: str
) -> None:
    url = as_role(database_url, role)
    column = next(iter(METADATA.tables[table].columns)).name
    for statement in (
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
        f"ALTER TABLE {table} OWNER TO {role}",
        f"CREATE RULE r AS ON DELETE TO {table} DO INSTEAD NOTHING",
        f"SELECT * FROM {table} FOR UPDATE",
        f"MERGE INTO {table} t USING (SELECT 1) s(n) ON true WHEN MATCHED THEN DELETE",
    ):
        assert refused(url, statement), statement
    assert not refused(as_owner(database_url), f"DELETE FROM {table}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tile SET level = 1",
        "DELETE FROM tile",
        "UPDATE checkpoint SET root = ''",
        "UPDATE checkpoint SET size = 1",
        "DELETE FROM checkpoint",
        "UPDATE entry_body SET canon = ''",
        "UPDATE request_evidence SET base = ''",
        "DELETE FROM log_state",
        "UPDATE alembic_version SET version_num = '0003'",
        "TRUNCATE client",
        "CREATE TABLE t (n int)",
        "CREATE SCHEMA hub",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE EXTENSION vector",
        "CREATE ROLE another",
        "CREATE DATABASE another",
        "ALTER ROLE hub SUPERUSER",
        "SET ROLE hub_owner",
        "SELECT setval('entry_entry_id_seq', 1)",
        "SET session_replication_role = replica",
        "COPY entry FROM PROGRAM 'true'",
        "COPY source TO '/tmp/source'",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT lo_import('/etc/passwd')",
    ],
)
def test_the_hub_may_not(database_url: str, statement: str) -> None:
    refusal = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with psycopg.connect(database_url, autocommit=True) as connection, refusal:
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT raw FROM quarantine",
        "SELECT answer FROM idempotency",
        "SELECT base FROM request_evidence",
        "INSERT INTO former_source VALUES ('a', 'b')",
        "UPDATE client SET scopes = '{}'",
        "DELETE FROM instrument",
        "CREATE TEMP TABLE t (n int)",
        "SET ROLE hub",
        "SELECT nextval(pg_get_serial_sequence('entry', 'entry_id'))",
        "SELECT cut_unsigned_leaves('x')",
    ],
)
def test_the_role_of_answers_may_not(database_url: str, statement: str) -> None:
    with psycopg.connect(as_role(database_url, READ), autocommit=True) as connection:
        connection.execute(b"SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_every_table_has_been_thought_about() -> None:
    known = {*roles.WRITES, *roles.ORDINARY, *DERIVED}
    assert [name for name in TABLES if name not in known] == []
    assert set(roles.WRITES) & roles.ORDINARY == set()
    assert {*roles.WRITES, *roles.ORDINARY, *roles.UNREAD} <= set(TABLES)


def test_the_rights_in_the_database_are_those_that_are_stated(database_url: str) -> None:
    with psycopg.connect(as_owner(database_url)) as connection:
        present = roles._present(connection)
        found = connection.execute(roles._RELATIONS).fetchall()
    tables = [name for name, is_sequence in found if not is_sequence]
    assert set(tables) == set(TABLES)
    for name in tables:
        assert present[HUB, name] == roles.writes(name)
        assert present.get((READ, name), frozenset()) == roles.reads(name)


def test_rights_that_were_given_by_hand_are_taken_back_and_others_are_left(
    database_url: str,
) -> None:
    owner = as_owner(database_url)
    with psycopg.connect(owner) as connection:
        connection.execute(
            "GRANT UPDATE ON entry TO hub; REVOKE SELECT ON instrument FROM hub_read"
        )
    assert may_change_entries(database_url)
    assert grant(owner, HUB, READ)
    assert not may_change_entries(database_url)
    assert refused(database_url, "UPDATE entry SET key = key")
    assert not refused(as_role(database_url, READ), "SELECT FROM instrument")
    assert not grant(owner, HUB, READ)


def test_a_table_of_a_migration_has_its_rights_at_once(database_url: str) -> None:
    with psycopg.connect(as_owner(database_url)) as connection:
        connection.execute("CREATE TABLE later (n int)")
    assert refused(database_url, "SELECT FROM later")
    roles.prepare(logins(database_url))
    assert not refused(database_url, "INSERT INTO later VALUES (1)")


def test_leaves_under_a_checkpoint_are_not_cut_off_by_the_hub(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO leaf SELECT 'o', n, n, '' FROM generate_series(0, 4) n;"
            "INSERT INTO log_state VALUES ('o', 1, 5, '', now());"
            "INSERT INTO checkpoint VALUES ('o', 3, '', '', 1, now())"
        )
        with pytest.raises(psycopg.errors.RaiseException, match="has not ended"):
            connection.execute("SELECT cut_unsigned_leaves('o')")
        connection.execute("UPDATE log_state SET ended_at = now()")
        connection.execute("SELECT cut_unsigned_leaves('o')")
        left = connection.execute("SELECT leaf_index FROM leaf ORDER BY 1").fetchall()
    assert left == [(0,), (1,), (2,)]


def test_a_role_without_rights_over_tables_is_told_so(cluster: str) -> None:
    with lent_database(cluster) as url:
        made = make_roles(url)
        migrate(made.owning, "0003")
        roles.grant(url, HUB, READ)
        with pytest.raises(HubError) as error:
            migrate(made.hub)
        assert error.value.code is ErrorCode.CONFLICT
        assert "HUB_DATABASE_OWNER_URL" in error.value.hint
        assert "Traceback" not in error.value.message_en
        roles.prepare(made)
        migrate(made.hub)  # nothing is left to do


def test_one_role_may_do_everything_and_it_is_said(cluster: str) -> None:
    with lent_database(cluster) as url:
        roles.prepare(Logins(hub=url))
        assert may_change_entries(url)


async def test_an_embedded_server_of_the_version_before_gets_its_roles(
    server: EmbeddedPostgres,
) -> None:
    url = server.start()
    migrate(url, "0004")
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO former_source VALUES ('old', 'new')")
    assert ensure_roles(url, DATABASE)
    assert not ensure_roles(url, DATABASE)
    made = Logins(
        hub=server.url_of(DATABASE, HUB),
        read=server.url_of(DATABASE, READ),
        owner=server.url_of(DATABASE, OWNER),
    )
    roles.prepare(made)
    async with Database(made.hub, read_url=made.read) as database:
        assert await database.reads.fetch_all("SELECT former FROM former_source") == [("old",)]
        assert await database.reads.fetch_all("SELECT current_user::text") == [(READ,)]
        assert await database.writes.fetch_all("SELECT current_user::text") == [(HUB,)]
    assert refused(made.hub, "DELETE FROM entry")
    with psycopg.connect(made.owning) as connection:
        row = connection.execute(
            "SELECT bool_or(rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication "
            "OR rolbypassrls) FROM pg_roles WHERE rolname LIKE 'hub%'"
        ).fetchone()
    assert row == (False,)

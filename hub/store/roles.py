"""`roles`: with which rights the hub reaches its tables; PostgreSQL enforces them.

Three roles, none of them a superuser:

    owner   owns database and tables; migrations, restoring and giving rights, nothing else
    hub     reads and writes rows; it creates and drops nothing but TEMP tables
    read    reads what answers are made of (`Database.answer`, `Database.reads`)

- What was stated and what was signed cannot be changed by the hub: see `WRITES`. A table that is
  not named there is an ordinary one, whose rows may change. A test wants every table to be named.
- Rights are derived from these lists after each migration, for all tables there are, and only
  written when they differ: each change makes PostgreSQL plan its prepared statements again.
- Nobody may TRUNCATE: the hub never does. Leaves that no checkpoint covers go with their log's end
  through a function that is the owner's (`cut_unsigned_leaves`).
- One login for everything works as well: nothing is granted then, and `serve` and `doctor` say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from hub.errors import DatabaseUnavailableError, ErrorCode, HubError, RefusedError
from hub.store.migrations import CONNECT_TIMEOUT_S, LOCK, migrate

OWNER, HUB, READ = "hub_owner", "hub", "hub_read"
"""Names of the roles of the embedded PostgreSQL, and those proposed for others."""
APPENDED = frozenset({"SELECT", "INSERT"})
ERASED = APPENDED | {"DELETE"}
CHANGED = ERASED | {"UPDATE"}
WRITES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "entry": APPENDED,
        "leaf": APPENDED,
        "cosignature": APPENDED,
        "log_key": APPENDED,
        # It grows, and the same tree may be signed again by another key.
        "tile": APPENDED | {"UPDATE(hashes)"},
        "checkpoint": APPENDED | {"UPDATE(note)", "UPDATE(epoch)", "UPDATE(signed_at)"},
        "log_state": APPENDED | {"UPDATE"},
        # What they hold may be erased, and never be another.
        "entry_body": ERASED,
        "request_evidence": ERASED,
        "erased_entry": APPENDED,
        # Whole days go when they have been kept long enough; their roots stay in the log.
        "audit": ERASED,
        "alembic_version": frozenset({"SELECT"}),
    }
)
"""What the hub may do with a table, where that is less than everything."""
ORDINARY = frozenset(
    {
        "awaited",
        "claim_fingerprint",
        "claim_key",
        "claim_peer",
        "client",
        "client_case",
        "client_document",
        "client_key",
        "drift",
        "dropped_file",
        "export",
        "export_chunk",
        "export_part",
        "feed",
        "feed_state",
        "foreign_home",
        "former_source",
        "forwarded_order",
        "heard",
        "idempotency",
        "list_field",
        "lost_claim",
        "nrii_report",
        "peer_receipt",
        "personal_refused",
        "power_count",
        "power_minutes",
        "power_state",
        "precedence_state",
        "quarantine",
        "raw_document",
        "registration",
        "run",
        "search_state",
        "service_grant",
        "shared_claim",
        "source",
        "source_event",
        "source_grade",
        "source_mapping",
        "voucher_balance",
        "voucher_mark",
        "voucher_place",
        "transient_calendar",
        "warned",
        "webhook",
        "webhook_message",
    }
)
"""Tables of every hub whose rows change; so do those that are derived from the record types."""
UNREAD = frozenset(
    {
        "alembic_version",
        "claim_fingerprint",
        "claim_key",
        "claim_peer",
        "dropped_file",
        "export",
        "export_chunk",
        "export_part",
        "forwarded_order",
        "idempotency",
        "lost_claim",
        "power_minutes",
        "quarantine",
        "raw_document",
        "request_evidence",
        "run",
        "service_grant",
        "voucher_place",
        "webhook",
        "webhook_message",
    }
)
"""Tables that no answer is made of: raw rows, answers to others, requests, secrets."""
FUNCTIONS = frozenset({"cut_unsigned_leaves(text)"})
"""What the hub may have the owner do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Logins:
    """The addresses under which a hub reaches its database, each with the name of a role."""

    hub: str
    read: str | None = None
    owner: str | None = None

    @property
    def owning(self) -> str:
        """The address for migrations."""
        return self.owner or self.hub

    @property
    def database(self) -> str:
        """The name of the database."""
        return str(conninfo_to_dict(self.hub).get("dbname") or "postgres")

    def names(self) -> tuple[str, str | None, str]:
        """Return the names of the roles: hub, read, owner."""
        read = None if self.read is None else role_of(self.read)
        return role_of(self.hub), read, role_of(self.owning)


def prepare(logins: Logins) -> None:
    """Bring the tables to this version and give each role its rights."""
    migrate(logins.owning)
    hub, read, owner = logins.names()
    if hub != owner:
        grant(logins.owning, hub, read)


def role_of(url: str) -> str:
    """Return the name of the role that an address logs in with."""
    name = conninfo_to_dict(url).get("user")
    if not name:
        raise HubError(
            ErrorCode.CONFLICT,
            message_zh="数据库地址没有写明角色",
            message_en="An address of the database names no role",
            hint="Write it: postgresql://role@host/database.",
            hint_zh="请写作 postgresql://role@host/database。",
        )
    return str(name)


def writes(table: str) -> frozenset[str]:
    """Return what the hub may do with a table."""
    return WRITES.get(table, CHANGED)


def reads(table: str) -> frozenset[str]:
    """Return what the role of answers may do with a table."""
    return frozenset() if table in UNREAD else frozenset({"SELECT"})


def grant(owner_url: str, hub: str, read: str | None) -> bool:
    """Give the roles exactly their rights over every table there is; return whether any changed.

    Raises `HubError` CONFLICT when the roles do not exist or the owner may not give rights.
    """
    roles: list[tuple[str, Callable[[str], frozenset[str]], frozenset[str]]]
    roles = [(hub, writes, frozenset({"USAGE"}))]
    if read is not None and read != hub:
        roles.append((read, reads, frozenset()))
    changed = False
    with _connection(owner_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        relations = connection.execute(_RELATIONS).fetchall()
        present = _present(connection)
        for role, of_table, of_sequence in roles:
            for name, is_sequence in relations:
                wanted = of_sequence if is_sequence else of_table(name)
                if present.get((role, name), frozenset()) != wanted:
                    kind = "SEQUENCE" if is_sequence else "TABLE"
                    _write_rights(connection, role, (kind, name), wanted)
                    changed = True
        for function in FUNCTIONS:
            if _may_call(connection, hub, function) is False:
                connection.execute(
                    sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(
                        sql.SQL(function), sql.Identifier(hub)
                    )
                )
                changed = True
    return changed


def may_change_entries(url: str) -> bool:
    """Say whether the role of an address could change what was stated: it has all rights then."""
    with _connection(url) as connection:
        row = connection.execute(
            "SELECT has_table_privilege(to_regclass('entry'), 'UPDATE, DELETE, TRUNCATE')"
        ).fetchone()
    return bool(row and row[0])


_RELATIONS = b"""
SELECT relname, relkind = 'S' FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S') ORDER BY relname"""
_PRESENT = b"""
SELECT r.rolname, t.relname, upper(a.privilege_type) FROM pg_class t
CROSS JOIN LATERAL aclexplode(t.relacl) a JOIN pg_roles r ON r.oid = a.grantee
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p', 'S')
UNION ALL
SELECT r.rolname, t.relname, format('%s(%s)', upper(a.privilege_type), c.attname)
FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
CROSS JOIN LATERAL aclexplode(c.attacl) a JOIN pg_roles r ON r.oid = a.grantee
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p')"""


def _present(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], frozenset[str]]:
    """Return the rights there are, by role and table."""
    found: dict[tuple[str, str], set[str]] = {}
    for role, table, right in connection.execute(_PRESENT).fetchall():
        found.setdefault((role, table), set()).add(right)
    return {key: frozenset(rights) for key, rights in found.items()}


def _write_rights(
    connection: psycopg.Connection[Any],
    role: str,
    relation: tuple[str, str],
    wanted: Iterable[str],
) -> None:
    kind, name = relation
    names = {
        "relation": sql.SQL(f"{kind} ") + sql.Identifier(name),
        "role": sql.Identifier(role),
    }
    connection.execute(sql.SQL("REVOKE ALL ON {relation} FROM {role}").format(**names))
    if rights := sorted(wanted):
        listed = sql.SQL(", ").join(map(sql.SQL, rights))  # constants of this module
        statement = sql.SQL("GRANT {listed} ON {relation} TO {role}")
        connection.execute(statement.format(listed=listed, **names))


def _may_call(connection: psycopg.Connection[Any], role: str, function: str) -> bool | None:
    """Say whether a role may call a function; None where an older version has no such function."""
    row = connection.execute(
        "SELECT has_function_privilege(%s, to_regprocedure(%s), 'EXECUTE')", (role, function)
    ).fetchone()
    return row[0] if row else None


def creation(database: str, hub: str = HUB, read: str = READ, owner: str = OWNER) -> Iterator[str]:
    """Yield the statements that make the roles of a database and give it and its tables to them.

    For its superuser, connected to it; they may be repeated. Passwords are not among them.
    """
    names = {
        "database": sql.Identifier(database),
        "hub": sql.Identifier(hub),
        "read": sql.Identifier(read),
        "owner": sql.Identifier(owner),
    }
    for name in dict.fromkeys((owner, hub, read)):
        yield _text(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {text}) THEN "
            "CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION; "
            "END IF; END $$",
            text=sql.Literal(name),
            role=sql.Identifier(name),
        )
    for each in (
        "ALTER DATABASE {database} OWNER TO {owner}",
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {hub}",
        "GRANT CONNECT ON DATABASE {database} TO {read}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO {hub}, {read}",
        "GRANT USAGE, CREATE ON SCHEMA public TO {owner}",
    ):
        yield _text(each, **names)
    yield _text(_GIVE, owner=sql.Literal(owner))


_GIVE = """
DO $$ DECLARE each record; BEGIN
  FOR each IN SELECT oid::regclass AS name FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')
  LOOP EXECUTE format('ALTER TABLE %s OWNER TO %I', each.name, {owner}); END LOOP;
  FOR each IN SELECT oid::regprocedure AS name FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
  LOOP EXECUTE format('ALTER ROUTINE %s OWNER TO %I', each.name, {owner}); END LOOP;
END $$"""
_MADE = b"""
SELECT (SELECT count(*) FROM pg_roles WHERE rolname = ANY(%(roles)s)) = cardinality(%(roles)s)
  AND (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database())
    = %(owner)s
  AND NOT EXISTS (
    SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace
      AND relkind IN ('r', 'p', 'v') AND pg_get_userbyid(relowner) <> %(owner)s)"""


def ensure_roles(
    superuser_url: str, database: str, hub: str = HUB, read: str = READ, owner: str = OWNER
) -> bool:
    """Make the roles of a database unless they are there; return whether they had to be made."""
    with _connection(superuser_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        asked = {"roles": sorted({hub, read, owner}), "owner": owner}
        if connection.execute(_MADE, asked).fetchone() == (True,):
            return False
        for statement in creation(database, hub, read, owner):
            connection.execute(statement.encode())
    return True


@contextmanager
def owners_only() -> Iterator[None]:
    """Say which login is needed, where the role may not do what the owner may."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise RefusedError(
            ErrorCode.CONFLICT,
            message_zh="所用数据库角色无权恢复备份",
            message_en="The role of the database may not restore a backup",
            hint="Nothing was written. Name the role that owns the tables in "
            "HUB_DATABASE_OWNER_URL (docs/operators/roles.md).",
            hint_zh="没有写入任何内容。请在 HUB_DATABASE_OWNER_URL 中写明表的属主角色"
            "（docs/operators/roles.md）。",
        ) from error


def _text(template: str, **parts: sql.Composable) -> str:
    composed = template
    for name, part in parts.items():
        composed = composed.replace(f"{{{name}}}", part.as_string(None))
    return composed


def _refused(error: psycopg.Error) -> HubError:
    return HubError(
        ErrorCode.CONFLICT,
        message_zh="数据库角色不存在，或没有所需的权限",
        message_en=f"PostgreSQL refused to set up the roles: {_first_line(error)}",
        hint="Let the administrator of the database run what `deltahub database roles` prints "
        "(docs/operators/roles.md).",
        hint_zh="请数据库管理员执行 `deltahub database roles` 打印的语句"
        "（docs/operators/roles.md）。",
    )


@contextmanager
def _connection(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection in one transaction, with the hub's errors."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(_first_line(error)) from error
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedObject) as error:
        raise _refused(error) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:200]

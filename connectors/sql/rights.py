"""`probe_rights`: what the role that we were given may do at its database beyond reading.

The reader cannot write: its transaction is read-only, and a harmless attempt shows that. A role
that could write elsewhere is more than was asked for, and its operator is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, false, text

from connectors.limits import SQL_RIGHTS_MAX
from connectors.sql.session import Snapshot, SqlSession

__all__ = ["SqlRights", "probe_rights"]

WRITING = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")
_POSTGRESQL = text(
    "SELECT format('%s on %I.%I', string_agg(p, ', ' ORDER BY p), n.nspname, c.relname) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, "
    "unnest(CAST(:rights AS text[])) p "
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' "
    "AND n.nspname <> 'information_schema' AND has_schema_privilege(n.oid, 'USAGE') "
    "AND has_table_privilege(c.oid, p) GROUP BY n.nspname, c.relname "
    "UNION ALL SELECT format('CREATE in %I', nspname) FROM pg_namespace "
    "WHERE nspname !~ '^pg_' AND has_schema_privilege(oid, 'CREATE') "
    "UNION ALL SELECT 'SUPERUSER' FROM pg_roles WHERE rolname = current_user AND rolsuper "
    "ORDER BY 1 LIMIT :most"
)
_MYSQL = text("SHOW GRANTS")
_HARMLESS = ("SELECT", "USAGE", "SHOW VIEW", "SHOW DATABASES", "PROCESS", "EXECUTE")


@dataclass(frozen=True, kw_only=True, slots=True)
class SqlRights:
    """What was found out about a role."""

    is_writing_refused: bool
    """Whether the database refused to write in a transaction as the reader's are."""
    more_than_reading: tuple[str, ...]
    """What the role may do besides, in the words of its database; none is as it should be."""


async def probe_rights(session: SqlSession, view: str) -> SqlRights:
    """Try to write (nothing would change: no row is meant) and ask for the rights of the role.

    `view`: the name of one that it reads, as its adapter calls it.
    """
    async with session.snapshot() as snapshot:
        attempt = delete(session.view(view)).where(false())
        is_refused = await snapshot.is_refused(attempt)
    async with session.snapshot() as snapshot:
        if session.system.is_postgresql:
            found = await _of_postgresql(snapshot)
        else:
            found = await _of_mysql(snapshot)
    return SqlRights(is_writing_refused=is_refused, more_than_reading=tuple(found))


async def _of_postgresql(snapshot: Snapshot) -> list[str]:
    given = {"rights": list(WRITING), "most": SQL_RIGHTS_MAX}
    rows = await snapshot.all(_POSTGRESQL.bindparams(**given), "rights")
    return [str(line) for (line,) in rows]


async def _of_mysql(snapshot: Snapshot) -> list[str]:
    """Return the grants that hold more than reading; passwords are left out of them."""
    rows = await snapshot.all(_MYSQL, "rights")
    lines = [str(line).partition(" IDENTIFIED ")[0] for (line,) in rows]
    return [line for line in lines if not _is_reading(line)][:SQL_RIGHTS_MAX]


def _is_reading(grant: str) -> bool:
    """Tell whether a grant, `GRANT SELECT, USAGE ON …`, gives nothing but reading."""
    given = grant.removeprefix("GRANT ").partition(" ON ")[0]
    names = [each.split("(")[0].strip() for each in given.split(", ")]
    return all(name in _HARMLESS for name in names) and "WITH GRANT OPTION" not in grant

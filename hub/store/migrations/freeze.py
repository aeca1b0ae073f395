"""`freeze`: writes the DDL of the present tables, as text for the first revision.

Only before a first release; afterwards a change of the tables is a new revision.
"""

from __future__ import annotations

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from hub.store.migrations import FOLDER
from hub.store.tables import METADATA

TARGET = FOLDER / "versions" / "0001_foundation.sql"


def frozen_ddl() -> str:
    """Return every table and index of the hub as SQL, one statement after the other."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it untyped
    statements: list[str] = []
    for table in METADATA.sorted_tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    lines = [line.rstrip() for each in statements for line in f"{each.strip()};".splitlines()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(frozen_ddl(), encoding="utf-8")

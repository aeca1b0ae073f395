"""`SqlConnection`: a read-only view of a unit's database.

[sql]
url = "postgresql://reader:…@db.example.edu.cn:5432/lims"   # or mysql://, mariadb://
schema = "share"
tls = "verify"                  # or "off", for a database on this machine
tls_ca = "/etc/hub/ca.pem"      # of an own certificate authority
charset = "gbk"                 # what the server is asked to write, where it knows no UTF-8
text_encoding = "gb18030"       # what its texts really are, whatever they are declared as

[sql.views]                     # where a view has another name here than in the adapter
equipment = "v_equipment_2024"
"""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from connectors.limits import Limits
from connectors.sql.session import SqlSession, open_sql
from connectors.sql.systems import SYSTEMS, Texts
from hub.harvest.connections.connection import from_table

__all__ = ["SQL", "SqlConnection"]

QUERY = frozenset({"host", "port", "unix_socket"})
"""What the query of an address may say: where a socket is. All else has a member of the table."""
TLS = ("verify", "off")


@dataclass(frozen=True, kw_only=True)
class SqlConnection:
    """An address of a database, and what is special about it."""

    url: str
    schema: str | None = None
    views: Mapping[str, str] = field(default_factory=dict)
    tls: str = "verify"
    tls_ca: str | None = None
    charset: str | None = None
    text_encoding: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, without repeating what may hold a password."""
        url = self._parsed()
        if url.get_backend_name() not in SYSTEMS or "+" in url.drivername:
            raise ValueError(f"[sql] url begins with one of {', '.join(SYSTEMS)}, then ://")
        if not url.database:
            raise ValueError("[sql] url names the database: …@host/database")
        unknown = sorted(set(url.query) - QUERY)
        if unknown:
            raise ValueError(f"[sql] url knows no {', '.join(unknown)}: use the table's members")
        if self.tls not in TLS:
            raise ValueError(f"[sql] tls is one of {', '.join(TLS)}")
        if self.tls_ca is not None and not Path(self.tls_ca).is_file():
            raise ValueError("[sql] tls_ca is a file of certificates; there is no such file")
        views: Any = self.views  # from a file
        if not isinstance(views, Mapping) or not all(isinstance(v, str) for v in views.values()):
            raise ValueError("[sql.views] gives each view's name here, in quotes")
        _require_encoding(self.text_encoding)

    def _parsed(self) -> URL:
        try:
            return make_url(self.url)
        except (ArgumentError, ValueError, AttributeError):
            raise ValueError(
                "[sql] url cannot be read: postgresql://role:password@host:5432/database; "
                "signs like @ and / in a password are written as %40 and %2F"
            ) from None

    @property
    def place(self) -> str:
        """The address without the password."""
        return self._parsed().render_as_string(hide_password=True)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password, as it is and as it stands in the address."""
        password = self._parsed().password
        return () if not password else (str(password), quote(str(password), safe=""))

    @asynccontextmanager
    async def session(self, source: str, limits: Limits) -> AsyncIterator[SqlSession]:
        """Keep the address ready for as long as the block runs; each list has a connection."""
        async with open_sql(
            source,
            self._parsed(),
            limits,
            is_tls=self.tls != "off",
            ca_file=self.tls_ca,
            schema=self.schema,
            views=self.views,
            texts=Texts(charset=self.charset, encoding=self.text_encoding),
        ) as session:
            yield session


def _require_encoding(name: str | None) -> None:
    try:
        codecs.lookup(name or "utf-8")
    except (LookupError, TypeError):
        raise ValueError('[sql] text_encoding is not known; one is "gb18030"') from None


class _Sql:
    members = frozenset({"sql"})

    def read(self, source: str, content: Mapping[str, Any]) -> SqlConnection:
        del source
        return from_table(SqlConnection, "sql", content.get("sql"))


SQL = _Sql()

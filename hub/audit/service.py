"""`service`: writes rows of the audit, and reads them for those whom they concern.

- A row about L3 or L4, or about reading past agreements, is committed before the answer leaves;
  where it cannot be, there is no answer (AUDIT_UNAVAILABLE). A row about L2 is written as well, and
  one that cannot be written is logged.
- A row may be read by its caller, and by the owner of a record that it is about: of other owners it
  says nothing then.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg

from hub.audit.limits import PAGE_MAX
from hub.audit.protected import ProtectedRead
from hub.audit.rows import COLUMNS, AuditKind, AuditRow, ReadRequest, read_row
from hub.clock import Clock
from hub.errors import ErrorCode, HubError, UnavailableError
from hub.store.copying import Connection
from hub.store.database import Database
from schema.personal import without_citizen_numbers

_LOG = logging.getLogger(__name__)
_VALUES = ", ".join("%s::jsonb" if name == "detail" else "%s" for name in COLUMNS)
_INSERT = f"INSERT INTO audit ({', '.join(COLUMNS)}) SELECT {_VALUES}"
_LIGHT = f"{_INSERT} FROM (SELECT set_config('synchronous_commit', 'off', true)) s"
"""One statement, its own transaction: a row about L2 must not cost several round trips."""
_SELECT = f"SELECT audit_id, {', '.join(COLUMNS)} FROM audit"  # noqa: S608 - own names
_CONCERNING = f"""{_SELECT}
WHERE audit_id > %(after)s AND (party = %(party)s OR owners @> ARRAY[%(party)s::text])
ORDER BY audit_id LIMIT %(first)s"""
_ALL = f"""{_SELECT}
WHERE audit_id > %(after)s AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(party)s::text IS NULL OR party = %(party)s OR owners @> ARRAY[%(party)s::text])
ORDER BY audit_id LIMIT %(first)s"""


class Audit:
    """The audit of one database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self.clock = clock

    async def note(
        self,
        request: ReadRequest,
        reads: Iterable[ProtectedRead],
        asked: Iterable[tuple[str, str, str]] = (),
    ) -> None:
        """Write the row of a request, if there is one, before its answer leaves.

        Raises `UnavailableError` AUDIT_UNAVAILABLE where the answer must not leave.
        """
        row = read_row(request, reads, asked)
        if row is None:
            return
        is_light = row.kind is AuditKind.RELAY or (row.kind is AuditKind.READ and row.grade == "L2")
        try:
            async with self._database.writes.connection() as connection:
                await write(connection, row, is_light=is_light)
        except (HubError, psycopg.Error) as error:
            if not is_light:
                raise unavailable() from error
            _LOG.error("audit of request %s is lost: %s", row.request_id, error)

    async def act(self, row: AuditRow) -> None:
        """Write the row of an operator's act."""
        async with self._database.writes.connection() as connection:
            await write(connection, row)

    async def concerning(self, party: str, after: int, first: int) -> list[AuditRow]:
        """Return rows that a party asked for itself, or that are about its records."""
        rows = await self._database.reads.fetch_all(
            _CONCERNING, {"party": party, "after": after, "first": min(first, PAGE_MAX)}
        )
        return [seen_by(party, row_of(row)) for row in rows]

    async def all(
        self, after: int, first: int, kind: str | None = None, party: str | None = None
    ) -> list[AuditRow]:
        """Return rows for the operator."""
        values = {"after": after, "first": min(first, PAGE_MAX), "kind": kind, "party": party}
        return [row_of(row) for row in await self._database.reads.fetch_all(_ALL, values)]


async def write(connection: Connection, row: AuditRow, *, is_light: bool = False) -> None:
    """Add a row; one that is light does not wait for the disk."""
    values = [getattr(row, name) for name in COLUMNS]
    values[COLUMNS.index("owners")] = list(row.owners)
    values[COLUMNS.index("detail")] = json.dumps(row.detail, ensure_ascii=False)
    await connection.execute((_LIGHT if is_light else _INSERT).encode(), values)


def row_of(values: tuple[Any, ...]) -> AuditRow:
    """Read a row as `_SELECT` gives it."""
    audit_id, *rest = values
    facts = dict(zip(COLUMNS, rest, strict=True))
    return AuditRow(
        audit_id=audit_id,
        **{**facts, "kind": AuditKind(facts["kind"]), "owners": tuple(facts["owners"])},
    )


def seen_by(party: str, row: AuditRow) -> AuditRow:
    """Return a row as a party may see it: its own whole, of others what is about its records."""
    if row.party == party:
        return row
    reads = [each for each in row.detail.get("reads", ()) if each["owner"] == party]
    asked_for = {name: row.detail[name] for name in ("for",) if name in row.detail}
    detail = {"reads": reads, **asked_for} if row.kind is not AuditKind.ACT else {}
    grade = max((each["grade"] for each in reads), default=None)
    return replace(row, owners=(party,), detail=detail, grade=grade)


def act_row(
    action: str, detail: dict[str, Any], owners: Iterable[str], at: datetime, request_id: str
) -> AuditRow:
    """Return the row of an operator's act, without citizen numbers that he may have typed."""
    return AuditRow(
        at=at,
        kind=AuditKind.ACT,
        action=action,
        request_id=request_id,
        owners=tuple(sorted(set(owners))),
        detail=json.loads(without_citizen_numbers(json.dumps(detail, ensure_ascii=False))),
    )


def unavailable() -> UnavailableError:
    """Return the error of an answer that may not leave because nobody would know of it."""
    return UnavailableError(
        ErrorCode.AUDIT_UNAVAILABLE,
        hint="Nothing was given out. Send the same request again.",
        hint_zh="没有提供任何数据，请原样重发。",
    )

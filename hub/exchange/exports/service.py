"""`service`: exports of a caller's own: ordered, made beside the requests, looked at, removed.

- What is not made at once is refused with the time to come back: nothing waits in a queue that a
  restart would lose.
- An export shows what its client might see when it was made. Who may see less or other things now
  gets nothing of it (EXPORT_RIGHTS_CHANGED): rights that end do not live on in a file.
- A process that dies takes its exports with it: they are FAILED (EXPORT_CUT_OFF) for whoever looks,
  and what was finished of them stays to be read. A cut off one is ordered anew, under another key:
  what continued it would see another snapshot.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import psycopg

from hub.access.agreements import Agreements
from hub.access.grants import PartyGrants
from hub.access.resource import Caller
from hub.audit.rows import ReadRequest
from hub.audit.service import Audit
from hub.clock import Clock
from hub.errors import ErrorCode, HubError, RateLimitedError, RefusedError
from hub.exchange.exports.formats import FormatError
from hub.exchange.exports.limits import (
    BUSY_S,
    KEPT_FOR,
    KEPT_SIZE_MAX,
    LISTED_MAX,
    OF_CLIENT_MAX,
    RUNNING_MAX,
    RUNNING_OF_CLIENT,
)
from hub.exchange.exports.making import ExportEndedError, ExportWork, make
from hub.exchange.exports.order import ExportOrder
from hub.exchange.exports.planning import planned
from hub.intake.batch import Idempotency
from hub.intake.idempotency import check_body
from hub.query.answer.execute import Statements
from hub.query.plan.documents import document_id
from hub.query.plan.errors import QueryError
from hub.query.sql.planner import Planner
from hub.query.sql.streaming import RowStream
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.exports import (
    ExportPart,
    KeptExport,
    begin,
    close_cut_off,
    finish,
    hold,
    kept_export,
    kept_exports,
    parts_of,
    remove,
    use_of,
)
from hub.watching.metrics import METRICS
from schema import STANDARD_VERSION
from schema.visibility import DATASETS, PUBLIC_SCOPE

_LOG = logging.getLogger(__name__)
PREFIX = "export_"
IsRegistered = Callable[[Caller, str], Awaitable[bool]]
"""Tells whether a caller may run a document (text) without the scope for unregistered ones."""
_TAKE = """
INSERT INTO idempotency (client_id, key, body_hash, answer, created_at)
VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
_READ = "SELECT body_hash, answer FROM idempotency WHERE client_id = %s AND key = %s"


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportParts:
    """The parts of the hub that exports use."""

    planner: Planner
    statements: Statements
    agreements: Agreements
    is_registered: IsRegistered
    base: str
    """The hub's own address."""
    origin: str
    """Name of the log whose checkpoint goes into manifests."""
    audit: Audit | None = None
    """Without it nothing is audited: tests."""


@dataclass(frozen=True, slots=True)
class ExportState:
    """An export with the parts that are there."""

    kept: KeptExport
    parts: list[ExportPart]


class ExportDesk:
    """Takes orders for exports, and makes them in this process."""

    def __init__(self, database: Database, clock: Clock, parts: ExportParts) -> None:
        self._database = database
        self._clock = clock
        self._parts = parts
        self._tasks: set[asyncio.Task[None]] = set()
        self._holder = secrets.token_hex(16)
        self._session: Connection | None = None
        self._opening = asyncio.Lock()

    @property
    def base(self) -> str:
        """The hub's own address."""
        return self._parts.base

    async def order(self, order: ExportOrder, request_id: str) -> ExportState:
        """Begin an export, or return the one that this request began before.

        Raises `RefusedError` for an order that cannot be carried out, `RateLimitedError` where
        there is no room for it now.
        """
        parts, now = self._parts, self._clock()
        grants = await parts.agreements.of(order.caller.party)
        if order.query is not None and not await parts.is_registered(order.caller, order.query):
            raise QueryError(
                ErrorCode.DOCUMENT_REQUIRED,
                "请用已登记的查询，或以 list 指明列表",
                "register the document, or name a list",
            )
        plan = await planned(order, parts.planner, parts.statements, grants, now)
        sources = await parts.statements.sources(plan.stream.compiled.records)
        export_id = f"{PREFIX}{secrets.token_hex(12)}"
        wanted = KeptExport(
            export_id=export_id,
            client_id=_client(order.caller),
            status="RUNNING",
            format=order.format.name,
            document=plan.document,
            variables=plan.variables,
            scopes=_used(order.caller),
            rights=rights_of(grants),
            facts={},
            rows=0,
            size=0,
            hidden=0,
            error_code=None,
            created_at=now,
            ended_at=None,
            expires_at=now + KEPT_FOR,
        )
        kept = await self._begin(wanted, order.idempotency)
        if kept.export_id != export_id:
            return await self._state(kept)
        work = ExportWork(
            export_id=export_id,
            stream=plan.stream,
            parameters=plan.parameters,
            format=order.format,
            read=ReadRequest(
                caller=order.caller,
                grants=grants,
                at=now,
                request_id=request_id,
                action="export",
                document=document_id(plan.document),
            ),
            facts={**_facts(plan.stream), "sources": sources},
        )
        task = asyncio.create_task(self._made(work), name=export_id)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ExportState(kept, [])

    async def look(self, caller: Caller, export_id: str) -> ExportState:
        """Return an export of the caller's; RefusedError NOT_FOUND for any other."""
        kept = await kept_export(self._database, _client(caller), checked_id(export_id))
        if kept is None:
            raise not_found()
        if kept.status == "RUNNING" and await close_cut_off(self._database, self._clock()):
            return await self.look(caller, export_id)
        return await self._state(kept)

    async def listed(self, caller: Caller) -> list[KeptExport]:
        """Return the caller's exports, the newest first."""
        await close_cut_off(self._database, self._clock())
        return await kept_exports(self._database, _client(caller), LISTED_MAX)

    async def readable(self, caller: Caller, export_id: str) -> ExportState:
        """Return an export whose parts the caller may read now."""
        state = await self.look(caller, export_id)
        kept = state.kept
        if kept.status == "EXPIRED" or kept.expires_at <= self._clock():
            raise RefusedError(
                ErrorCode.EXPORT_EXPIRED, hint="Export it anew.", hint_zh="请重新导出。"
            )
        grants = await self._parts.agreements.of(caller.party)
        if not kept.scopes <= caller.scopes or rights_of(grants) != kept.rights:
            raise RefusedError(
                ErrorCode.EXPORT_RIGHTS_CHANGED,
                hint="Scopes or agreements are not those that it was made with.",
                hint_zh="权限范围或共享约定与导出时不同。",
            )
        return state

    async def remove(self, caller: Caller, export_id: str) -> None:
        """Let the files of an export go; one that is being made ends."""
        gone = await remove(self._database, _client(caller), checked_id(export_id), self._clock())
        if not gone:
            raise not_found()

    async def aclose(self) -> None:
        """End what is being made here; it is FAILED then."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _begin(self, wanted: KeptExport, idempotency: Idempotency) -> KeptExport:
        """Note an export and what its key stands for, in one transaction."""
        await self._hold()
        client, key = wanted.client_id, idempotency.key
        answer = json.dumps({"export": wanted.export_id})
        async with self._database.writes.transaction() as connection:
            use = await use_of(connection, client)
            values = (client, key, idempotency.body_hash, answer, wanted.created_at)
            await connection.execute(_TAKE, values)
            row = await (await connection.execute(_READ, (client, key))).fetchone()
            assert row is not None, "it was put there"
            check_body(row[0], idempotency)
            former = json.loads(row[1]).get("export")
            if former == wanted.export_id:
                self._check_room(use.kept, use.running, use.size)
                return await begin(connection, wanted, self._holder)
        kept = None if former is None else await kept_export(self._database, client, former)
        if kept is None:
            raise RefusedError(
                ErrorCode.IDEMPOTENCY_CONFLICT,
                hint="The key stands for another request: take a new one.",
                hint_zh="该键属于另一请求，请换用新的键。",
            )
        return kept

    def _check_room(self, kept: int, running: int, size: int) -> None:
        if kept >= OF_CLIENT_MAX:
            raise RefusedError(
                ErrorCode.CONFLICT,
                hint=f"{OF_CLIENT_MAX} exports are kept: remove one, DELETE /exports/{{id}}.",
                hint_zh=f"已保留 {OF_CLIENT_MAX} 个导出，请先删除其一：DELETE /exports/{{id}}。",
            )
        if running >= RUNNING_OF_CLIENT or len(self._tasks) >= RUNNING_MAX:
            raise RateLimitedError(BUSY_S)
        if size >= KEPT_SIZE_MAX:
            raise RateLimitedError(BUSY_S)

    async def _hold(self) -> None:
        """Hold the lock by which this process's exports are alive."""
        async with self._opening:
            if self._session is not None and not await _answers(self._session):
                self._session = None
            if self._session is None:
                self._holder = secrets.token_hex(16)
                self._session = await hold(self._database, self._holder)

    async def _made(self, work: ExportWork) -> None:
        """Make an export; count it."""
        outcome = ErrorCode.EXPORT_CUT_OFF.name
        try:
            with METRICS.export():
                outcome = await self._ended(work)
        finally:
            METRICS.exported(work.format.name, outcome)

    async def _ended(self, work: ExportWork) -> str:
        """Make an export and note how it ended; return that in a word."""
        parts, code = self._parts, ErrorCode.EXPORT_CUT_OFF
        try:
            await make(self._database, work, parts.audit, self._clock, parts.origin)
        except ExportEndedError:
            return "ENDED"  # it is noted already why
        except FormatError as error:
            _LOG.info("export %s: column %s does not fit", work.export_id, error.column)
            code = ErrorCode.EXPORT_FORMAT
        except TimeoutError:
            code = ErrorCode.TIMEOUT
        except HubError as error:
            code = error.code
        except Exception:  # noqa: BLE001 - the outermost turn: whatever it is, it has failed
            _LOG.exception("export %s failed", work.export_id)
            code = ErrorCode.INTERNAL
        except asyncio.CancelledError:
            with suppress(HubError, psycopg.Error):
                await asyncio.shield(finish(self._database, work.export_id, self._clock(), code))
            raise
        else:
            await finish(self._database, work.export_id, self._clock())
            return "COMPLETED"
        with suppress(HubError, psycopg.Error):  # where the database is away, the lock tells it
            await finish(self._database, work.export_id, self._clock(), code)
        return code.name

    async def _state(self, kept: KeptExport) -> ExportState:
        return ExportState(kept, await parts_of(self._database, kept.export_id))


async def _answers(session: Connection) -> bool:
    try:
        await session.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def rights_of(grants: PartyGrants) -> bytes:
    """Return a hash of whose data a party may see."""
    partly = {
        dataset.name: {item: sorted(keys) for item, keys in items.items()}
        for dataset, items in grants.partly.items()
    }
    whole = {dataset.name: sorted(keys) for dataset, keys in grants.whole.items()}
    stated = json.dumps([grants.party, whole, partly], sort_keys=True)
    return sha256(stated.encode()).digest()


def checked_id(export_id: str) -> str:
    """Return an id that an export may have; RefusedError NOT_FOUND for any other text."""
    rest = export_id.removeprefix(PREFIX)
    if rest == export_id or not (rest.isascii() and rest.isalnum()):
        raise not_found()
    return export_id


def not_found() -> RefusedError:
    """Return the refusal of an export that is not there for this caller."""
    return RefusedError(
        ErrorCode.NOT_FOUND,
        hint="No export of yours has this id.",
        hint_zh="没有本方的这个导出。",
    )


def _client(caller: Caller) -> str:
    assert caller.client_id is not None, "the doors take no anonymous callers"
    return caller.client_id


def _used(caller: Caller) -> frozenset[str]:
    """Return the scopes of a caller that decide what rows show."""
    return caller.scopes & {PUBLIC_SCOPE, *DATASETS}


def _facts(stream: RowStream) -> dict[str, Any]:
    """Return what a manifest says of a stream."""
    return {
        "standard": STANDARD_VERSION,
        "record": stream.record,
        "fields": [{"name": each.name, "kind": each.kind.value} for each in stream.columns],
        "withheld": [
            {"path": ".".join(each.path), "scope": each.scope} for each in stream.compiled.denied
        ],
    }

"""`execute`: runs compiled statements, and assembles the bytes of an answer.

The JSON that PostgreSQL builds is sent unchanged and never decoded here. A request may run several
statements; `Run` sums up their cost, their record types and the values they hid.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

import psycopg
from graphql.execution.values import VariableValues

from hub.access.grants import PartyGrants
from hub.access.relay import Relay
from hub.access.resource import Caller
from hub.audit.protected import ProtectedRead
from hub.clock import Clock
from hub.errors import ErrorCode, HubError, RateLimitedError
from hub.query.answer.manifest import Asked, KnownSources, Manifest
from hub.query.answer.respond import denials, dumps, error_document, narrowings
from hub.query.plan.binding import Env
from hub.query.plan.errors import FieldDenied, FieldFault, Narrowed, QueryError
from hub.query.plan.limits import DEAR_COST, QueryLimits
from hub.query.sql.authorise import Authority
from hub.query.sql.compiled import Compiled
from hub.query.sql.jsontext import HIDDEN
from hub.query.sql.lookup import replaced_statement
from hub.query.sql.marks import taken
from hub.query.sql.model import Model
from hub.state import State
from hub.store.database import Database
from hub.store.fair import HUB, Asker, StatementAllowance

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Run:
    """One request while it is answered: its caller, and what its statements cost, read and hid."""

    request_id: str
    caller: Caller
    language: str
    bucket: str
    """Where the cost of an anonymous caller is counted."""
    authority: Authority
    grants: PartyGrants
    now: datetime
    relay: Relay | None = None
    """How it came here, where another hub sent it."""
    cost: int = 0
    remaining: int | None = None
    hidden: int = 0
    replaced: dict[str, str] = field(default_factory=dict)
    records: set[str] = field(default_factory=set)
    denied: dict[tuple[str, ...], FieldDenied] = field(default_factory=dict)
    faults: list[FieldFault] = field(default_factory=list)
    reads: set[ProtectedRead] = field(default_factory=set)
    """What was read that not everybody may read."""
    asked: set[tuple[str, str, str]] = field(default_factory=set)
    """Grade, scope and name of protected items by which rows were chosen, sorted or counted."""
    narrowed: dict[Narrowed, None] = field(default_factory=dict)
    sources: Asked | None = None
    """What came of asking sources; None where the request does not say how fresh it must be."""
    known: KnownSources | None = None
    """The sources as they stood when its first statement was made."""
    could: frozenset[str] | None = frozenset()
    """Sources that could answer what was read so far; None: no source is left out."""
    good_until: datetime | None = None
    """Until when what it read is as fresh as was asked; None: it is not, or nothing was asked."""
    repeats: int = 0
    """So many first bytes of the answer are the same whenever the same is answered."""


class Statements:
    """Runs compiled statements on a database."""

    def __init__(
        self,
        database: Database,
        model: Model,
        clock: Clock,
        limits: QueryLimits,
        state: State | None,
    ) -> None:
        """`state` counts what callers spend; without it nothing is counted."""
        self._database = database
        self._limits = limits
        self._state = state
        self._manifest = Manifest(database, model, clock)
        self._replaced = replaced_statement(model)

    async def env(self, values: VariableValues, run: Run) -> Env:
        """Return the values with which a request runs its statements."""
        names = await self._manifest.names()
        run.known = run.known or await self._manifest.now()
        manifest = run.known.bound(run.sources)
        return Env(
            values, run.grants, run.now, names, manifest=manifest, could=self._manifest.could
        )

    async def sources(self, records: frozenset[str]) -> list[dict[str, Any]]:
        """Return what the store knows of the sources of some record types."""
        return (await self._manifest.now()).facts(records)

    async def parameters(self, compiled: Compiled, env: Env, run: Run) -> list[str | None]:
        """Return what fills the parameters of a statement; `QueryError` for a wrong value."""
        for check in compiled.checks:
            check(env)
        if env.names and compiled.identities:
            identities = [each for read_ids in compiled.identities for each in read_ids(env)]
            await self._replace(identities, env, run)
        await self._reach(compiled, env, run)
        return [bind(env) for bind in compiled.binds]

    async def fetch(self, compiled: Compiled, env: Env, run: Run) -> bytes:
        """Run a statement and return the JSON text that it makes."""
        texts = await self.parameters(compiled, env, run)
        parameters = [None if text is None else text.encode() for text in texts]
        cost = compiled.cost.total(env.values)
        await self.charge(cost, run)
        run.records |= compiled.records
        run.narrowed.update(dict.fromkeys(compiled.narrowed))
        run.denied.update((each.path, each) for each in compiled.denied)
        run.faults += [fault for find in compiled.faults for fault in find(env)]
        try:
            body = await self._database.answer(
                compiled.sql, parameters, self._asker(run), self._allowance(cost)
            )
        except psycopg.Error as error:
            _failed(error, run.request_id)
        assert body is not None, "a compiled statement always has a value"
        if compiled.protected:
            body, reads = taken(body)
            run.reads |= reads
        run.asked |= compiled.asked
        if compiled.guarded:
            run.hidden += body.count(HIDDEN)
        return body

    async def _replace(self, identities: list[str], env: Env, run: Run) -> None:
        """Note the present ids of ids that links have replaced; report those of public records."""
        ids = [each for each in identities if each.isascii() and each.isprintable()]
        for former, now, is_public in await self._database.reads.fetch_all(self._replaced, (ids,)):
            env.replaced[former] = now
            if is_public:
                run.replaced[former] = now

    async def _reach(self, compiled: Compiled, env: Env, run: Run) -> None:
        """Note which sources could answer what a statement reads."""
        if not compiled.records or run.could is None:
            return
        reaches = [None if each is None else each(env) for each in compiled.reaches or (None,)]
        await self._manifest.learn(reaches)
        for each in reaches:
            if each is None:
                run.could = None
                return
            run.could |= self._manifest.could(each)

    def _allowance(self, cost: int) -> StatementAllowance:
        return StatementAllowance(seconds=self._limits.seconds(cost), is_dear=cost >= DEAR_COST)

    def _asker(self, run: Run) -> Asker:
        """Return whose turn a statement takes; where nothing is counted there is one caller."""
        if self._state is None:
            return HUB
        client = run.caller.client_id
        return Asker(run.bucket, is_anonymous=True) if client is None else Asker(client)

    async def charge(self, cost: int, run: Run) -> None:
        """Charge a cost to a request and its caller.

        Raises `QueryError` COST_LIMIT above the bound of a request, `RateLimitedError` when the
        caller has spent what it may spend for now.
        """
        run.cost += cost
        if run.cost > self._limits.cost:
            raise QueryError(
                ErrorCode.COST_LIMIT,
                f"本次查询开销 {run.cost}，上限 {self._limits.cost}；请减少 first 或所要的字段",
                f"the request costs {run.cost}, at most {self._limits.cost}: "
                "lower first, or ask for fewer fields",
            )
        if self._state is None or cost == 0:
            return
        caller, limits = run.caller, self._limits
        if caller.client_id is None:
            bucket = f"gql:{run.bucket}"
            capacity, refill = limits.anonymous_capacity, limits.anonymous_refill_per_s
        else:
            bucket = f"gql:{caller.client_id}"
            capacity, refill = limits.cost_capacity, limits.cost_refill_per_s
        allowance = await self._state.take(bucket, capacity, refill, cost)
        if not allowance.ok:
            raise RateLimitedError(allowance.retry_after_s)
        run.remaining = allowance.remaining

    async def assemble(self, data: bytes, errors: list[dict[str, Any]], run: Run) -> bytes:
        """Return the bytes of the answer: data as PostgreSQL built them, errors, extensions."""
        errors = [*errors, *denials(run.denied.values(), run.language)]
        errors += [error_document(each.error, run.language, each.path) for each in run.faults]
        parts = [b'{"data":', data]
        if errors:
            parts += [b',"errors":', dumps(errors)]
        sources = b"[]"
        if run.records:
            records = frozenset(run.records)
            known = run.known or await self._manifest.now()
            sources = known.text(records, run.sources, run.could)
        narrowed = b""
        if run.narrowed:
            narrowed = b',"narrowed":' + dumps(narrowings(run.narrowed, run.grants, run.language))
        replaced = b',"replacedBy":' + dumps(run.replaced) if run.replaced else b""
        parts += [b',"extensions":{"sources":', sources, narrowed, replaced]
        return ended(b"".join(parts), run)


def ended(begun: bytes, run: Run) -> bytes:
    """Return an answer with its end, in which stands what every request has anew."""
    run.repeats = len(begun)
    remaining = "" if run.remaining is None else f',"remaining":{run.remaining}'
    denied = f',"denied":{run.hidden}' if run.hidden else ""
    cost = f',"cost":{{"requested":{run.cost}{remaining}}}'
    about = f',"requestId":"{run.request_id}"{cost}{denied}}}}}'
    return begun + about.encode()


def _failed(error: psycopg.Error, request_id: str) -> NoReturn:
    """Raise the hub's error for the failure of a statement."""
    if isinstance(error, psycopg.DataError):
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            "有一个值超出范围，请检查数值与日期",
            "a value is out of range: look at numbers and dates",
        ) from error
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        raise error
    _log.error("request %s: a compiled statement failed", request_id, exc_info=error)
    raise HubError(ErrorCode.INTERNAL) from error

"""`execute`: one GraphQL request from its text to the bytes of its answer.

The way of a query: document (kept), grants (kept), plan (kept), cost, statement, answer. What
PostgreSQL built goes out as it came: it is never decoded on this way. Whatever does not compile
goes to the executor, whose root fields come back here, each for a statement of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from random import getrandbits
from typing import Any, NoReturn

import psycopg
from graphql import ExecutionResult, GraphQLError, GraphQLResolveInfo, OperationType
from graphql import execute as run_executor

from hub.access.agreements import Agreements
from hub.access.grants import Grants
from hub.access.resource import Caller
from hub.clock import Clock
from hub.errors import ErrorCode, HubError, UnavailableError
from hub.exchange.page import FollowChanges
from hub.graphql.hooks import Context, Receipts, ServiceFacts, Signed, Submit
from hub.graphql.schema import interface
from hub.query.answer.manifest import Manifest
from hub.query.answer.respond import Answer, denials, dumps, refusal, told
from hub.query.plan.binding import Env
from hub.query.plan.documents import Document, document_id, registered
from hub.query.plan.errors import FieldDenied, QueryError
from hub.query.plan.limits import DETAIL_MAX, ERRORS_MAX, QueryLimits
from hub.query.sql.authorise import Authority
from hub.query.sql.compile import Compiler
from hub.query.sql.compiled import Compiled
from hub.query.sql.jsontext import HIDDEN
from hub.query.sql.lookup import replaced_statement
from hub.query.sql.planner import Plan, Planner
from hub.state import State
from hub.store.database import Database

ADHOC_SCOPE = "graphql:adhoc"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphRequest:
    """A request as it was sent, its parts checked for their JSON types."""

    query: str | None = None
    document_id: str | None = None
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    read_only: bool = False
    """Sent in a way in which nothing may be changed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """Who asks, in which language, and what they signed."""

    caller: Caller
    language: str = "zh"
    signed: Signed | None = None
    bucket: str = "anonymous"
    """Where the cost of an anonymous caller is counted."""


class RateLimitedError(QueryError):
    """The caller has spent what it may for now."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(ErrorCode.RATE_LIMITED, f"try again in {retry_after_s:.0f} s")
        self.retry_after_s = max(1, round(retry_after_s))


@dataclass(slots=True)
class _Run:
    """What is found out while one request is answered."""

    request_id: str
    asking: Asking
    authority: Authority
    grants: Grants
    now: datetime
    cost: int = 0
    remaining: int | None = None
    hidden: int = 0
    replaced: dict[str, str] = field(default_factory=dict)
    records: set[str] = field(default_factory=set)
    denied: dict[tuple[str, ...], FieldDenied] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What other parts of the hub give to GraphQL."""

    facts: ServiceFacts
    state: State | None = None
    submit: Submit | None = None
    receipts: Receipts | None = None
    changes: FollowChanges | None = None


class Engine:
    """Answers GraphQL requests."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        parts: Parts,
        limits: QueryLimits | None = None,
        agreements: Agreements | None = None,
    ) -> None:
        self.limits = limits or QueryLimits()
        self.planner = Planner(interface(database.records), self.limits)
        self._database = database
        self._clock = clock
        self._parts = parts
        self._agreements = agreements or Agreements(database, clock)
        self._manifest = Manifest(database, self.planner.interface.model, clock)
        self._replaced = replaced_statement(self.planner.interface.model)

    async def answer(self, request: GraphRequest, asking: Asking) -> Answer:
        """Answer a request; every refusal is an answer too."""
        request_id = f"{getrandbits(64):016x}"
        try:
            return await self._answer(request, asking, request_id)
        except HubError as error:
            return refusal(error, asking.language, request_id)

    async def _answer(self, request: GraphRequest, asking: Asking, request_id: str) -> Answer:
        document = await self._document(request, asking.caller)
        scopes = asking.caller.scopes
        grants = await self._agreements.of(asking.caller.party)
        authority = Authority(scopes, grants.limited)
        run = _Run(request_id, asking, authority, grants, self._clock())
        plan = self.planner.plan(document, request.operation_name, request.variables, authority)
        if plan.compiled is None:
            return await self._executed(plan, request, run)
        body = await self._fetched(plan.compiled, await self._env(plan, run), run)
        return Answer(await self._assembled(body, [], run))

    async def _document(self, request: GraphRequest, caller: Caller) -> Document:
        text = request.query
        if request.document_id is not None:
            found = registered().get(request.document_id)
            if found is None:
                raise QueryError(ErrorCode.DOCUMENT_UNKNOWN, "documentId is sha256:<64 hex digits>")
            if text is not None and text != found:
                raise QueryError(ErrorCode.BAD_USER_INPUT, "send documentId or query, not both")
            text = found
        assert text is not None, "the router has seen to it"
        if ADHOC_SCOPE not in caller.scopes and document_id(text) not in registered():
            raise QueryError(
                ErrorCode.DOCUMENT_REQUIRED, f"other documents need the scope {ADHOC_SCOPE}"
            )
        known = self.planner.known(text)
        if known is not None:
            return known
        return self.planner.keep(await asyncio.to_thread(self.planner.read, text))

    async def _env(self, plan: Plan, run: _Run) -> Env:
        return Env(plan.values, run.grants, run.now, await self._manifest.names())

    # -- one statement -------------------------------------------------------------------------

    async def _fetched(self, compiled: Compiled, env: Env, run: _Run) -> bytes:
        """Run a statement and return the JSON text that it makes."""
        for check in compiled.checks:
            check(env)
        if env.names and compiled.identities:
            asked = [each for given in compiled.identities for each in given(env)]
            await self._replace(asked, env, run)
        texts = [bind(env) for bind in compiled.binds]
        parameters = [None if text is None else text.encode() for text in texts]
        await self._charge(compiled.cost.total(env.values), run)
        run.records |= compiled.records
        run.denied.update((each.path, each) for each in compiled.denied)
        try:
            body = await self._database.answer(compiled.sql, parameters)
        except psycopg.Error as error:
            _failed(error, run.request_id)
        assert body is not None, "a compiled statement always has a value"
        if compiled.guarded:
            run.hidden += body.count(HIDDEN)
        return body

    async def _replace(self, asked: list[str], env: Env, run: _Run) -> None:
        """Put in the place of ids what links have put there; tell of what everybody sees."""
        ids = [each for each in asked if each.isascii() and each.isprintable()]
        for former, now, is_public in await self._database.reads.fetch_all(self._replaced, (ids,)):
            env.replaced[former] = now
            if is_public:
                run.replaced[former] = now

    async def _charge(self, cost: int, run: _Run) -> None:
        run.cost += cost
        if run.cost > self.limits.cost:
            raise QueryError(
                ErrorCode.COST_LIMIT, f"the request costs {run.cost}, at most {self.limits.cost}"
            )
        if self._parts.state is None or cost == 0:
            return
        caller, limits = run.asking.caller, self.limits
        if caller.client_id is None:
            bucket = f"gql:{run.asking.bucket}"
            capacity, refill = limits.anonymous_capacity, limits.anonymous_refill_per_s
        else:
            bucket = f"gql:{caller.client_id}"
            capacity, refill = limits.cost_capacity, limits.cost_refill_per_s
        allowance = await self._parts.state.take(bucket, capacity, refill, cost)
        if not allowance.ok:
            raise RateLimitedError(allowance.retry_after_s)
        run.remaining = allowance.remaining

    async def _assembled(self, data: bytes, errors: list[dict[str, Any]], run: _Run) -> bytes:
        errors = [*errors, *denials(run.denied.values(), run.asking.language)]
        parts = [b'{"data":', data]
        if errors:
            parts += [b',"errors":', dumps(errors)]
        sources = await self._manifest.of(frozenset(run.records)) if run.records else b"[]"
        remaining = "" if run.remaining is None else f',"remaining":{run.remaining}'
        denied = f',"denied":{run.hidden}' if run.hidden else ""
        replaced = b',"replacedBy":' + dumps(run.replaced) if run.replaced else b""
        told = (
            f',"requestId":"{run.request_id}","cost":{{"requested":{run.cost}{remaining}}}{denied}'
        )
        parts += [b',"extensions":{"sources":', sources, replaced, told.encode(), b"}}"]
        return b"".join(parts)

    # -- the executor --------------------------------------------------------------------------

    async def _executed(self, plan: Plan, request: GraphRequest, run: _Run) -> Answer:
        async def read(info: Any) -> Any:
            return await self._root_field(info._raw_info, plan, run)

        if plan.operation.operation is OperationType.MUTATION and request.read_only:
            raise QueryError(ErrorCode.METHOD_NOT_ALLOWED, "POST mutations")
        if plan.operation.operation is OperationType.MUTATION and run.asking.signed is None:
            raise QueryError(ErrorCode.UNAUTHENTICATED, "sign mutations: profile hub-sig-1")
        context = Context(
            caller=run.asking.caller,
            now=run.now,
            language=run.asking.language,
            facts=self._parts.facts,
            model=self.planner.interface.model,
            read=read,
            submit=self._parts.submit,
            receipts=self._parts.receipts,
            changes=self._parts.changes,
            charge=partial(self._charge, run=run),
            signed=run.asking.signed,
        )
        outcome = run_executor(
            self.planner.interface.schema,
            plan.document.ast,
            context_value=context,
            variable_values=dict(request.variables),
            operation_name=request.operation_name,
            hide_suggestions=True,
        )
        result = outcome if isinstance(outcome, ExecutionResult) else await outcome
        for error in result.errors or []:
            cause = _cause(error)
            if isinstance(cause, UnavailableError | RateLimitedError):
                raise cause  # of the request as a whole: it may be sent again
        errors = [self._field_error(error, run) for error in (result.errors or [])[:ERRORS_MAX]]
        return Answer(await self._assembled(dumps(result.data), errors, run))

    async def _root_field(self, info: GraphQLResolveInfo[Any], plan: Plan, run: _Run) -> Any:
        """Compile and run one root field of an executed operation."""
        compiler = Compiler(
            self.planner.interface,
            plan.document.fragments,
            plan.values,
            run.authority,
            self.limits,
            marked=True,
        )
        key = str(info.path.key)
        compiled = compiler.fields({key: list(info.field_nodes)})
        body = await self._fetched(compiled, await self._env(plan, run), run)
        return json.loads(body)[key]

    def _field_error(self, error: GraphQLError, run: _Run) -> dict[str, Any]:
        """Return a field's error; what is not the hub's own says only that it failed."""
        cause = _cause(error)
        if isinstance(cause, HubError):
            return told(cause, run.asking.language, error.path)
        if isinstance(cause, GraphQLError):
            known = QueryError(ErrorCode.BAD_USER_INPUT, error.message[:DETAIL_MAX])
            return told(known, run.asking.language, error.path)
        _log.error("request %s failed in a resolver", run.request_id, exc_info=cause)
        return told(HubError(ErrorCode.INTERNAL), run.asking.language, error.path)


def _cause(error: GraphQLError) -> BaseException:
    """Return what a resolver raised."""
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _failed(error: psycopg.Error, request_id: str) -> NoReturn:
    """Raise what a statement's failure means for its caller."""
    if isinstance(error, psycopg.DataError):
        raise QueryError(ErrorCode.BAD_USER_INPUT, "a value is out of range") from error
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        raise error
    _log.error("request %s: a compiled statement failed", request_id, exc_info=error)
    raise HubError(ErrorCode.INTERNAL) from error

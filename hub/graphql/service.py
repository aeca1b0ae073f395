"""`service`: one GraphQL request from its text to the bytes of its answer.

The steps of a query: document, grants and plan (all cached), cost, statement, answer. Operations
that cannot be compiled are run as their document says (`hub.graphql.plain_fields`: every mutation),
or else by graphql-core, whose root fields each run a statement of their own
(`hub.query.answer.execute`).
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, replace
from functools import partial
from random import getrandbits
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLResolveInfo,
    OperationType,
)
from graphql import execute as run_executor

from hub.access.agreements import Agreements
from hub.access.grants import PartyGrants
from hub.access.resource import Caller
from hub.access.scopes import Scope
from hub.audit.limits import REASON_CHARACTERS
from hub.audit.rows import ReadRequest
from hub.audit.service import Audit, unavailable
from hub.clock import Clock
from hub.customs.service import CustomsDesk
from hub.errors import ErrorCode, HubError
from hub.exchange.exports.service import ExportDesk
from hub.exchange.page import FollowChanges
from hub.federation.service import Federation
from hub.graphql.answering import field_error, is_audited, name_of, tagged
from hub.graphql.documents import ClientDocuments
from hub.graphql.executor import check_alone, check_way, raise_whole
from hub.graphql.freshening import Freshening
from hub.graphql.hooks import RequestAllowance, RequestContext, ServiceFacts, Submit
from hub.graphql.kept_answers import KeptAnswers, KeptResponse, asked_again
from hub.graphql.plain_fields import plain_field
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.schema import interface
from hub.graphql.subgraph import subgraph
from hub.orders.partner import PartnerDesk
from hub.query.answer.execute import Run, Statements, ended
from hub.query.answer.respond import Answer, dumps, refusal
from hub.query.plan.bounds import check_variables
from hub.query.plan.documents import GraphDocument, document_id, registered
from hub.query.plan.errors import QueryError, ScopeMissingError
from hub.query.plan.freshness import Freshness
from hub.query.plan.limits import (
    ERRORS_MAX,
    INTROSPECTED_BESIDE_MAX,
    INTROSPECTION_COST,
    VALUES_ON_LOOP_MAX,
    QueryLimits,
)
from hub.query.sql.authorise import Authority
from hub.query.sql.compile import Compiler
from hub.query.sql.planner import Plan, Planner
from hub.receipts.answer import Receipts
from hub.state import State
from hub.store.database import Database
from hub.vouchers.served import NO_VOUCHERS, ServedVouchers
from hub.watching.notes import current, note_operation, note_refusal

ADHOC_SCOPE = "graphql:adhoc"
BREAK_GLASS = "Hub-Break-Glass"
"""The header by which a caller asks to read past agreements; its value is the reason."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """The parts of the hub that GraphQL uses; None where the hub runs without them."""

    facts: ServiceFacts
    state: State | None = None
    submit: Submit | None = None
    receipts: Receipts | None = None
    changes: FollowChanges | None = None
    customs: CustomsDesk | None = None
    bookings: PartnerDesk | None = None
    vouchers: ServedVouchers = NO_VOUCHERS
    exports: ExportDesk | None = None
    documents: ClientDocuments | None = None
    """Those that clients have registered for themselves."""
    federation: Federation | None = None
    """Without it no source is asked live."""
    audit: Audit | None = None
    """Without it nothing is audited: tests and benchmarks."""


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
        self._clock = clock
        self._parts = parts
        self._agreements = agreements or Agreements(database, clock)
        self._subgraph = subgraph(database.records)
        self._introspection = asyncio.Semaphore(1)
        model = self.planner.interface.model
        self._statements = Statements(database, model, clock, self.limits, parts.state)
        self._freshening = Freshening(self._statements, parts.federation)
        self._kept = KeptAnswers(database, clock)

    async def answer(
        self, request: GraphRequest, asking: Asking, event: FollowChanges | None = None
    ) -> Answer:
        """Answer a request; every refusal is an answer too.

        `event`: gives the page of one event of a subscription, which is answered here only with it.
        """
        notes = current()
        request_id = notes.request_id if notes else f"{getrandbits(64):016x}"
        try:
            return await self._answer(request, asking, request_id, event)
        except HubError as error:
            note_refusal(error.code.name)
            return refusal(error, asking.language, request_id)

    async def is_subscription(self, request: GraphRequest, caller: Caller) -> bool:
        """Whether a request asks to be answered again and again; raises what refuses it."""
        document = await self._document(request, caller)
        operation = document.operation(request.operation_name)
        return operation.operation is OperationType.SUBSCRIPTION

    async def _answer(
        self,
        request: GraphRequest,
        asking: Asking,
        request_id: str,
        event: FollowChanges | None,
    ) -> Answer:
        document = await self._document(request, asking.caller)
        answer = await self._ran(document, request, asking, request_id, event)
        return replace(answer, notices=document.notices) if document.notices else answer

    async def _ran(
        self,
        document: GraphDocument,
        request: GraphRequest,
        asking: Asking,
        request_id: str,
        event: FollowChanges | None,
    ) -> Answer:
        scopes = asking.caller.scopes
        grants = await self._agreements.of(asking.caller.party)
        if asking.reason is not None:
            grants = self._past_agreements(grants, asking)
        authority = Authority.of(scopes, grants)
        run = Run(
            request_id=request_id,
            caller=asking.caller,
            language=asking.language,
            bucket=asking.bucket,
            authority=authority,
            grants=grants,
            now=self._clock(),
            relay=asking.relay,
        )
        asked = asked_again(document, request, asking)
        if asked is not None and (kept := await self._kept.find(asked, run)) is not None:
            return await self._again(kept, run)
        plan = await self._plan(document, request, authority)
        operation = name_of(plan)
        note_operation(operation)
        if plan.compiled is None:
            return await self._executed(plan, request, asking, run, event)
        statements = self._statements
        env = await statements.env(plan.values, run)
        if plan.compiled.touches:
            await self._freshening.before(plan.compiled, env, run, request.freshness)
        body = await statements.fetch(plan.compiled, env, run)
        if is_audited(run, asking):
            await self._note(run, document, asking)
        whole = await statements.assemble(body, [], run)
        if asked is not None:
            self._kept.keep(asked, run, asking, whole, operation)
        return tagged(whole, request, asking, run)

    async def _again(self, kept: KeptResponse, run: Run) -> Answer:
        """Give an answer that is kept, at its cost."""
        note_operation(kept.operation)
        await self._statements.charge(kept.cost, run)
        run.hidden = kept.hidden
        return Answer(ended(kept.begun, run))

    def _past_agreements(self, grants: PartyGrants, asking: Asking) -> PartyGrants:
        """Return the rights of a caller that reads past agreements, or refuse it."""
        scope, reason = Scope.OPERATOR_BREAK_GLASS.value, asking.reason or ""
        if scope not in asking.caller.scopes:
            raise ScopeMissingError(scope, "reading past agreements")
        if len(reason) not in REASON_CHARACTERS or not reason.isprintable():
            most = REASON_CHARACTERS.stop - 1
            least = REASON_CHARACTERS.start
            raise QueryError(
                ErrorCode.BAD_USER_INPUT,
                f"{BREAK_GLASS}：请写明理由，{least} 至 {most} 个字符",
                f"{BREAK_GLASS}: a reason of {least} to {most} characters",
            )
        if self._parts.audit is None:
            raise unavailable()
        return replace(grants, sees_everything=True)

    async def _note(self, run: Run, document: GraphDocument, asking: Asking) -> None:
        """Write what was read into the audit, before the answer leaves."""
        if self._parts.audit is not None:
            request = ReadRequest(
                caller=run.caller,
                grants=run.grants,
                at=run.now,
                request_id=run.request_id,
                action="graphql",
                document=document_id(document.text),
                reason=asking.reason,
                relay=run.relay,
            )
            await self._parts.audit.note(request, run.reads, run.asked)

    async def _plan(
        self, document: GraphDocument, request: GraphRequest, authority: Authority
    ) -> Plan:
        planner, read = self.planner, (document, request.operation_name, request.variables)
        is_fresh = document.names_freshness or request.freshness is not None
        if check_variables(request.variables) <= VALUES_ON_LOOP_MAX:
            return planner.plan(*read, authority, is_fresh=is_fresh)
        asked = await asyncio.to_thread(planner.read_variables, *read)
        return planner.settle(document, asked, authority, is_fresh=is_fresh)

    async def _document(self, request: GraphRequest, caller: Caller) -> GraphDocument:
        text = request.query
        if request.document_id is not None:
            registered_text = await self._registered(request.document_id, caller)
            if registered_text is None:
                raise QueryError(
                    ErrorCode.DOCUMENT_UNKNOWN,
                    "documentId 写作 sha256: 加 64 位十六进制数；已登记的查询见 /explore",
                    "documentId is sha256:<64 hex digits>; /explore shows the registered ones",
                )
            if text is not None and text != registered_text:
                raise QueryError(
                    ErrorCode.BAD_USER_INPUT,
                    "documentId 与 query 只能给一个",
                    "send documentId or query, not both",
                )
            text = registered_text
        assert text is not None, "the endpoint requires query or documentId"
        is_registered = request.document_id is not None or ADHOC_SCOPE in caller.scopes
        if not is_registered and await self._registered(document_id(text), caller) is None:
            raise QueryError(
                ErrorCode.DOCUMENT_REQUIRED,
                f"请用已登记的查询，或申请权限范围 {ADHOC_SCOPE}",
                f"other documents need the scope {ADHOC_SCOPE}",
            )
        schema = self._subgraph if request.of_subgraph else None
        known = self.planner.known(text, schema)
        if known is not None:
            return known
        return self.planner.keep(await asyncio.to_thread(self.planner.read, text, schema))

    async def _registered(self, identifier: str, caller: Caller) -> str | None:
        """Return the text of a document of the hub's own or of the caller's, or None."""
        text = registered().get(identifier)
        documents = self._parts.documents
        if text is not None or documents is None or caller.client_id is None:
            return text
        return await documents.text(caller.client_id, identifier)

    # -- the executor --------------------------------------------------------------------------

    def _context(
        self,
        plan: Plan,
        request: GraphRequest,
        asking: Asking,
        run: Run,
        event: FollowChanges | None,
    ) -> RequestContext:
        """Return what the resolvers of a request share."""

        async def read(info: GraphQLResolveInfo[Any]) -> Any:
            return await self._root_field(info, plan, run, request.freshness)

        return RequestContext(
            caller=run.caller,
            now=run.now,
            language=run.language,
            facts=self._parts.facts,
            model=self.planner.interface.model,
            read=read,
            submit=self._parts.submit,
            receipts=self._parts.receipts,
            changes=event or self._parts.changes,
            is_event=event is not None,
            customs=self._parts.customs,
            bookings=self._parts.bookings,
            vouchers=self._parts.vouchers,
            exports=self._parts.exports,
            request_id=run.request_id,
            charge=partial(self._statements.charge, run=run),
            reads=run.reads,
            signed=asking.signed,
            allowance=RequestAllowance(
                asking.standing, self.limits, is_known=not run.caller.anonymous
            ),
        )

    async def _executed(
        self,
        plan: Plan,
        request: GraphRequest,
        asking: Asking,
        run: Run,
        event: FollowChanges | None,
    ) -> Answer:
        is_event = check_way(
            plan,
            is_read_only=request.read_only,
            is_signed=asking.signed is not None,
            is_stream=event is not None,
        )
        context = self._context(plan, request, asking, run, event if is_event else None)
        plain = plain_field(plan)
        if plain is not None:
            result = await plain.run(plan, context)
        else:
            result = await self._by_executor(plan, request, run, context)
        raise_whole(result, is_event=is_event)
        if is_audited(run, asking):
            await self._note(run, plan.document, asking)
        errors = [field_error(error, run) for error in (result.errors or [])[:ERRORS_MAX]]
        whole = await self._statements.assemble(dumps(result.data), errors, run)
        return Answer(whole) if errors else tagged(whole, request, asking, run)

    async def _by_executor(
        self, plan: Plan, request: GraphRequest, run: Run, context: RequestContext
    ) -> ExecutionResult:
        """Have graphql-core run an operation."""
        execute = partial(
            run_executor,
            plan.document.schema,
            plan.document.ast,
            context_value=context,
            variable_values=dict(request.variables),
            operation_name=request.operation_name,
            hide_suggestions=True,
        )
        introspected = plan.document.introspected
        await self._statements.charge(introspected * INTROSPECTION_COST, run)
        if introspected > INTROSPECTED_BESIDE_MAX:
            check_alone(plan)
            async with self._introspection:  # a tenth of a second of work that waits for nothing
                outcome = await asyncio.to_thread(execute)
        else:
            outcome = execute()
        return outcome if isinstance(outcome, ExecutionResult) else await outcome

    async def _root_field(
        self, info: GraphQLResolveInfo[Any], plan: Plan, run: Run, freshness: Freshness | None
    ) -> Any:
        """Compile and run one root field of an executed operation."""
        compiler = Compiler(
            self.planner.interface_of(plan.document),
            plan.document.fragments,
            plan.values,
            run.authority,
            self.limits,
            marked=True,
            is_fresh=plan.document.names_freshness or freshness is not None,
        )
        key = str(info.path.key)
        compiled = compiler.fields({key: list(info.field_nodes)})
        statements = self._statements
        env = await statements.env(plan.values, run)
        if compiled.touches:
            await self._freshening.before(compiled, env, run, freshness)
        body = await statements.fetch(compiled, env, run)
        return json.loads(body)[key]

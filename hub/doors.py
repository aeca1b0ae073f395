"""`doors`: every route of a running hub, and what each request passes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from secrets import token_hex
from typing import Any

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from hub.access.certificate import ClientCertificates
from hub.access.operator_endpoint import Note, OperatorEndpoints
from hub.access.pending import Registrations
from hub.access.registrar import Registrar
from hub.access.service import Access
from hub.audit.endpoint import AuditEndpoint
from hub.audit.service import Audit, act_row
from hub.clock import Clock
from hub.coding import ContentCoding
from hub.cross_origin import CrossOrigin
from hub.edge import Application, Edge, routed
from hub.explorer.endpoint import explorer_routes, sandbox_routes
from hub.explorer.samples import samples
from hub.front.endpoint import front_routes
from hub.front.figures import PublicFigures
from hub.graphql.endpoint import PATH, SUBGRAPH_PATH, GraphQLEndpoint
from hub.graphql.service import Engine
from hub.graphql.socket import GraphQLSocket
from hub.graphql.streaming import ChangeStreams
from hub.guide.endpoint import Operator, guide_routes
from hub.intake.batch import Batch, Outcomes, Take
from hub.intake.deadline import in_time
from hub.intake.endpoint import BatchEndpoint
from hub.intake.files.endpoint import FileEndpoints
from hub.intake.limits import BATCH_WAIT_S, BATCHES_AT_ONCE, BATCHES_OF_ONE, BATCHES_WAITING
from hub.intake.nrii_endpoint import NriiEndpoint
from hub.intake.quarantine_endpoint import QuarantineEndpoint
from hub.intake.service import submit
from hub.operate.endpoint import health_routes
from hub.operate.figures import Figures
from hub.operate.health import HubHealth
from hub.pages.endpoint import page_routes
from hub.settings import Settings
from hub.state import State
from hub.store.database import Database
from hub.store.fair import HUB, Asker, FairQueue, Shares
from hub.watching.requests import RequestWatch

GATED = (
    "(/federation)?/graphql|/batches|/nrii/instruInfo|/files|/mappings(/.*)?|/quarantine|/receipts/.*|/records/.*|/audit"
    "|/attestations/.*|/vouchers/pack/.*|/exports(/.*)?|/clients/self(/.*)?|/operator/.*"
)
"""Paths behind `hub.access.gate`, which counts requests by client."""


def public_routes(
    settings: Settings, engine: Engine, figures: Figures, health: HubHealth, clock: Clock
) -> list[BaseRoute]:
    """Return what everybody may read."""
    public = PublicFigures(engine, figures.log, clock, is_open=settings.anonymous)
    return [
        *front_routes(health.codes, public.look, contact=settings.contact),
        *page_routes(),
        *health_routes(health),
        *guide_routes(Operator(settings.base, settings.contact), clock),
    ]


def explorer(
    settings: Settings, access: Access, state: State, clock: Clock
) -> tuple[BaseRoute, ...]:
    """Return the explorer, and in a sandbox the door at which it registers itself."""
    sandbox = sandbox_routes(access, state, clock) if settings.sandbox else ()
    return (*explorer_routes(lambda: samples(clock())), *sandbox)


def client_routes(
    database: Database, access: Access, state: State, audit: Audit, clock: Clock
) -> list[BaseRoute]:
    """Return where clients register, operators look after them, and both see who read what."""
    kept = Registrations(database)
    return [
        *Registrar(access, kept, state, clock).routes(),
        *OperatorEndpoints(access, kept, clock, noting(audit, clock)).routes(),
        *AuditEndpoint(audit, access).routes(),
    ]


def incoming(
    take: Take, access: Access, database: Database, audit: Audit, base: str
) -> tuple[BaseRoute, ...]:
    """Return where records come in, and where what was refused of them is worked on."""
    clock = audit.clock
    return (
        *BatchEndpoint(take, access, clock, audit).routes(),
        *NriiEndpoint(take, access, database, clock, base).routes(),
        *FileEndpoints(take, access, database, clock).routes(),
        *QuarantineEndpoint(database, access).routes(),
    )


def taker(database: Database, clock: Clock) -> Take:
    """Return the one way in, with turns: a storm of batches of one client waits behind itself."""
    shares = Shares(client_runs=BATCHES_OF_ONE, client_waits=BATCHES_WAITING)
    turns = FairQueue(BATCHES_AT_ONCE, shares, BATCH_WAIT_S)

    async def take(batch: Batch) -> Outcomes:
        asker = HUB if batch.client_id is None else Asker(batch.client_id)
        async with AsyncExitStack() as stack:
            async with in_time(batch.until):
                await stack.enter_async_context(turns.turn(asker))
            return await submit(database, batch, clock=clock)

    return take


def noting(audit: Audit, clock: Clock) -> Note:
    """Return how an operator's act over HTTP gets into the audit."""

    async def note(action: str, detail: dict[str, Any]) -> None:
        await audit.act(act_row(action, detail, (), clock(), token_hex(8)))

    return note


def _graphql(
    settings: Settings, access: Access, engine: Engine, streams: ChangeStreams
) -> tuple[Mapping[str, ASGIApp], ASGIApp]:
    """Return the doors of GraphQL: over HTTP by path (everybody's, gateways'), over WebSocket."""
    scheme = settings.base.partition("://")[0]
    own = {f"{scheme}://{host}" for host in access.config.hosts}
    socket = GraphQLSocket(access, streams, {*own, *settings.cors_origins})
    doors: dict[str, ASGIApp] = {
        PATH: GraphQLEndpoint(engine, access, streams),
        SUBGRAPH_PATH: GraphQLEndpoint(engine, access, of_subgraph=True),
    }
    return doors, socket


def outermost(
    settings: Settings,
    access: Access,
    engine: Engine,
    streams: ChangeStreams,
    routes: Sequence[BaseRoute],
) -> ASGIApp:
    """Return the application with what every request passes first."""
    graphql, socket = _graphql(settings, access, engine, streams)
    served = Application(graphql, ClientCertificates(routed(routes)), socket)
    edge = Edge(
        ContentCoding(served, access.rates),
        is_secure=settings.base.startswith("https://"),
        rates=access.rates,
        gated=GATED,
        origins=CrossOrigin(settings.cors_origins) if settings.cors_origins else None,
    )
    paths = (*graphql, *(str(getattr(route, "path", "")) for route in routes))
    return RequestWatch(edge, doors=set(map(door_of, paths)))


def door_of(path: str) -> str:
    """Return the first part of a path, by which its requests are counted."""
    return path.strip("/").partition("/")[0]

"""`app`: the composition root: the only place that knows every part of the hub.

- Parts are built by constructor, once, from the settings; nothing is global.
- `Hub.asgi` is the application; `Hub.running()` keeps what runs beside it: the sequencer, the
  schedule of harvests, the reading of sensors, who follows the change feed for others,
  housekeeping.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from hub.access.agreements import Agreements
from hub.access.config import AccessConfig
from hub.access.people import read_providers
from hub.access.resource import Caller
from hub.access.service import Access
from hub.access.store import DatabaseClientStore
from hub.access.token_keys import TokenKeys, in_files
from hub.audit.rows import errand_row
from hub.audit.service import Audit
from hub.clock import Clock
from hub.customs.service import CustomsDesk
from hub.doors import (
    client_routes,
    explorer,
    incoming,
    outermost,
    public_routes,
    taker,
)
from hub.edge import routed
from hub.exchange.exports.endpoint import ExportEndpoints
from hub.exchange.exports.service import ExportDesk
from hub.exchange.service import ChangeFeed
from hub.exchange.watch import FeedWatch
from hub.exchange.webhooks.deliveries import DeliveryParts, WebhookDeliveries
from hub.exchange.webhooks.endpoint import WebhookEndpoints
from hub.exchange.webhooks.sending import WebhookSender
from hub.federation.deployed import LiveSources
from hub.federation.service import Federation
from hub.forwarding.service import Forwarding
from hub.graphql.documents import ClientDocuments
from hub.graphql.documents_endpoint import DocumentEndpoints
from hub.graphql.export_desk import HubNames, export_desk
from hub.graphql.hooks import ServiceFacts
from hub.graphql.service import Engine, Parts
from hub.graphql.streaming import ChangeStreams
from hub.harvest.connections.errand import Errand
from hub.harvest.raw import RawKeeping
from hub.harvest.schedule import Schedule
from hub.housekeeping import run_housekeeping
from hub.ledger.endpoint import LogEndpoints
from hub.ledger.log_files import log_signer
from hub.ledger.note import Signer
from hub.ledger.policy import NONE, Policy
from hub.ledger.sequencer import Sequencer
from hub.operate.endpoint import metrics_routes
from hub.operate.figures import Figures
from hub.operate.health import HubHealth
from hub.orders.keeping import OrderKeeping
from hub.orders.partner import PartnerDesk
from hub.orders.service import OrderDesk
from hub.policy.law import Law, current_law
from hub.receipts.endpoint import ProofEndpoints
from hub.sensing.service import Sensing
from hub.settings import MIB, Settings
from hub.state import State, open_state
from hub.store.database import Database
from hub.vouchers.attested.endpoint import AttestationEndpoints
from hub.vouchers.cases.pack_endpoint import PackEndpoint
from hub.vouchers.closing import keep_days
from hub.vouchers.deployed import VoucherDesks, voucher_desks
from hub.vouchers.followed.following import VoucherFollowing
from hub.watching.metrics import METRICS
from schema import STANDARD_VERSION
from schema.parties import HUB_PARTY

VERSION = version("delta-instrument-hub")
STOP_TIMEOUT_S = 10.0
"""Longest wait for what runs beside the application to finish its turn."""


@dataclass(frozen=True, slots=True)
class Following:
    """What follows the change feed for others: subscriptions and webhooks."""

    watch: FeedWatch
    streams: ChangeStreams
    hooks: DeliveryParts


@dataclass(frozen=True, kw_only=True, slots=True)
class Hub:
    """The parts of one running hub."""

    settings: Settings
    clock: Clock
    database: Database
    state: State
    access: Access
    sequencer: Sequencer
    schedule: Schedule
    sensing: Sensing
    vouchers: VoucherDesks
    federation: Federation
    following: Following
    exports: ExportDesk
    orders: OrderKeeping
    asgi: ASGIApp
    routes: tuple[BaseRoute, ...]
    """Every route but those of GraphQL, which are applications of their own."""
    health: HubHealth
    metrics: ASGIApp
    """For the operator's own listener, never for the public one."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run sequencer, harvests and housekeeping beside the application, and stop them in order.

        Every worker runs each: advisory locks let one do the work, others take over when it dies.
        """
        await self.state.check()
        stop = asyncio.Event()
        vouchers = VoucherFollowing.of(self.vouchers.tracks, self.following.watch)
        tasks = [
            asyncio.create_task(self.sequencer.run(stop), name="sequencer"),
            asyncio.create_task(self.schedule.run(stop), name="harvests"),
            asyncio.create_task(self.sensing.run(stop), name="sensors"),
            asyncio.create_task(self.following.watch.run(stop), name="change feed"),
            asyncio.create_task(WebhookDeliveries(self.following.hooks).run(stop), name="webhooks"),
            asyncio.create_task(self.orders.run(stop), name="orders"),
            asyncio.create_task(vouchers.run(stop), name="vouchers"),
            asyncio.create_task(self.vouchers.between.keeping.run(stop), name="claims"),
            asyncio.create_task(
                run_housekeeping(
                    self.database,
                    self.clock,
                    stop,
                    party=_party(self.settings),
                    raw_days=self.settings.raw_days,
                    also=lambda: keep_days(
                        self.vouchers.messages, self.database, self.settings.log_origin
                    ),
                ),
                name="housekeeping",
            ),
            asyncio.create_task(self.health.watch(stop), name="health"),
            asyncio.create_task(METRICS.watch_loop(stop), name="event loop"),
        ]
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait(tasks, timeout=STOP_TIMEOUT_S)
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await self.exports.aclose()
            await self.vouchers.between.ring.aclose()
            await self.federation.aclose()
            await self.state.aclose()


async def build(settings: Settings, database: Database, clock: Clock) -> Hub:
    """Assemble a hub on an open, migrated database."""
    state = open_state(settings.redis_url, clock)
    access, keys = _access(settings, database, state, clock)
    signer, policy, sequencer = _log(settings, database, clock)
    law = current_law(settings.law_dir)
    agreements = Agreements(database, clock, law)
    proofs = ProofEndpoints(database, access, agreements, policy, audit := Audit(database, clock))
    figures, health = _health(settings, database, state, clock, sequencer)
    schedule = _schedule(settings, database, clock)
    federation = _federation(settings, database, state, clock, schedule, audit)
    customs = _customs(settings, database, agreements, clock, keys, law)
    desks = voucher_desks(settings, database, agreements, customs, audit, federation.sources.all)
    parts = Parts(
        facts=_facts(settings),
        state=state,
        submit=(take := _forwarding(settings, database, federation, audit).take),
        receipts=proofs,
        changes=(feed := ChangeFeed(database, agreements, clock)).page,
        customs=customs,
        bookings=(bookings := _bookings(settings, database, customs, federation, clock)),
        audit=audit,
        documents=(documents := ClientDocuments(database)),
        exports=(exports := _exports(settings, database, state, clock, agreements, audit)),
        federation=federation,
        vouchers=desks.served,
    )
    engine = Engine(database, clock, parts, agreements=agreements)
    following = _following(settings, engine, access, audit, feed, keys)
    routes: list[BaseRoute] = [
        *public_routes(settings, engine, figures, health, clock),
        *access.routes(),
        *client_routes(database, access, state, audit, clock),
        *DocumentEndpoints(access, database, state, clock).routes(engine.planner, documents),
        *_handing_out(exports, following, database, access, state),
        *incoming(take, access, database, audit, settings.base),
        *_proving(proofs, access, LogEndpoints(database, signer.key, policy), desks),
        *AttestationEndpoints(desks.attesting, access, agreements, audit, keys).routes(),
        *explorer(settings, access, state, clock),
    ]
    return Hub(
        settings=settings,
        clock=clock,
        database=database,
        state=state,
        access=access,
        sequencer=sequencer,
        schedule=schedule,
        federation=federation,
        vouchers=desks,
        exports=exports,
        orders=OrderKeeping(bookings),
        sensing=Sensing(database, _party(settings), clock, settings.source_secrets_dir),
        following=following,
        asgi=outermost(settings, access, engine, following.streams, routes),
        routes=tuple(routes),
        health=health,
        metrics=routed(metrics_routes(database, figures, health)),
    )


def _customs(
    settings: Settings,
    database: Database,
    agreements: Agreements,
    clock: Clock,
    keys: TokenKeys,
    law: Law,
) -> CustomsDesk:
    return CustomsDesk(database, agreements, clock, issuer=settings.base, key=keys.signing, law=law)


def _handing_out(
    exports: ExportDesk, following: Following, database: Database, access: Access, state: State
) -> list[BaseRoute]:
    """Return where what is exported and what is delivered is looked after."""
    webhooks = WebhookEndpoints(access, following.hooks, state)
    return [*ExportEndpoints(exports, database, access).routes(), *webhooks.routes()]


def _proving(
    proofs: ProofEndpoints,
    access: Access,
    log: LogEndpoints,
    vouchers: VoucherDesks,
) -> list[BaseRoute]:
    """Return where proofs are fetched: one by one, of the log, and as the pack of a case."""
    packs = PackEndpoint(vouchers.cases, access, proofs, log.policy_file, proofs.audit)
    return [*proofs.routes(), *log.routes(), *packs.routes()]


def _log(settings: Settings, database: Database, clock: Clock) -> tuple[Signer, Policy, Sequencer]:
    """Return what signs the log, the policy that trusts it alone, and who makes it grow."""
    signer = log_signer(settings.log_origin, settings.data_dir / "keys", settings.log_key_file)
    sequencer = Sequencer(database.url, signer, clock, settings.data_dir / "log")
    return signer, Policy((signer.key,), {}, {}, NONE), sequencer


def _following(
    settings: Settings,
    engine: Engine,
    access: Access,
    audit: Audit,
    feed: ChangeFeed,
    keys: TokenKeys,
) -> Following:
    """Return what follows the change feed for others."""
    watch = FeedWatch(feed.database)
    sender = WebhookSender(settings.webhook_origins, settings.base)
    hooks = DeliveryParts(feed, watch, access.clients, audit, sender, keys.signing)
    return Following(watch, ChangeStreams(engine, access.again, feed.page, watch), hooks)


def _bookings(
    settings: Settings,
    database: Database,
    customs: CustomsDesk,
    federation: Federation,
    clock: Clock,
) -> PartnerDesk:
    """Return who books for partners, at the sources that can be asked live."""
    orders = OrderDesk(database, customs, _party(settings), clock)
    return PartnerDesk(orders, federation.sources.all, federation.look_again)


def _facts(settings: Settings) -> ServiceFacts:
    """Return what the hub says of itself."""
    return ServiceFacts(
        version=VERSION, standard_version=STANDARD_VERSION, sandbox=settings.sandbox
    )


def _exports(
    settings: Settings,
    database: Database,
    state: State,
    clock: Clock,
    agreements: Agreements,
    audit: Audit,
) -> ExportDesk:
    """Return who makes files of whole lists, under the hub's address and the name of its log."""
    names = HubNames(base=settings.base, origin=settings.log_origin)
    return export_desk(database, state, clock, agreements, audit, names)


def _party(settings: Settings) -> str:
    """Return the party for which the hub itself vouches."""
    return f"{HUB_PARTY}{settings.log_origin}"


def _schedule(settings: Settings, database: Database, clock: Clock) -> Schedule:
    party = _party(settings)
    folder, interval_s = settings.source_secrets_dir, settings.harvest_interval_s
    keeping = RawKeeping(settings.raw_days, settings.raw_mib * MIB)
    return Schedule(database, party, clock, folder, interval_s, keeping)


def _access(
    settings: Settings, database: Database, state: State, clock: Clock
) -> tuple[Access, TokenKeys]:
    """Return who lets requests in, and the keys that sign tokens and answers."""
    keys = in_files(settings.token_key, clock)
    clients = DatabaseClientStore(database)
    return Access(access_config(settings), keys, clients, state, clock), keys


def _health(
    settings: Settings, database: Database, state: State, clock: Clock, sequencer: Sequencer
) -> tuple[Figures, HubHealth]:
    """Return what the hub counts of itself, and what tells whether it is well."""
    figures = Figures(database, settings.log_origin, clock)
    return figures, HubHealth(database, state, figures, settings.data_dir, sequencer)


def _federation(
    settings: Settings,
    database: Database,
    state: State,
    clock: Clock,
    schedule: Schedule,
    audit: Audit,
) -> Federation:
    sources = LiveSources(settings.source_secrets_dir, lambda: schedule.added)

    async def note(errand: Errand, source: str, key: str) -> None:
        detail = {"hub": source, "instrument": key, "via": list(errand.via)}
        row = errand_row(errand.caller, clock(), f"ask {source}", errand.request_id, detail)
        await audit.act(row)

    return Federation(database, state, clock, _party(settings), sources, note)


def _forwarding(
    settings: Settings, database: Database, federation: Federation, audit: Audit
) -> Forwarding:
    """Return the one way in for pushes, which hands on what is at home at another hub."""

    async def note(who: Caller, hub: str, request_id: str, detail: Mapping[str, Any]) -> None:
        await audit.act(errand_row(who, audit.clock(), f"push {hub}", request_id, detail))

    take, sources = taker(database, audit.clock), federation.sources.all
    return Forwarding(database, take, sources, note, settings.log_origin)


def access_config(settings: Settings) -> AccessConfig:
    """Return what the access layer must know of the hub's own address."""
    parts = urlsplit(settings.base)
    hosts = {parts.netloc.lower()}
    if parts.hostname in ("127.0.0.1", "localhost"):
        hosts |= {f"127.0.0.1:{parts.port}", f"localhost:{parts.port}"}
    return AccessConfig(
        settings.base,
        frozenset(hosts),
        anonymous_reads=settings.anonymous,
        takes_certificates=settings.socket is not None,
        providers=read_providers(settings.identity_providers),
    )

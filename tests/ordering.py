"""Clients of a hub that books at a laboratory: what they send, and the parts of such a hub."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import httpx
from starlette.applications import Starlette

from hub.access.agreements import Agreements
from hub.access.clients import ClientKind
from hub.access.config import local_config
from hub.access.content_digest import content_digest
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.service import Access
from hub.access.store import DatabaseClientStore
from hub.client import HubClient
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.customs.service import CustomsDesk
from hub.edge import Application
from hub.federation.deployed import LiveSources
from hub.federation.service import Federation
from hub.graphql.endpoint import PATH, GraphQLEndpoint
from hub.graphql.hooks import ServiceFacts
from hub.graphql.service import Engine, Parts
from hub.harvest.connections import HttpConnection, StaticToken
from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.service import submit
from hub.orders.partner import PartnerDesk
from hub.orders.service import OrderDesk
from hub.state import MemoryState
from hub.store.sources import register_source

BASE = "http://127.0.0.1:8000"
OWNER, USER, STRANGER = "moe:10335", "moe:10246", "moe:10284"
TEM = f"{OWNER}/lab1-1"
PARTY = "hub:hub.delta.example/records"
BOOKS = ("catalogue:read", "graphql:adhoc", "orders:write")
FACTS = {
    "instance": "lab1",
    "booking_creator": 2,
    "booking_users": {USER: 4},
    "booking_projects": {USER: 2},
}
PAYLOAD = """{ order state reason reference said customsReasons { code zh en } replayed via
  placed { id authority record } userErrors { path code message } }"""
REQUEST = f"mutation ($input: RequestBookingInput!) {{ requestBooking(input: $input) {PAYLOAD} }}"
MOVE = f"mutation ($input: MoveBookingInput!) {{ moveBooking(input: $input) {PAYLOAD} }}"
CANCEL = f"mutation ($input: CancelBookingInput!) {{ cancelBooking(input: $input) {PAYLOAD} }}"
STEP = "{ orderId state missing replayed userErrors { code message } }"
STATE = "mutation ($input: State{0}Input!) {{ state{0}(input: $input) {1} }}"
LOOK = f"""query ($instrument: String!, $order: String!) {{
  bookingOrder(instrument: $instrument, order: $order) {PAYLOAD} }}"""


class Partners:
    """Clients of a hub that books at one laboratory."""

    def __init__(self, database, store, transport, deployed, desk):
        self.database, self.deployed, self.desk = database, deployed, desk
        self._store, self._transport = store, transport
        self.opened = []

    async def client(self, name, party=USER, scopes=BOOKS, role=None):
        key = generate_key()
        application = read_application(application_document(name, name, key.public))
        grant = ClientGrant(party, ClientKind.UNIVERSITY, scopes, (), role=role)
        await admit(self._store, application, grant, system_clock())
        made = HubClient(BASE, name, key, transport=self._transport)
        self.opened.append(made)
        return made


@asynccontextmanager
async def booking_hub(database, lab, nemo, time) -> AsyncIterator[Partners]:
    """Run a hub with the laboratory as its source, whose instrument is known to be Chinese."""
    await state_origin(database, time(), "CHN")
    connection = HttpConnection(base_url=lab.url, auth=StaticToken(f"Token {lab.writer_token}"))
    source = replace(nemo, connection=connection, facts={**nemo.facts, **FACTS})
    deployed = {source.id: source}
    state, store = MemoryState(system_clock), DatabaseClientStore(database)
    access = Access(local_config(8000), generate_key(), store, state, system_clock)
    sources = LiveSources(None, lambda: deployed)
    federation = Federation(database, MemoryState(time), time, PARTY, sources)
    orders = OrderDesk(
        database, CustomsDesk(database, Agreements(database, time), time), PARTY, time
    )
    parts = Parts(
        facts=ServiceFacts(version="1", standard_version="1", sandbox=True),
        state=state,
        submit=lambda batch: submit(database, batch, clock=time),
        bookings=(desk := PartnerDesk(orders, sources.all, federation.look_again)),
    )
    endpoint = GraphQLEndpoint(Engine(database, time, parts), access)
    transport = httpx.ASGITransport(
        Application({PATH: endpoint}, Starlette(routes=access.routes()))
    )
    made = Partners(database, store, transport, deployed, desk)
    yield made
    for each in made.opened:
        await each.__aexit__(None, None, None)
    await federation.aclose()


async def state_origin(database, now, country):
    """Let the register of assets state where the instrument was made; None: it does not say."""
    await register_source(database, "zju-assets", "资产系统", mode="PUSH", owners=[OWNER], now=now)
    row = {
        "institutionKey": OWNER,
        "localNo": "lab1-1",
        "name": {"zh": "场发射透射电子显微镜"},
        "status": "IN_SERVICE",
        **({"originCountry": country} if country else {}),
    }
    batch = Batch(
        source="zju-assets",
        party=PARTY,
        channel=Channel.FILE,
        rows=[{"type": "Instrument", "record": row}],
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="t"),
        as_of=now,
    )
    assert (await submit(database, batch, clock=lambda: now)).rows[0].problems == ()


def wish(time, days=20, **changed):
    start = time.now + timedelta(days=days)
    return {
        "instrument": TEM,
        "startAt": start.isoformat(),
        "endAt": (start + timedelta(hours=2)).isoformat(),
        "purpose": "RESEARCH",
        **changed,
    }


async def sent(client, document, given, key):
    body = json.dumps({"query": document, "variables": {"input": given}}).encode()
    headers = {
        "content-type": "application/json",
        "accept": "application/graphql-response+json",
        "accept-language": "en",
        "content-digest": content_digest(body),
        "idempotency-key": key,
    }
    answer, _ = await client._signed("/graphql", "", headers, body)
    return answer.json()


async def booked(client, given, key):
    return (await sent(client, REQUEST, given, key))["data"]["requestBooking"]


async def moved(client, order, given, key):
    wanted = {name: given[name] for name in ("instrument", "startAt", "endAt")}
    sending = {**wanted, "order": order, "newOrder": given["order"]}
    return (await sent(client, MOVE, sending, key))["data"]["moveBooking"]


async def stated(client, name, given, key):
    document = STATE.format(name, STEP)
    return (await sent(client, document, given, key))["data"][f"state{name}"]


async def looked_at(client, order, instrument=TEM):
    answer = await client.query(LOOK, {"instrument": instrument, "order": order})
    return answer["data"]["bookingOrder"]


async def cancelled(client, order, key, instrument=TEM):
    given = {"instrument": instrument, "order": order}
    return (await sent(client, CANCEL, given, key))["data"]["cancelBooking"]


def codes(payload):
    return [each["code"] for each in payload["userErrors"]]

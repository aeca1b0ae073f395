"""Partners book at a NEMO that really runs, through `/graphql`: signed, scoped, each its own."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
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
from hub.graphql.endpoint import GraphQLEndpoint
from hub.graphql.hooks import ServiceFacts
from hub.graphql.service import Engine, Parts
from hub.harvest.connections import HttpConnection, StaticToken
from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.service import submit
from hub.orders.partner import PartnerDesk
from hub.orders.service import OrderDesk
from hub.state import MemoryState
from hub.store.sources import register_source

pytestmark = [pytest.mark.integration, pytest.mark.nemo]

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
AT_ONCE = 4
PAYLOAD = """{ order state reason reference said customsReasons { code zh en } replayed
  userErrors { path code message } }"""
REQUEST = f"mutation ($input: RequestBookingInput!) {{ requestBooking(input: $input) {PAYLOAD} }}"
CANCEL = f"mutation ($input: CancelBookingInput!) {{ cancelBooking(input: $input) {PAYLOAD} }}"


class Partners:
    """Clients of a hub that books at one laboratory."""

    def __init__(self, database, store, transport, deployed):
        self.database, self.deployed = database, deployed
        self._store, self._transport = store, transport
        self.opened = []

    async def client(self, name, party=USER, scopes=BOOKS):
        key = generate_key()
        application = read_application(application_document(name, name, key.public))
        grant = ClientGrant(party, ClientKind.UNIVERSITY, scopes, ())
        await admit(self._store, application, grant, system_clock())
        made = HubClient(BASE, name, key, transport=self._transport)
        self.opened.append(made)
        return made


@pytest.fixture
async def partners(database, lab, nemo, harvester, time):
    """A hub with the laboratory as its source, whose instrument is known to be made in China."""
    assert (await harvester.harvest(nemo)).counts()["accepted"] > 0
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
        bookings=PartnerDesk(orders, sources.all, federation.look_again),
    )
    endpoint = GraphQLEndpoint(Engine(database, time, parts), access)
    transport = httpx.ASGITransport(Application(endpoint, Starlette(routes=access.routes())))
    made = Partners(database, store, transport, deployed)
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


async def cancelled(client, order, key, instrument=TEM):
    given = {"instrument": instrument, "order": order}
    return (await sent(client, CANCEL, given, key))["data"]["cancelBooking"]


def codes(payload):
    return [each["code"] for each in payload["userErrors"]]


def reservations(lab):
    token = {"authorization": f"Token {lab.writer_token}"}
    answer = httpx.get(f"{lab.url}/api/reservations/", headers=token, trust_env=False)
    return answer.raise_for_status().json()


def at_the_lab(lab):
    rows = reservations(lab)
    return {row["note"]: row for row in rows if (row["note"] or "").startswith("hub:")}


async def taken(database):
    table = database.records.tables["Occupancy"].source.name
    rows = await database.writes.fetch_all(
        f"SELECT local_id FROM {table} WHERE NOT withdrawn AND instrument_key = %s", (TEM,)
    )
    return {name for (name,) in rows}


async def test_a_booking_is_firm_shown_replayed_and_given_back(partners, lab, time):
    client = await partners.client("fudan-a")
    given = wish(time, order="O-1", idempotencyKey="k1")
    time.pass_by(minutes=1)
    first = await booked(client, given, "k1")
    assert (first["state"], first["order"], first["userErrors"]) == ("FIRM", "O-1", []), first
    (row,) = at_the_lab(lab).values()
    assert (row["note"], row["user"], str(row["id"])) == ("hub:fudan-a:O-1", 4, first["reference"])
    assert f"reservation-{row['id']}" in await taken(partners.database), "the calendar shows it"
    again = await booked(client, given, "k1")
    assert again == {**first, "replayed": True}
    other = wish(time, days=21, order="O-1", idempotencyKey="k1")
    assert codes(await booked(client, other, "k1")) == ["IDEMPOTENCY_CONFLICT"]
    other = wish(time, days=21, order="O-1")
    assert codes(await booked(client, other, "k2")) == ["CONFLICT"], "the order is another one"
    assert codes(await booked(client, wish(time, idempotencyKey="x"), "k3")) == [
        "IDEMPOTENCY_CONFLICT"
    ]
    assert len(at_the_lab(lab)) == 1

    time.pass_by(minutes=1)
    back = await cancelled(client, "O-1", "k4")
    assert (back["state"], back["userErrors"]) == ("CANCELLED", []), back
    assert at_the_lab(lab)["hub:fudan-a:O-1"]["cancelled"] is True
    assert f"reservation-{row['id']}" not in await taken(partners.database)
    assert await cancelled(client, "O-1", "k4") == {**back, "replayed": True}
    assert (await cancelled(client, "O-1", "k5"))["state"] == "CANCELLED"
    ended = await booked(client, {**given, "idempotencyKey": "k6"}, "k6")
    assert ended["state"] == "CANCELLED", "what has ended stays so"


async def test_what_the_owner_or_customs_does_not_allow_is_an_answer(partners, lab, time):
    client = await partners.client("fudan-a")
    before = reservations(lab)
    occupied = await booked(client, wish(time, days=2), "k1")
    assert (occupied["state"], occupied["reason"]) == ("REFUSED", "OCCUPIED")
    assert await booked(client, wish(time, days=2), "k1") == {**occupied, "replayed": True}
    stranger = await partners.client("nju-a", STRANGER)
    unmapped = await booked(stranger, wish(time), "k1")
    assert (unmapped["state"], unmapped["reason"]) == ("REFUSED", "USER_NOT_MAPPED")
    past = await booked(client, wish(time, days=-1), "k2")
    assert (past["state"], past["reason"]) == ("REFUSED", "IN_THE_PAST")
    reversed_time = wish(time, endAt=time.now.isoformat())
    assert codes(await booked(client, reversed_time, "k3")) == ["BAD_USER_INPUT"]

    time.pass_by(minutes=1)
    await state_origin(partners.database, time(), None)
    unknown = await booked(client, wish(time), "k4")
    assert (unknown["state"], unknown["reason"]) == ("UNKNOWN", "CUSTOMS")
    assert all(each["code"] and each["zh"] and each["en"] for each in unknown["customsReasons"])
    assert unknown["customsReasons"] != []
    assert reservations(lab) == before

    time.pass_by(minutes=1)
    await state_origin(partners.database, time(), "CHN")
    assert (await booked(client, wish(time), "k4"))["state"] == "FIRM", "customs is asked anew"


async def test_nobody_else_names_or_cancels_an_order(partners, lab, time):
    """Not even another client of the same institution, whatever number it names."""
    client, colleague = await partners.client("fudan-a"), await partners.client("fudan-b")
    first = await booked(client, wish(time), "k1")
    assert first["state"] == "FIRM"
    for number in (first["order"], f"fudan-a:{first['order']}", "../x", "", "*"):
        refused = await cancelled(colleague, number, f"k-{number!r}")
        assert codes(refused) in (["NOT_FOUND"], ["BAD_USER_INPUT"]), number
        assert (refused["state"], refused["reference"]) == (None, None)
    same = await booked(colleague, wish(time, order=first["order"]), "k1")
    assert (same["state"], same["reason"], same["reference"]) == ("REFUSED", "OCCUPIED", None)
    (row,) = at_the_lab(lab).values()
    assert (str(row["id"]), row["cancelled"]) == (first["reference"], False)


async def test_one_request_sent_many_times_at_once_books_once(partners, lab, time):
    client, given = await partners.client("fudan-a"), wish(time)
    answers = await asyncio.gather(*(booked(client, given, "k1") for _ in range(AT_ONCE)))
    assert {each["state"] for each in answers} == {"FIRM"}
    assert len({each["reference"] for each in answers}) == 1
    assert sum(not each["replayed"] for each in answers) == 1
    assert len(at_the_lab(lab)) == 1


async def test_a_booking_must_be_signed_and_scoped(partners, lab, time):
    client = await partners.client("fudan-a")
    unsigned = await client.query(REQUEST, {"input": wish(time)})
    assert unsigned["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    reader = await partners.client("fudan-r", scopes=("catalogue:read", "graphql:adhoc"))
    for document, given in (
        (REQUEST, wish(time)),
        (CANCEL, {"instrument": TEM, "order": "O-1"}),
    ):
        refused = await sent(reader, document, given, "k1")
        assert refused["errors"][0]["extensions"]["scope"] == "orders:write"
    assert at_the_lab(lab) == {}


async def test_an_instrument_that_is_not_booked_here_says_where(partners, time):
    client = await partners.client("fudan-a")
    nothing = await booked(client, wish(time, instrument=f"{OWNER}/none"), "k1")
    assert codes(nothing) == ["NOT_FOUND"]
    source = partners.deployed.pop("nemo-lab1")
    elsewhere = await booked(client, wish(time), "k1")
    assert codes(elsewhere) == ["NOT_BOOKABLE"]
    assert "owner's own system" in elsewhere["userErrors"][0]["message"]
    partners.deployed["nemo-lab1"] = source
    assert (await booked(client, wish(time), "k1"))["state"] == "FIRM", "the key was not used up"


async def test_a_source_that_is_dead_leaves_the_order_open(partners, lab, time):
    client = await partners.client("fudan-a")
    source = partners.deployed["nemo-lab1"]
    dead = HttpConnection(base_url="http://127.0.0.1:9", auth=StaticToken("Token x"))
    partners.deployed["nemo-lab1"] = replace(source, connection=dead)
    for _ in range(2):
        silent = await booked(client, wish(time), "k1")
        assert (silent["state"], silent["reason"]) == ("TENTATIVE", "SOURCE_SILENT")
        assert silent["replayed"] is False
    assert codes(await booked(client, wish(time, days=21), "k1")) == ["IDEMPOTENCY_CONFLICT"]
    partners.deployed["nemo-lab1"] = source
    found = await booked(client, wish(time), "k1")
    assert (found["state"], found["order"]) == ("FIRM", silent["order"])
    assert len(at_the_lab(lab)) == 1

"""Two hubs that really run, and a NEMO: one hub is its home and books, the other one forwards.

The race of many for one time: `HUB_RACE_REQUESTS` says how many; a few in the gate.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.access.agreements import Agreements
from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import HubClient
from hub.client.errors import ClientError
from hub.client.keyfile import create_key
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.customs.service import CustomsDesk
from hub.harvest.config import load_source
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.intake.batch import Idempotency, RequestSignature
from hub.orders.asked import BookingState, PartnerRequest, PartnerWish
from hub.orders.forwarded import ForwardedOrders
from hub.orders.home_hub import Forwarded, HomeHubs
from hub.orders.keeping import OrderKeeping
from hub.orders.limits import FORWARDED_DAYS, GIVEN_UP_AFTER
from hub.orders.partner import PartnerDesk
from hub.orders.service import OrderDesk
from hub.query.plan.between_hubs import BOOKINGS
from hub.store.database import Database
from schema.codes import OrderState, ServicePurpose
from tests.databases import Spares
from tests.ordering import (
    OWNER,
    PARTY,
    REQUEST,
    TEM,
    USER,
    booked,
    cancelled,
    codes,
    looked_at,
    moved,
    sent,
    state_origin,
    stated,
)
from tests.running_hub import running_hub
from tests.standing_clock import StandingClock

pytestmark = [pytest.mark.integration, pytest.mark.nemo]

REQUESTS = int(os.environ.get("HUB_RACE_REQUESTS", "12"))
OF_ONE_CLIENT = 6
TRIES_MAX = 600
PAUSE_S = 0.5
PEER_SCOPES = ("catalogue:read", "changes:read", "receipt:read", "orders:write")
SCOPES = ("catalogue:read", "graphql:adhoc", "orders:write", "service:read")
LAB = """adapter = "nemo"
base_url = "{url}/"
owners = ["{owner}"]
[token]
value = "Token {token}"
[institution]
institutionKey = "{owner}"
name = {{ zh = "浙江大学", en = "Zhejiang University" }}
kind = "UNIVERSITY"
[facts]
instance = "lab1"
booking_creator = 2
booking_users = {{ "{user}" = 4 }}
booking_projects = {{ "{user}" = 2 }}
"""
PEER = """adapter = "peer_hub"
owners = "any"
kind = "PEER"
authority = "hub:zj/records"
[hub]
url = "{url}"
client_id = "hub-sh"
key_file = "{key}"
"""


@dataclass
class Home:
    """The hub that is the home of the laboratory's instruments, and the peer that it knows."""

    base: str
    url: str
    lab: Any
    peer: HarvestSource
    folder: Path


async def grant(url: str, name: str, party: str, kind: ClientKind, key: SigningKey, *scopes: str):
    """Register a client at a hub, as its operator does."""
    async with Database(url) as database:
        application = read_application(application_document(name, name, key.public))
        store = DatabaseClientStore(database)
        await admit(store, application, ClientGrant(party, kind, scopes, ()), system_clock())


def written(file: Path, text: str) -> Path:
    file.touch(mode=0o600)
    file.write_text(text, "utf-8")
    return file


async def harvested(url: str, source: HarvestSource) -> None:
    async with Database(url) as database:
        report = await Harvester(database, PARTY, system_clock).harvest(source)
        assert report.counts()["accepted"] > 0, report


@pytest.fixture(scope="module")
def home(
    laboratory: Any, spares: Spares, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    """A hub that has read the laboratory, whose microscope is known to be made in China."""
    laboratory.begin_anew()
    folder = tmp_path_factory.mktemp("home")
    (folder / "sources").mkdir()
    told = {"url": laboratory.url, "token": laboratory.writer_token, "owner": OWNER, "user": USER}
    file = written(folder / "sources/nemo-lab1.toml", LAB.format(**told))
    key = create_key(folder / "peer.pem")
    settings = {
        "HUB_SOURCE_SECRETS_DIR": str(folder / "sources"),
        "HUB_HARVEST_INTERVAL_S": "0",
    }

    async def prepare(url: str) -> None:
        await harvested(url, load_source(file))
        async with Database(url) as database:
            await state_origin(database, system_clock(), "CHN")
        await grant(url, "hub-sh", "moe:10247", ClientKind.PEER, key, *PEER_SCOPES)

    with spares.lent() as url:
        asyncio.run(prepare(url))
        with running_hub(url, folder, settings) as base:
            text = PEER.format(url=base, key=folder / "peer.pem")
            peer = load_source(written(folder / "hub-zj.toml", text))
            yield Home(base, url, laboratory, peer, folder)


@pytest.fixture(scope="module")
def away(
    home: Home, spares: Spares, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """A hub of another province that knows the instruments from their home."""
    folder = tmp_path_factory.mktemp("away")
    (folder / "sources").mkdir()
    text = (home.folder / "hub-zj.toml").read_text("utf-8")
    written(folder / "sources/hub-zj.toml", text)
    settings = {
        "HUB_SOURCE_SECRETS_DIR": str(folder / "sources"),
        "HUB_HARVEST_INTERVAL_S": "0",
    }
    with spares.lent() as url:
        asyncio.run(harvested(url, home.peer))
        with running_hub(url, folder, settings) as base:
            yield base, url


@pytest.fixture
async def clients() -> AsyncIterator[Any]:
    """Make clients of hubs; each is closed at the end."""
    async with AsyncExitStack() as opened:

        async def made(base: str, url: str, name: str, party: str = USER) -> HubClient:
            key = generate_key()
            await grant(url, name, party, ClientKind.UNIVERSITY, key, *SCOPES)
            return await opened.enter_async_context(HubClient(base, name, key))

        yield made


@pytest.fixture
def lab(home: Home) -> Any:
    home.lab.begin_anew()
    return home.lab


def wish(lab: Any, days: int, **more: str) -> dict[str, str]:
    start = lab.now + timedelta(days=days)
    end = start + timedelta(hours=2)
    times = {"startAt": start.isoformat(), "endAt": end.isoformat()}
    return {"instrument": TEM, **times, "purpose": "RESEARCH", **more}


def at_the_lab(lab: Any, given: dict[str, str]) -> list[dict[str, Any]]:
    """Bookings of a time that stand at the laboratory."""
    headers = {"authorization": f"Token {lab.writer_token}"}
    query = {"end__gte": given["startAt"], "start__lte": given["endAt"], "cancelled": "false"}
    url = f"{lab.url}/api/reservations/"
    rows = httpx.get(url, params=query, headers=headers, trust_env=False).raise_for_status().json()
    start, end = (datetime.fromisoformat(given[name]) for name in ("startAt", "endAt"))
    return [row for row in rows if row["tool"] == 1 and _overlaps(row, start, end)]


def _overlaps(row: dict[str, Any], start: datetime, end: datetime) -> bool:
    begins, ends = (datetime.fromisoformat(row[name]) for name in ("start", "end"))
    return begins < end and start < ends


async def test_an_order_is_booked_at_its_home_and_is_one_record_at_both(home, away, lab, clients):
    client = await clients(*away, "sh-a")
    given = wish(lab, 20, order="O-1")
    first = await booked(client, given, "k1")
    assert (first["state"], first["via"], first["userErrors"]) == ("FIRM", home.base, []), first
    record, order = first["placed"]["record"], first["placed"]["id"]
    assert (record["userKey"], record["reference"]) == (USER, first["reference"])
    assert record["localId"].startswith("hub:hub-sh:f-")
    assert [each["note"] for each in at_the_lab(lab, given)] == [record["localId"]]
    assert await booked(client, given, "k1") == {**first, "replayed": True}
    shown = await client.query(
        "query ($id: ID!) { serviceOrder(by: { id: $id }) { state steps { state statedBy } } }",
        {"id": order},
    )
    steps = shown["data"]["serviceOrder"]["steps"]
    assert [each["state"] for each in steps] == ["REQUESTED", "TENTATIVE", "CONFIRMED"]
    assert steps[0]["statedBy"] == "moe:10247", "at the home the peer vouches"
    other = await clients(*away, "sh-b")
    assert codes(await cancelled(other, "O-1", "k2")) == ["NOT_FOUND"]
    assert codes(await booked(client, wish(lab, 21, order="O-1"), "k3")) == ["CONFLICT"]

    new = await moved(client, "O-1", wish(lab, 21, order="O-2"), "k4")
    assert (new["state"], new["via"]) == ("FIRM", home.base), new
    assert (await looked_at(client, "O-1"))["state"] == "CANCELLED"
    assert at_the_lab(lab, given) == []
    back = await cancelled(client, "O-2", "k5")
    assert (back["state"], back["via"]) == ("CANCELLED", home.base)
    assert at_the_lab(lab, wish(lab, 21)) == []


async def test_a_review_is_passed_on_and_nothing_else_is(home, away, lab, clients):
    client, owner = await clients(*away, "sh-r"), await clients(home.base, home.url, "zju-a", OWNER)
    order = (await booked(client, wish(lab, 23), "k1"))["placed"]["id"]
    review = {"orderId": order, "rating": "SATISFIED", "comment": "好"}
    assert codes(await stated(client, "OrderReview", review, "k2")) == ["CONFLICT"]
    used = await stated(owner, "OrderUsage", {"orderId": order}, "k1")
    assert (used["state"], used["missing"]) == ("DONE", ["PAID", "RESULT", "REVIEWED"])
    last = await stated(client, "OrderReview", review, "k3")
    assert (last["state"], last["missing"]) == ("REVIEWED", ["PAID", "RESULT"]), last
    assert await stated(client, "OrderReview", review, "k3") == {**last, "replayed": True}
    result = {"orderId": order, "reference": "R-1"}
    away_owner = await clients(*away, "zju-b", OWNER)
    assert codes(await stated(away_owner, "OrderResult", result, "k1")) == ["FORBIDDEN"]


async def test_what_the_home_refuses_is_told_and_what_it_may_not_is_not_booked(
    home, away, lab, clients
):
    client = await clients(*away, "sh-c")
    occupied = await booked(client, wish(lab, 2), "k1")
    assert (occupied["state"], occupied["reason"]) == ("REFUSED", "OCCUPIED")
    stranger = await clients(*away, "sh-d", "moe:10284")
    unmapped = await booked(stranger, wish(lab, 22), "k1")
    assert (unmapped["state"], unmapped["reason"]) == ("REFUSED", "USER_NOT_MAPPED")
    unknown = await booked(client, {**wish(lab, 22), "instrument": f"{OWNER}/lab1-2"}, "k2")
    assert (unknown["state"], unknown["reason"]) == ("UNKNOWN", "CUSTOMS"), unknown
    assert unknown["customsReasons"] != []
    assert at_the_lab(lab, wish(lab, 22)) == []


def request_of(key: str) -> PartnerRequest:
    signature = RequestSignature(f'"@method": POST {key}', b"signed", "kid")
    idempotency = Idempotency(key=key, body_hash=b"\1" * 32)
    return PartnerRequest(client="sh-e", party=USER, idempotency=idempotency, signature=signature)


async def test_a_home_that_does_not_answer_leaves_it_open_and_is_asked_before_any_repeat(
    home, lab, database, clients
):
    time = StandingClock(system_clock())
    await Harvester(database, PARTY, system_clock).harvest(home.peer)
    gone = replace(home.peer, connection=replace(home.peer.connection, url="http://127.0.0.1:9"))
    sources = {home.peer.id: gone}

    async def deployed():
        return sources

    async def nothing(_: str) -> None:
        return None

    customs = CustomsDesk(database, Agreements(database, time), time)
    desk = PartnerDesk(OrderDesk(database, customs, PARTY, time), deployed, nothing)
    start = lab.now + timedelta(days=25)
    wanted = PartnerWish(
        instrument=TEM,
        purpose=ServicePurpose.RESEARCH,
        start=start,
        end=start + timedelta(hours=2),
        order="O-1",
    )
    for _ in range(2):
        silent = await desk.request(request_of("k1"), wanted)
        assert (silent.state, silent.reason) == (BookingState.TENTATIVE, "HOME_HUB_SILENT")
        assert silent.via == "http://127.0.0.1:9"
    keeping = OrderKeeping(desk)
    time.now += GIVEN_UP_AFTER + timedelta(seconds=1)
    assert await keeping.look() == 0, "it is asked about, and nobody answers"
    opened = ForwardedOrders(database, time)
    assert len(await opened.due(time(), 9)) == 1

    # What was asked for has arrived at the home after all, and its answer was lost:
    asked = Forwarded.request(request_of("k1"), "O-1", wanted)
    lost = await HomeHubs(desk.orders.entries).answer(
        home.peer, asked, BOOKINGS["requestBooking"], "requestBooking"
    )
    assert lost.state is BookingState.FIRM
    sources[home.peer.id] = home.peer
    assert await keeping.look() == 1
    assert await keeping.look() == 0, "nothing is new"
    assert len(await opened.due(time(), 9)) == 1, "it is followed until it ends"
    again = await desk.request(request_of("k1"), wanted)
    assert (again.state, again.reference) == (BookingState.FIRM, lost.reference)
    given = {"startAt": wanted.start.isoformat(), "endAt": wanted.end.isoformat()}
    assert len(at_the_lab(lab, given)) == 1
    assert again.placed is not None

    # What the owner states at the home is known here without anybody asking for the order.
    owner = await clients(home.base, home.url, "zju-f", OWNER)
    used = await stated(owner, "OrderUsage", {"orderId": again.placed.id}, "k1")
    assert used["state"] == "DONE", used
    assert await keeping.look() == 1
    kept = await desk.orders.entries.of_id(again.placed.id)
    assert kept is not None
    assert kept.state is OrderState.DONE
    time.now = wanted.end + timedelta(days=FORWARDED_DAYS + 1)
    await keeping.look()
    assert await opened.due(time(), 9) == []


async def settled(client: HubClient, given: dict[str, str], key: str) -> str:
    """Ask for a time until it is decided, as a patient client does; return how it ended."""
    for _ in range(TRIES_MAX):
        try:
            answer = await sent(client, REQUEST, {**given, "order": key}, key)
        except ClientError:  # refused for now, or not answered in time: it is asked again
            answer = {}
        payload = (answer.get("data") or {}).get("requestBooking")
        if payload and payload["state"] not in (None, "TENTATIVE"):
            return str(payload["state"])
        assert not payload or not payload["userErrors"], payload
        await asyncio.sleep(PAUSE_S)
    raise AssertionError(f"{key} is not decided after {TRIES_MAX} tries")


async def raced(lab: Any, given: dict[str, str], hubs: list[tuple[str, str]], clients: Any):
    """Let `REQUESTS` orders for one time race at several hubs; return how many ended how."""
    each = -(-REQUESTS // len(hubs))
    work = []
    for at, (base, url) in enumerate(hubs):
        for first in range(0, each, OF_ONE_CLIENT):
            client = await clients(base, url, f"racer-{given['startAt'][:10]}-{at}-{first}")
            await client.token()
            some = range(first, min(first + OF_ONE_CLIENT, each))
            work += [settled(client, given, f"R-{at}-{number}") for number in some]
    return Counter(await asyncio.gather(*work)), len(work)


async def test_of_many_for_one_time_at_two_hubs_exactly_one_is_firm(home, away, lab, clients):
    given = wish(lab, 30)
    ended, asked = await raced(lab, given, [(home.base, home.url), away], clients)
    assert ended == {"FIRM": 1, "REFUSED": asked - 1}
    assert len(at_the_lab(lab, given)) == 1


async def test_a_booking_of_the_laboratory_meanwhile_survives_and_never_two_are_firm(
    home, away, lab, clients
):
    given = wish(lab, 31)
    race = asyncio.create_task(raced(lab, given, [(home.base, home.url), away], clients))
    own = {
        "start": given["startAt"],
        "end": given["endAt"],
        "tool": 1,
        "user": 3,
        "creator": 3,
        "project": 1,
        "short_notice": False,
    }
    made = await asyncio.to_thread(lab.post, "/api/reservations/", own)
    assert made.is_success, made.text
    ended, asked = await race
    assert ended["FIRM"] <= 1
    assert ended["FIRM"] + ended["REFUSED"] == asked
    standing = {row["id"] for row in at_the_lab(lab, given)}
    assert made.json()["id"] in standing, "nobody took off what is the laboratory's own"
    assert len(standing) == 1 + ended["FIRM"]

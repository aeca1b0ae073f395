"""Booking through a NEMO that really runs: one has the time, and the laboratory's own is safe."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters._booking import BookingOutcome, BookingReason, BookingWish, Cancellation
from adapters._nemo_booking import BOOKING
from connectors.http.session import HttpQuestion
from connectors.limits import Limits
from hub.access.agreements import Agreements
from hub.customs.service import CustomsDesk
from hub.errors import RefusedError
from hub.harvest.connections import HttpConnection, StaticToken
from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.service import submit
from hub.orders.booking import alone_at, attempt
from hub.orders.service import OrderDesk
from hub.orders.wanted import TimeWanted
from hub.store.sources import register_source
from schema.codes import ServicePurpose

pytestmark = [pytest.mark.integration, pytest.mark.nemo]

OWNER, TEM = "moe:10335", "lab1-1"
PARTY = "hub:hub.delta.example/records"
USER = "moe:10246"
FACTS = {
    "instance": "lab1",
    "booking_creator": 2,
    "booking_users": {USER: 4},
    "booking_projects": {USER: 2},
}
FIRM, REFUSED = BookingOutcome.FIRM, BookingOutcome.REFUSED
AT_ONCE = 8


@pytest.fixture
async def session(lab):
    """The laboratory, for a token that may write."""
    connection = HttpConnection(base_url=lab.url, auth=StaticToken(f"Token {lab.writer_token}"))
    async with connection.session("nemo-lab1", Limits(attempts_max=1)) as opened:
        yield opened


@pytest.fixture
def wish(lab):
    start = lab.now + timedelta(days=20)
    return BookingWish(
        order="O-1",
        local_no=TEM,
        user=USER,
        start=start,
        end=start + timedelta(hours=2),
        now=lab.now,
        facts=FACTS,
    )


async def booked(session, wish):
    rows = await session.get_json("api/reservations/", {"start": wish.start.isoformat()})
    return [row for row in rows if not row["cancelled"]]


async def test_a_time_is_booked_found_again_and_given_back(session, wish):
    first = await attempt(session, BOOKING.book(wish))
    assert (first.outcome, first.reason) == (FIRM, None), first
    (row,) = await booked(session, wish)
    assert (str(row["id"]), row["note"]) == (first.reference, "hub:O-1")
    assert (row["user"], row["creator"], row["project"], row["tool"]) == (4, 2, 2, 1)
    assert await attempt(session, BOOKING.book(wish)) == first
    second = await attempt(session, BOOKING.book(replace(wish, order="O-2")))
    assert (second.outcome, second.reason) == (REFUSED, BookingReason.OCCUPIED)
    back = Cancellation(order="O-1", now=wish.now, facts=FACTS)
    assert (await attempt(session, BOOKING.cancel(back))).outcome is BookingOutcome.CANCELLED
    assert await booked(session, wish) == []
    row = await session.get_json(f"api/reservations/{first.reference}/")
    assert row["cancelled"] is True
    assert row["cancelled_by"] == 2
    assert row["cancellation_time"] is not None


@pytest.mark.parametrize(
    ("local_no", "days", "reason"),
    [
        ("lab1-1", 2, BookingReason.OCCUPIED),
        ("lab1-1", 4, BookingReason.OCCUPIED),  # another mode of the same machine is booked
        ("lab1-5", 2, BookingReason.OCCUPIED),
        ("lab1-2", 8, BookingReason.OUTAGE),
        ("lab1-3", 20, BookingReason.OUTAGE),
        ("lab1-4", 20, BookingReason.OUTAGE),
        ("lab1-1", -1, BookingReason.IN_THE_PAST),
        ("lab1-1", 61, BookingReason.AGAINST_RULES),  # the laboratory books 60 days ahead
        ("lab1-99", 20, BookingReason.UNKNOWN_INSTRUMENT),
    ],
)
async def test_what_the_interface_would_take_is_refused(session, wish, local_no, days, reason):
    start = wish.now + timedelta(days=days)
    wanted = replace(wish, local_no=local_no, start=start, end=start + timedelta(hours=1))
    before = await session.get_json("api/reservations/")
    result = await attempt(session, BOOKING.book(wanted))
    assert (result.outcome, result.reason) == (REFUSED, reason)
    assert await session.get_json("api/reservations/") == before


async def test_no_more_bookings_a_day_than_the_laboratory_lets_anybody_have(session, wish):
    async def at_most(number):
        body = json.dumps({"_maximum_reservations_per_day": number}).encode()
        headers = {"content-type": "application/json"}
        await session.ask(
            HttpQuestion(path="api/tools/1/", method="PATCH", content=body, headers=headers)
        )

    begins, hour = wish.start.replace(hour=2), timedelta(hours=1)  # 10 o'clock in Shanghai
    first = replace(wish, start=begins, end=begins + hour)
    second = replace(wish, order="O-2", start=begins + 2 * hour, end=begins + 3 * hour)
    assert (await attempt(session, BOOKING.book(first))).outcome is FIRM
    await at_most(1)
    try:
        refused = await attempt(session, BOOKING.book(second))
    finally:
        await at_most(None)
    assert (refused.outcome, refused.reason) == (REFUSED, BookingReason.AGAINST_RULES)
    assert (await attempt(session, BOOKING.book(second))).outcome is FIRM


async def test_a_refusal_is_told_in_its_own_words(session, wish):
    facts = {**FACTS, "booking_projects": {USER: 999}}
    result = await attempt(session, BOOKING.book(replace(wish, facts=facts)))
    assert (result.outcome, result.reason) == (REFUSED, BookingReason.SOURCE_REFUSED)
    assert "project" in result.said


async def test_of_many_at_once_exactly_one_is_firm(session, wish, database):
    async def one(number):
        async with alone_at(database, TEM):
            return await attempt(session, BOOKING.book(replace(wish, order=f"O-{number}")))

    results = await asyncio.gather(*(one(number) for number in range(AT_ONCE)))
    assert sorted(each.outcome for each in results) == [FIRM] + [REFUSED] * (AT_ONCE - 1)
    assert len(await booked(session, wish)) == 1


async def test_without_the_lock_never_two_are_firm(session, wish):
    results = await asyncio.gather(
        *(
            attempt(session, BOOKING.book(replace(wish, order=f"O-{number}")))
            for number in range(AT_ONCE)
        )
    )
    assert sum(each.outcome is FIRM for each in results) <= 1
    firm = {each.reference for each in results if each.outcome is FIRM}
    again = [
        await attempt(session, BOOKING.book(replace(wish, order=f"O-{number}")))
        for number, each in enumerate(results)
        if each.outcome is BookingOutcome.TENTATIVE
    ]
    firm |= {each.reference for each in again if each.outcome is FIRM}
    assert {str(row["id"]) for row in await booked(session, wish)} == firm
    assert len(firm) == 1


@pytest.fixture
async def deployed(harvester, nemo, lab, database):
    """The laboratory as a source that has been read, with a token that may write."""
    report = await harvester.harvest(nemo)
    assert report.counts()["accepted"] > 0
    connection = HttpConnection(base_url=lab.url, auth=StaticToken(f"Token {lab.writer_token}"))
    return replace(nemo, connection=connection, facts={**nemo.facts, **FACTS})


async def customs_stated(database, now, **stated):
    """Let the university's register of assets say how customs stands to the instrument."""
    await register_source(database, "zju-assets", "资产系统", mode="PUSH", owners=[OWNER], now=now)
    row = {
        "institutionKey": OWNER,
        "localNo": TEM,
        "name": {"zh": "场发射透射电子显微镜"},
        "status": "IN_SERVICE",
        **stated,
    }
    evidence = Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="test")
    batch = Batch(
        source="zju-assets",
        party=PARTY,
        channel=Channel.FILE,
        rows=[{"type": "Instrument", "record": row}],
        evidence=evidence,
        as_of=now,
    )
    outcomes = await submit(database, batch, clock=lambda: now)
    assert outcomes.rows[0].problems == ()


async def steps_of(database):
    rows = await database.reads.fetch_all(
        f"SELECT state, steps FROM {database.records.tables['ServiceOrder'].source.name}".encode()
    )
    return [(state, [step["state"] for step in steps]) for state, steps in rows]


async def test_an_order_is_kept_with_its_steps(session, wish, deployed, database, time):
    wanted = TimeWanted(
        order="O-1",
        instrument=f"{OWNER}/{TEM}",
        user=USER,
        purpose=ServicePurpose.RESEARCH,
        start=wish.start,
        end=wish.end,
    )
    customs = CustomsDesk(database, Agreements(database, time), time)
    desk = OrderDesk(database, customs, PARTY, time)

    async def ask(**changed):
        return await desk.request(deployed, replace(wanted, **changed))

    for stated in (None, "UNKNOWN", "SUPERVISED", "NOT_SUPERVISED"):
        if stated:
            await customs_stated(database, time(), customsStatus=stated)
        with pytest.raises(RefusedError, match="customs law answers UNKNOWN"):
            await ask()  # no customs system is connected, so the owner's word is not enough
    assert await booked(session, wish) == []
    await customs_stated(database, time(), originCountry="CHN")
    first = await ask()
    assert first.outcome is FIRM, first
    assert await steps_of(database) == [("CONFIRMED", ["REQUESTED", "TENTATIVE", "CONFIRMED"])]
    assert await ask() == first
    with pytest.raises(RefusedError, match="something else"):
        await ask(end=wish.end + timedelta(hours=1))
    with pytest.raises(RefusedError, match="no such instrument"):
        await ask(instrument=f"{OWNER}/lab1-77")
    assert (await ask(order="O-2")).outcome is REFUSED
    assert len(await booked(session, wish)) == 1
    back = await desk.cancel(deployed, wanted.instrument, "O-1")
    assert back.outcome is BookingOutcome.CANCELLED
    assert await booked(session, wish) == []
    assert dict(await steps_of(database))["CANCELLED"][-1] == "CANCELLED"
    assert (await ask()).outcome is BookingOutcome.CANCELLED, "what has ended stays so"

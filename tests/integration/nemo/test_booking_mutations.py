"""Partners book at a NEMO that really runs, through `/graphql`: signed, scoped, each its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from hub.harvest.connections import HttpConnection, StaticToken
from tests.ordering import (
    CANCEL,
    OWNER,
    REQUEST,
    STRANGER,
    TEM,
    booked,
    cancelled,
    codes,
    sent,
    state_origin,
    wish,
)

pytestmark = [pytest.mark.integration, pytest.mark.nemo]

AT_ONCE = 4


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

"""The life of an order at a NEMO that really runs: moved, given up, used, paid, reviewed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import psycopg
import pytest

from hub.harvest.connections import HttpConnection, StaticToken
from hub.orders.keeping import OrderKeeping
from hub.orders.limits import GIVEN_UP_AFTER
from tests.databases import as_owner
from tests.ordering import (
    OWNER,
    STRANGER,
    USER,
    booked,
    cancelled,
    codes,
    looked_at,
    moved,
    stated,
    wish,
)

pytestmark = [pytest.mark.integration, pytest.mark.nemo]

PATH = """query ($id: ID!) { serviceOrder(by: { id: $id }) { state usageId invoiceNo
  charge { amount currency } payer: payerKey review { rating } result { reference }
  steps { state note statedBy evidence } } }"""
READS = ("catalogue:read", "graphql:adhoc", "orders:write", "service:read")


def at_lab(lab, number):
    headers = {"authorization": f"Token {lab.writer_token}"}
    url = f"{lab.url}/api/reservations/{number}/"
    return httpx.get(url, headers=headers, trust_env=False).raise_for_status().json()


def dead(source):
    nowhere = HttpConnection(base_url="http://127.0.0.1:9", auth=StaticToken("Token x"))
    return replace(source, connection=nowhere)


def evidence_at(url):
    """Hashes of the signed requests that a hub keeps."""
    with psycopg.connect(as_owner(url)) as connection:
        rows = connection.execute("SELECT encode(evidence, 'hex') FROM request_evidence")
        return {digest for (digest,) in rows}


async def test_a_booking_is_moved_and_the_former_one_names_the_new(partners, lab, time):
    client = await partners.client("fudan-a")
    first = await booked(client, wish(time, order="O-1"), "k1")
    assert first["state"] == "FIRM", first
    time.pass_by(minutes=1)
    later = wish(time, order="O-2")  # overlaps the former one by all but a minute
    new = await moved(client, "O-1", later, "k2")
    assert (new["state"], new["order"], new["userErrors"]) == ("FIRM", "O-2", []), new
    former = at_lab(lab, first["reference"])
    assert (former["cancelled"], former["cancelled_by"]) == (True, 2)
    assert str(former["descendant"]) == new["reference"]
    assert at_lab(lab, new["reference"])["cancelled"] is False
    assert await moved(client, "O-1", later, "k2") == {**new, "replayed": True}
    ended = await looked_at(client, "O-1")
    assert (ended["state"], ended["placed"]["record"]["steps"][-1]["note"]) == (
        "CANCELLED",
        "MOVED hub:fudan-a:O-2",
    )
    assert new["placed"]["record"]["movedFrom"] == "hub:fudan-a:O-1"
    assert codes(await moved(client, "O-1", wish(time, order="O-3"), "k3")) == ["CONFLICT"]


async def test_a_move_that_fails_leaves_the_former_booking_firm(partners, lab, time):
    client = await partners.client("fudan-a")
    first = await booked(client, wish(time, order="O-1"), "k1")
    taken = await moved(client, "O-1", wish(time, days=2, order="O-2"), "k2")
    assert (taken["state"], taken["reason"]) == ("REFUSED", "OCCUPIED")
    source = partners.deployed["nemo-lab1"]
    partners.deployed["nemo-lab1"] = dead(source)
    silent = await moved(client, "O-1", wish(time, days=22, order="O-3"), "k3")
    assert (silent["state"], silent["reason"]) == ("TENTATIVE", "SOURCE_SILENT")
    partners.deployed["nemo-lab1"] = source
    assert (await looked_at(client, "O-1"))["state"] == "FIRM"
    assert at_lab(lab, first["reference"])["cancelled"] is False
    assert codes(await moved(client, "O-1", wish(time, order="O-1"), "k4")) == ["BAD_USER_INPUT"]
    assert codes(await moved(client, "O-9", wish(time, order="O-4"), "k5")) == ["NOT_FOUND"]
    stranger = await partners.client("nju-a", STRANGER)
    assert codes(await moved(stranger, "O-1", wish(time, order="O-5"), "k6")) == ["NOT_FOUND"]


async def test_an_order_that_stays_unclear_is_given_up_and_nothing_of_it_is_left(
    partners, lab, time
):
    client, keeping = await partners.client("fudan-a"), OrderKeeping(partners.desk)
    source = partners.deployed["nemo-lab1"]
    partners.deployed["nemo-lab1"] = dead(source)
    given = wish(time, order="O-1")
    assert (await booked(client, given, "k1"))["state"] == "TENTATIVE"
    # What a request whose answer was lost has left at the laboratory:
    left = {
        "start": given["startAt"],
        "end": given["endAt"],
        "tool": 1,
        "user": 4,
        "creator": 2,
        "project": 2,
        "short_notice": False,
        "note": "hub:fudan-a:O-1",
    }
    made = lab.post("/api/reservations/", left)
    assert made.is_success, made.text
    await keeping.look()
    assert (await looked_at(client, "O-1"))["state"] == "TENTATIVE", "it is too early"
    time.now += GIVEN_UP_AFTER + timedelta(seconds=1)
    await keeping.look()
    assert (await looked_at(client, "O-1"))["state"] == "TENTATIVE", "nobody answers"
    partners.deployed["nemo-lab1"] = source
    assert await keeping.look() == 1
    assert (await looked_at(client, "O-1"))["state"] == "EXPIRED"
    assert at_lab(lab, made.json()["id"])["cancelled"] is True
    for key in ("k1", "k9"):
        assert (await booked(client, given, key))["state"] == "EXPIRED", "it is not booked again"


async def test_what_the_laboratory_takes_off_is_not_booked_again(partners, lab, time):
    client, given = await partners.client("fudan-a"), wish(time, order="O-1")
    first = await booked(client, given, "k1")
    lab.patch(f"/api/reservations/{first['reference']}/", {"cancelled": True, "cancelled_by": 1})
    again = await booked(client, given, "k2")
    assert (again["state"], again["reason"]) == ("CANCELLED", "NOT_THERE")
    assert await OrderKeeping(partners.desk).look() == 0


async def test_an_order_goes_all_the_way_and_each_step_says_on_whose_word(
    partners, lab, time, harvester, nemo, database_url
):
    user = await partners.client("fudan-a", scopes=READS)
    owner = await partners.client("zju-a", OWNER, scopes=READS)
    stranger = await partners.client("nju-a", STRANGER, scopes=READS)
    first = await booked(user, wish(time, days=1, order="O-1"), "k1")
    order = first["placed"]["id"]
    early = {"orderId": order, "rating": "SATISFIED"}
    assert codes(await stated(user, "OrderReview", early, "k2")) == ["CONFLICT"]

    time.pass_by(days=1, hours=3)
    begun = (time.now - timedelta(hours=3)).isoformat()
    use = {
        "start": begun,
        "end": (time.now - timedelta(hours=1)).isoformat(),
        "tool": 1,
        "user": 4,
        "operator": 1,
        "has_ended": 4711,
        "project": 2,
        "note": "hub:fudan-a:O-1",
    }
    made = lab.post("/api/usage_events/", use)
    assert made.is_success, made.text
    await harvester.harvest(partners.deployed["nemo-lab1"])
    assert await OrderKeeping(partners.desk).look() == 1
    assert await OrderKeeping(partners.desk).look() == 0

    result = {"orderId": order, "reference": "R-17", "digest": "ab" * 32}
    paid = {
        "orderId": order,
        "payer": USER,
        "amount": "800.00",
        "invoiceNo": "12345678",
        "voucherFen": 40000,
    }
    charge = {"orderId": order, "amount": "800.00", "voucherFen": 40000}
    review = {"orderId": order, "rating": "VERY_SATISFIED"}
    for client, name, given in (
        (user, "OrderResult", result),
        (user, "OrderPayment", paid),
        (owner, "OrderReview", review),
    ):
        assert codes(await stated(client, name, given, f"x-{name}")) == ["FORBIDDEN"]
    assert codes(await stated(stranger, "OrderResult", result, "x")) == ["NOT_FOUND"]
    too_much = {**paid, "voucherFen": 80001}
    assert codes(await stated(owner, "OrderPayment", too_much, "y")) == ["BAD_USER_INPUT"]

    for client, name, given in (
        (owner, "OrderResult", result),
        (owner, "OrderCharge", charge),
        (owner, "OrderPayment", paid),
        (user, "OrderReview", review),
    ):
        time.pass_by(minutes=1)
        last = await stated(client, name, given, f"k-{name}")
        assert last["userErrors"] == [], name
        assert await stated(client, name, given, f"k-{name}") == {**last, "replayed": True}
        assert (await stated(client, name, given, f"k2-{name}"))["state"] == last["state"]
    assert (last["state"], last["missing"]) == ("REVIEWED", [])
    assert codes(await cancelled(user, "O-1", "k7")) == ["CONFLICT"]

    told = (await user.query(PATH, {"id": order}))["data"]["serviceOrder"]
    assert [(each["state"], each["statedBy"]) for each in told["steps"]] == [
        ("REQUESTED", USER),
        ("TENTATIVE", None),
        ("CONFIRMED", None),
        ("DONE", None),
        ("DELIVERED", OWNER),
        ("CHARGED", OWNER),
        ("PAID", OWNER),
        ("REVIEWED", USER),
    ]
    assert (told["payer"], told["invoiceNo"], told["usageId"]) == (
        USER,
        "12345678",
        f"usage-{made.json()['id']}",
    )
    evidence = {each["evidence"] for each in told["steps"] if each["statedBy"]}
    assert evidence <= evidence_at(database_url)
    assert all(each["evidence"] for each in told["steps"] if each["state"] != "TENTATIVE")
    hidden = await stranger.query(PATH, {"id": order})
    assert hidden["data"]["serviceOrder"] is None

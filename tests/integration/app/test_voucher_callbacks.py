"""A voucher office tells the hub each state as it happens, through the door that everybody uses.

Its callback is `POST /batches` under a source of its own; what it says is seen by the enterprise
that holds the voucher, the provider, and the department that pays: by exactly them.
"""

from __future__ import annotations

from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.client import CallRefusedError, HubClient
from hub.clock import system_clock
from hub.store.sources import register_source
from tests.integration.app.conftest import UNIVERSITY, World

pytestmark = pytest.mark.integration
OFFICE, OTHER_OFFICE = "uscc:11331083MB0T108389", "uscc:11310118MB0T01181W"
HOLDER, STRANGER = "uscc:91331083MA0E33338Q", "uscc:91310118MA0E444402"
SOURCE = "yuhuan-vouchers"
READS = ("catalogue:read", "graphql:adhoc", "voucher:read", "receipt:read")
WRITES = ("records:push", "records:withdraw")
QUESTION = """{
  vouchers(first: 5) { totalCount nodes { code state grantedFen } }
  voucherClaims(first: 5) { totalCount nodes { claimNo state chargeFen holderKey } }
}"""


def voucher(**changed: Any) -> dict[str, Any]:
    record = {
        "issuerKey": OFFICE,
        "code": "YH1",
        "holderKey": HOLDER,
        "state": "GRANTED",
        "grantedFen": 2_000_000,
        "useUntil": "2026-06-30",
        "cashUntil": "2026-09-30",
        "changedAt": "2026-03-05T01:00:00Z",
    }
    return {"type": "Voucher", "record": {**record, **changed}}


def claim(state: str, at: str, **changed: Any) -> dict[str, Any]:
    record = {
        "issuerKey": OFFICE,
        "code": "YH1",
        "claimNo": "1",
        "providerKey": UNIVERSITY,
        "holderKey": HOLDER,
        "state": state,
        "chargeFen": 1_000_001,
        "voucherFen": 500_000,
        "ownFen": 500_001,
        "changedAt": at,
    }
    return {"type": "VoucherClaim", "record": {**record, **changed}}


LIFE = (
    ("RESERVED", "2026-04-01T01:00:00Z"),
    ("CONSUMED", "2026-04-10T09:30:00Z"),
    ("SUBMITTED", "2026-05-02T01:00:00Z"),
    ("SETTLED", "2026-06-18T01:00:00Z"),
)


@pytest.fixture
async def office(world: World) -> HubClient:
    await register_source(
        world.hub.database, SOURCE, "玉环创新券", mode="PUSH", owners=[OFFICE], now=system_clock()
    )
    return await world.register("yuhuan", OFFICE, ClientKind.VOUCHER, (*READS, *WRITES), SOURCE)


async def seen(client: HubClient) -> tuple[list[Any], list[Any]]:
    answer = await client.query(QUESTION)
    data = answer["data"]
    for part in ("vouchers", "voucherClaims"):
        assert data[part]["totalCount"] == len(data[part]["nodes"])
    return (
        [(one["code"], one["state"], one["grantedFen"]) for one in data["vouchers"]["nodes"]],
        [
            (one["claimNo"], one["state"], one["chargeFen"])
            for one in data["voucherClaims"]["nodes"]
        ],
    )


async def test_each_state_of_a_claim_is_pushed_as_it_happens_and_has_its_receipt(
    office: HubClient,
) -> None:
    for revision, (state, at) in enumerate(LIFE, start=1):
        answer = await office.push([claim(state, at)], source=SOURCE)
        (row,) = answer.body["rows"]
        assert (row["outcome"], row["revision"]) == ("ACCEPTED", revision)
        assert (await office.receipt(row["entryId"])).startswith("c2sp.org/")
    _, claims = await seen(office)
    assert claims == [("1", "SETTLED", 1_000_001)]


async def test_callbacks_that_are_late_or_repeated_change_nothing(office: HubClient) -> None:
    answers = []
    for state, at in (LIFE[3], LIFE[1], LIFE[3], LIFE[0]):
        answer = await office.push([claim(state, at)], source=SOURCE)
        (row,) = answer.body["rows"]
        answers.append(row.get("problems", [{"code": row["outcome"]}])[0]["code"])
    assert answers == ["ACCEPTED", "STATE_OLDER", "DUPLICATE", "STATE_OLDER"]
    _, claims = await seen(office)
    assert claims == [("1", "SETTLED", 1_000_001)]


async def test_holder_provider_and_payer_see_the_rows_and_nobody_else(
    office: HubClient, world: World
) -> None:
    await office.push([voucher(), claim(*LIFE[1])], source=SOURCE)
    granted, spent = ("YH1", "GRANTED", 2_000_000), ("1", "CONSUMED", 1_000_001)
    clients = {
        party: await world.register(f"reader-{number}", party, ClientKind.PARTNER, READS)
        for number, party in enumerate((HOLDER, UNIVERSITY, STRANGER, OTHER_OFFICE))
    }
    assert await seen(office) == ([granted], [spent])
    assert await seen(clients[HOLDER]) == ([granted], [spent])
    assert await seen(clients[UNIVERSITY]) == ([], [spent])
    assert await seen(clients[STRANGER]) == ([], [])
    assert await seen(clients[OTHER_OFFICE]) == ([], [])


async def test_a_receipt_of_a_claim_is_not_there_for_who_may_not_see_it(
    office: HubClient, world: World
) -> None:
    answer = await office.push([claim(*LIFE[1])], source=SOURCE)
    number = answer.body["rows"][0]["entryId"]
    holder = await world.register("holder", HOLDER, ClientKind.PARTNER, READS)
    stranger = await world.register("stranger", STRANGER, ClientKind.PARTNER, READS)
    assert await holder.record(number)
    with pytest.raises(CallRefusedError) as refused:
        await stranger.record(number)
    assert refused.value.code == "NOT_FOUND"


async def test_nobody_but_the_issuer_states_what_it_granted(
    office: HubClient, world: World
) -> None:
    await register_source(
        world.hub.database, "qingpu", "青浦创新券", mode="PUSH", owners=[OTHER_OFFICE],
        now=system_clock(),
    )  # fmt: skip
    await register_source(
        world.hub.database, "anybody", "平台", mode="PUSH", owners=None, now=system_clock(),
        authority="platform:any/vouchers",
    )  # fmt: skip
    other = await world.register(
        "qingpu", OTHER_OFFICE, ClientKind.VOUCHER, (*READS, *WRITES), "qingpu", "anybody", SOURCE
    )
    wanted = {
        "qingpu": "OWNER_MISMATCH",
        "anybody": "ISSUER_NOT_NAMED",
        SOURCE: "ISSUER_MUST_VOUCH",
    }
    for source, code in wanted.items():
        answer = await other.push([claim(*LIFE[3])], source=source)
        assert [each["problems"][0]["code"] for each in answer.body["rows"]] == [code], source
    assert await seen(office) == ([], [])

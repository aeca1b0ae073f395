"""A receipt proves what was said then; the hub says beside it whether that is still so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.client import CallRefusedError, HubClient
from hub.receipts.answer import ReceiptStanding
from tests.eventually import until
from tests.integration.app.conftest import UNIVERSITY, World
from tests.integration.app.test_proofs import VOUCHER_OFFICE, WRITES, agreement, entry, service

ROOT = Path(__file__).parents[3]
KEY = f"{UNIVERSITY}/A1/S-1"
ASKED = "{ receipt(entryId: $id) { state standing successor } }"
SCOPES = ("receipt:read", "service:read", "voucher:read", "catalogue:read", "graphql:adhoc")


@pytest.fixture
async def university(world: World) -> HubClient:
    scopes = (*WRITES, "catalogue:read", "graphql:adhoc")
    return await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, scopes, "zju-push")


async def put(client: HubClient, *rows: dict[str, Any]) -> list[str]:
    answer = await client.push(rows, source="zju-push")
    assert answer.body["counts"]["quarantined"] == 0, answer.body
    return [entry(answer, number) for number in range(len(rows))]


async def asked(client: HubClient, which: str) -> dict[str, Any]:
    """What GraphQL says of a receipt, after the header over HTTP was found to say the same."""
    fetched = await client.receipt_today(which)
    answer = await client.query(ASKED.replace("$id", f'"{which}"'))
    told: dict[str, Any] = answer["data"]["receipt"]
    assert (fetched.standing, fetched.successor) == (told["standing"], told["successor"])
    return told


async def test_the_receipt_of_a_corrected_record_says_what_stands_instead(
    university: HubClient,
) -> None:
    (first,) = await put(university, service())
    now = {"state": "INCLUDED", "standing": "CURRENT", "successor": None}
    assert await asked(university, first) == now
    (second,) = await put(university, service(hours="5.0"))
    assert await asked(university, first) == {**now, "standing": "SUPERSEDED", "successor": second}
    assert await asked(university, second) == now
    (third,) = await put(university, service(hours="6.0"))
    assert (await asked(university, first))["successor"] == third, "the present one, not the next"


async def test_the_receipt_of_a_withdrawn_record_says_so(university: HubClient) -> None:
    (first,) = await put(university, service())
    taken_back = {"type": "ServiceRecord", "withdraw": {"key": KEY, "reason": "重复"}}
    (second,) = await put(university, taken_back)
    assert await asked(university, first) == {
        "state": "INCLUDED",
        "standing": "WITHDRAWN",
        "successor": second,
    }
    assert (await asked(university, second))["standing"] == "WITHDRAWN"
    (third,) = await put(university, service())
    assert (await asked(university, first))["standing"] == "SUPERSEDED", "stated again"
    assert (await asked(university, third))["standing"] == "CURRENT"


async def test_who_may_read_only_what_is_current_finds_no_older_receipt(
    university: HubClient, world: World
) -> None:
    voucher = await world.register("voucher", VOUCHER_OFFICE, ClientKind.VOUCHER, SCOPES)
    first, *_ = await put(university, service(), agreement("SERVICE"), agreement("VOUCHER"))
    assert (await asked(voucher, first))["standing"] == "CURRENT"
    await put(university, service(hours="5.0"))
    with pytest.raises(CallRefusedError, match="NOT_FOUND"):
        await voucher.receipt_today(first)
    answer = await voucher.query(ASKED.replace("$id", f'"{first}"'))
    assert answer["data"]["receipt"] is None


async def test_a_service_is_looked_up_by_number_and_by_invoice_under_the_rights(
    university: HubClient, world: World
) -> None:
    voucher = await world.register("voucher", VOUCHER_OFFICE, ClientKind.VOUCHER, SCOPES)
    await put(university, service(invoiceNo="24332000000012345678"), service(localId="S-2"))

    async def keys(condition: str) -> list[str]:
        document = f"{{ serviceRecords(filter: {{ {condition} }}) {{ nodes {{ key }} }} }}"
        answer = await voucher.query(document)
        return [node["key"] for node in answer["data"]["serviceRecords"]["nodes"]]

    number = 'localId: { eq: "S-1" }'
    invoice = 'invoiceNo: { eq: "24332000000012345678" }'
    both = f'instrumentKey: {{ eq: "{UNIVERSITY}/A1" }}, {number}'
    assert await keys(number) == await keys(invoice) == [], "nobody granted anything yet"
    await put(university, agreement("SERVICE"))

    async def is_found() -> bool:
        return bool(await keys(number))

    await until(is_found)  # grants are remembered for some seconds
    assert await keys(number) == await keys(invoice) == await keys(both) == [KEY]
    assert await keys('invoiceNo: { eq: "0" }') == []


def test_each_standing_is_written_in_the_page_on_receipts() -> None:
    page = (ROOT / "docs/standard/receipts.md").read_text("utf-8")
    assert [each for each in ReceiptStanding if not re.search(f"`{each.value}`", page)] == []

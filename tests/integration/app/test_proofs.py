from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from hub.access.clients import ClientKind
from hub.cli.client import app
from hub.cli.verify import verify as verify_verb
from hub.client import CallRefusedError, HubClient
from hub.client.answers import PushAnswer
from tests.integration.app.conftest import UNIVERSITY, World

ATTEMPTS = 50
PAUSE_S = 0.2

WRITES = ("records:push", "records:withdraw", "receipt:read")
VOUCHER_OFFICE = "uscc:91110000600037341L"


def service(**changed: Any) -> dict[str, Any]:
    record = {
        "instrumentKey": f"{UNIVERSITY}/A1",
        "localId": "S-1",
        "purpose": "RESEARCH",
        "collectionMethod": "SENSOR",
        "hours": "4.0",
        "charge": {"amount": "1200.00", "currency": "CNY"},
        "voucherFen": 60000,
        **changed,
    }
    return {"type": "ServiceRecord", "record": record}


def agreement(dataset: str) -> dict[str, Any]:
    record = {"providerKey": UNIVERSITY, "consumerKey": VOUCHER_OFFICE, "dataset": dataset}
    return {"type": "Agreement", "record": record}


@pytest.fixture
async def university(world: World) -> HubClient:
    return await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, WRITES, "zju-push")


async def receipt_of(client: HubClient, entry: str) -> str:
    for _ in range(ATTEMPTS):
        text = await client.receipt(entry)
        if text.startswith("c2sp.org/tlog-proof@v1"):
            return text
        await asyncio.sleep(PAUSE_S)
    raise AssertionError("the log did not sign for the entry")


def entry(answer: PushAnswer, row: int = 0) -> str:
    return str(answer.body["rows"][row]["entryId"])


async def test_a_receipt_proves_its_record_offline_and_no_other(
    university: HubClient, tmp_path: Path
) -> None:
    answer = await university.push([service(), service(localId="S-2")], source="zju-push")
    (tmp_path / "receipt").write_text(await receipt_of(university, entry(answer)), "utf-8")
    (tmp_path / "record").write_bytes(await university.record(entry(answer)))
    (tmp_path / "other").write_bytes(await university.record(entry(answer, 1)))
    (tmp_path / "policy").write_text(await university.policy(), "utf-8")

    def verify(record: str) -> tuple[int, list[str]]:
        paths = [str(tmp_path / name) for name in ("receipt", record)]
        app = typer.Typer()
        app.command()(verify_verb)
        done = CliRunner().invoke(app, [*paths, "--policy", str(tmp_path / "policy")])
        return done.exit_code, [" ".join(line.split()) for line in done.output.splitlines()]

    code, lines = verify("record")
    assert (code, lines[0]) == (0, "VALID_UNWITNESSED")
    assert {f"key {UNIVERSITY}/A1/S-1", "revision 1", "record ServiceRecord"} <= set(lines)
    code, lines = verify("other")
    assert (code, lines[0]) == (1, "BAD_LEAF")
    assert not [line for line in lines if line.startswith("key")]


async def test_a_stranger_is_told_that_there_is_nothing(
    university: HubClient, world: World
) -> None:
    answer = await university.push([service()], source="zju-push")
    scopes = ("receipt:read", "service:read", "voucher:read", "catalogue:read")
    voucher = await world.register("voucher", VOUCHER_OFFICE, ClientKind.VOUCHER, scopes)
    for call in (voucher.receipt, voucher.record):
        with pytest.raises(CallRefusedError) as refused:
            await call(entry(answer))
        assert refused.value.code == "NOT_FOUND"


async def test_an_agreement_on_a_part_shows_neither_receipt_nor_record(
    university: HubClient, world: World
) -> None:
    answer = await university.push([service(), agreement("SERVICE")], source="zju-push")
    scopes = ("receipt:read", "service:read", "voucher:read", "catalogue:read")
    voucher = await world.register("voucher", VOUCHER_OFFICE, ClientKind.VOUCHER, scopes)
    for call in (voucher.receipt, voucher.record):  # the voucher part is another data set
        with pytest.raises(CallRefusedError):
            await call(entry(answer))


async def test_with_agreements_on_all_data_sets_the_record_is_shown(
    university: HubClient, world: World
) -> None:
    rows = [service(), agreement("SERVICE"), agreement("VOUCHER")]
    answer = await university.push(rows, source="zju-push")
    scopes = ("receipt:read", "service:read", "voucher:read", "catalogue:read")
    voucher = await world.register("voucher", VOUCHER_OFFICE, ClientKind.VOUCHER, scopes)
    assert b'"voucherFen":60000' in await voucher.record(entry(answer))
    assert await receipt_of(voucher, entry(answer))


async def test_without_the_scope_of_an_item_the_record_is_not_shown(
    university: HubClient, world: World
) -> None:
    rows = [service(), agreement("SERVICE"), agreement("VOUCHER")]
    answer = await university.push(rows, source="zju-push")
    scopes = ("receipt:read", "service:read", "catalogue:read")
    voucher = await world.register("voucher", VOUCHER_OFFICE, ClientKind.VOUCHER, scopes)
    with pytest.raises(CallRefusedError):
        await voucher.record(entry(answer))


def test_an_entry_id_that_is_no_number_is_told_before_anything_is_asked() -> None:
    runner = CliRunner()
    made = runner.invoke(app, ["receipt", "--as", "nowhere.toml", "DEMO"])
    assert made.exit_code == 2
    assert "is no entry id" in made.output

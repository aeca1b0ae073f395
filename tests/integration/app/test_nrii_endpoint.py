"""The hub's own NRII service: zeep, an independent client, through a partner's local proxy."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import zeep

from hub.access.clients import ClientKind
from hub.cli.proxy import TABLES
from hub.client import HubClient
from hub.client.local_proxy import LocalProxy
from hub.sandbox.serve import serving
from hub.store.database import Database
from tests.integration.app.conftest import BASE, UNIVERSITY, World
from tests.integration.app.nrii_rows import EQUIPMENT, INS

SCOPES = ("records:push", "catalogue:read")
RECORD = {
    "insCode": INS,
    "recordInnerId": "77",
    "innerId": "TEM-001",
    "amounts": 1250,
    "serviceTime": 2.5,
    "endTime": "2026-11-03 14",
    "serviceContent": "观察",
    "serviceWay": "占用共享",
    "serviceType": "外部用户",
    "serviceDirection": "科学研究",
    "adressType": 0,
    "signAgreement": 1,
    "applicant": "周文静",
    "auditStatus": -1,
}


@dataclass
class Sender:
    """A program that knows NRII and nothing of the hub."""

    client: zeep.Client
    url: str

    async def send(
        self, kind: int, row: Mapping[str, Any] | str, ins: str = INS
    ) -> tuple[str, str]:
        text = row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)
        answer = await asyncio.to_thread(
            self.client.service.instruInfo, insCode=ins, instruType=kind, instruList=text
        )
        return answer["return"], answer["message"]


def identified(code: str = INS, key: str = UNIVERSITY) -> dict[str, Any]:
    record = {
        "institutionKey": key,
        "name": {"zh": "某大学"},
        "kind": "UNIVERSITY",
        "identifiers": [{"scheme": "NRII", "value": code}],
    }
    return {"type": "Institution", "record": record}


def free_port() -> int:
    """The proxy must know its port before it listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def university(world: World) -> HubClient:
    return await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, SCOPES, "zju-push")


@pytest.fixture
async def sender(university: HubClient) -> AsyncIterator[Sender]:
    port = free_port()
    application = LocalProxy(university, TABLES, port).application()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serving(application, port))
        address = f"{url}/nrii/instruInfo?wsdl&port={port}"
        client = await asyncio.to_thread(zeep.Client, address)
        stack.callback(client.transport.session.close)
        yield Sender(client, url)


async def test_a_sender_that_knows_only_nrii_sends_through_its_own_proxy(
    sender: Sender, university: HubClient, database: Database
) -> None:
    await university.push([identified()], source="zju-push")
    assert await sender.send(4, EQUIPMENT) == ("100", "上传成功")
    assert (await sender.send(6, RECORD))[0] == "100"
    rows = await database.reads.fetch_all(
        "SELECT key, original_value->>'amount', assurance, channel FROM instrument_source"
    )
    assert rows == [(f"{UNIVERSITY}/TEM-001", "6255500", "REQUEST_SIGNED", "PUSH")]
    ((charge, signed, start),) = await database.reads.fetch_all(
        "SELECT charge->>'amount', agreement_signed, start_derived FROM service_record_source"
    )
    assert (charge, signed, start) == ("1250", False, True)


async def test_what_was_sent_before_is_accepted_again_and_writes_nothing(
    sender: Sender, university: HubClient, database: Database
) -> None:
    await university.push([identified()], source="zju-push")
    for _ in range(2):
        assert (await sender.send(4, EQUIPMENT))[0] == "100"
    ((count,),) = await database.reads.fetch_all(
        "SELECT count(*) FROM entry WHERE record_type = 'Instrument'"
    )
    assert count == 1


async def test_the_defects_of_the_sender_are_quarantined_and_no_person_is_kept(
    sender: Sender, university: HubClient, database: Database
) -> None:
    await university.push([identified()], source="zju-push")
    defect = {**RECORD, "serviceAmount": "1970-01-01 08"}
    del defect["serviceTime"]
    code, message = await sender.send(6, defect)
    assert code == "202"
    assert "serviceTime" in message
    assert "serviceAmount" in message
    ((raw,),) = await database.writes.fetch_all("SELECT raw::text FROM quarantine")
    assert "周文静" not in raw
    assert "77" in raw


WRONG: tuple[tuple[int, Any, str, str], ...] = (
    (4, "{nonsense", INS, "201"),
    (4, "[]", INS, "201"),
    (4, '"text"', INS, "201"),
    (4, '{"innerId": 1, "innerId": 2}', INS, "201"),
    (4, "", INS, "201"),
    (3, EQUIPMENT, INS, "203"),
    (7, EQUIPMENT, INS, "203"),
    (4, EQUIPMENT, "f" * 32, "200"),
    (4, {**EQUIPMENT, "insCode": "f" * 32}, INS, "200"),
    (4, {**EQUIPMENT, "insCode": ["x"]}, INS, "200"),
    (4, EQUIPMENT, "", "200"),
    (4, {**EQUIPMENT, "worth": "约三百万"}, INS, "202"),
    (4, {"insCode": INS}, INS, "202"),
    (4, "[" + json.dumps(EQUIPMENT) + "]", INS, "100"),
)
"""Type, object, code of the unit, and the code that is answered."""


async def test_wrong_calls_have_codes_of_nrii(sender: Sender, university: HubClient) -> None:
    await university.push([identified()], source="zju-push")
    for kind, row, ins, code in WRONG:
        answered, message = await sender.send(kind, row, ins)
        assert (answered, bool(message)) == (code, True), (row, message)


async def test_a_code_that_the_institution_does_not_state_names_nobody(
    sender: Sender, world: World
) -> None:
    code, message = await sender.send(4, EQUIPMENT)
    assert code == "200"
    assert "identifiers" in message


async def test_the_code_of_another_institution_gives_no_right(
    sender: Sender, world: World, database: Database
) -> None:
    other = await world.register("anhui", "moe:10358", ClientKind.UNIVERSITY, SCOPES, "zju-push")
    await other.push([identified(key="moe:10358")], source="zju-push")
    assert (await sender.send(4, EQUIPMENT))[0] == "200"
    ((count,),) = await database.reads.fetch_all("SELECT count(*) FROM instrument")
    assert count == 0


async def call(world: World, **more: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=world.transport, base_url=BASE) as client:
        return await client.request(**more)


async def test_without_a_token_and_a_signature_nothing_is_read(
    world: World, university: HubClient
) -> None:
    answer = await call(world, method="POST", url="/nrii/instruInfo", content=b"<x/>")
    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_MISSING")


async def test_the_wsdl_leads_to_the_hub_or_to_this_machine_only(world: World) -> None:
    for query, where in (
        ("wsdl", f"{BASE}/nrii/instruInfo"),
        ("wsdl&port=8765", "http://127.0.0.1:8765/nrii/instruInfo"),
        (
            "wsdl&port=8765&source=zju-push",
            "http://127.0.0.1:8765/nrii/instruInfo?source=zju-push",
        ),
    ):
        answer = await call(world, method="GET", url=f"/nrii/instruInfo?{query}")
        assert answer.status_code == 200
        assert f'location="{where}"' in answer.text
    strange = ("", "wsdl&port=evil.test", "wsdl&port=99999", "wsdl&port=0")
    for query in (*strange, "wsdl&location=http://evil.test", "wsdl&port=8765@evil.test"):
        answer = await call(world, method="GET", url=f"/nrii/instruInfo?{query}")
        assert answer.status_code == 400, query


HOSTILE = (
    b"",
    b"<html>",
    b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><s:Envelope "
    b"xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>&e;</s:Body></s:Envelope>",
    b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body><other/></s:Body>"
    b"</s:Envelope>",
    b"<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'>" + b"<a>" * 9_000,
    "<s:Envelope>电".encode("gbk"),
)


async def test_what_is_no_call_is_answered_with_a_code_and_a_long_one_refused(
    sender: Sender,
) -> None:
    async with httpx.AsyncClient() as client:
        for content in HOSTILE:
            answer = await client.post(
                f"{sender.url}/nrii/instruInfo",
                content=content,
                headers={"content-type": "text/xml; charset=utf-8"},
            )
            assert answer.status_code == 200, answer.text
            assert "<return>20" in answer.text
            assert "root:" not in answer.text
        answer = await client.post(f"{sender.url}/nrii/instruInfo", content=b"x" * 300_000)
    assert answer.json()["code"] == "BODY_TOO_LARGE"

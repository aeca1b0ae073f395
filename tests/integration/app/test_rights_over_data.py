"""What a hostile or careless partner could once do with others' data, each through the public door.

The numbers are those of the list in which these faults were met.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from hub.access.clients import ClientKind, KeyStatus
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.scopes import Scope
from hub.access.store import DatabaseClientStore
from hub.client import CallRefusedError, HubClient
from hub.clock import system_clock
from hub.ledger.statement import sign_record
from hub.store.sources import register_source
from schema.canonical import canonical
from tests.integration.app.conftest import UNIVERSITY, World

pytestmark = pytest.mark.integration

PLATFORM = "uscc:91110000600037341L"
USER = "moe:10246"
READS = (
    *("catalogue:read", "graphql:adhoc", "asset:read", "service:read"),
    *("customs:read", "voucher:read", "person:read", "receipt:read"),
)
WRITES = ("records:push", "records:withdraw")
INSTRUMENT = {
    "institutionKey": UNIVERSITY,
    "localNo": "A1",
    "name": {"zh": "透射电镜"},
    "status": "IN_SERVICE",
    "bookingUrl": "https://own.example/book",
    "contact": "own office",
    "originalValue": {"amount": "3346500.00", "currency": "CNY"},
    "originals": [
        {"path": "originalValue", "text": "334.65 万元"},
        {"path": "name.zh", "text": "透射 电镜"},
    ],
}


def instrument(**changed: Any) -> dict[str, Any]:
    record = {name: value for name, value in {**INSTRUMENT, **changed}.items() if value is not None}
    return {"type": "Instrument", "record": record}


def service(**changed: Any) -> dict[str, Any]:
    record = {
        "instrumentKey": f"{UNIVERSITY}/A1",
        "localId": "S-1",
        "purpose": "RESEARCH",
        "collectionMethod": "SENSOR",
        "hours": "4.0",
        "userKey": USER,
        **changed,
    }
    return {
        "type": "ServiceRecord",
        "record": {name: value for name, value in record.items() if value is not None},
    }


def agreement(dataset: str, provider: str = UNIVERSITY, to: str = PLATFORM) -> dict[str, Any]:
    record = {"providerKey": provider, "consumerKey": to, "dataset": dataset}
    return {"type": "Agreement", "record": record}


def signed(row: dict[str, Any], key: Any, party: str) -> dict[str, Any]:
    private: EllipticCurvePrivateKey = key.private
    canon = canonical(row["record"])
    jws = sign_record(canon, private, key.kid, row["type"], party, datetime.now(UTC))
    return {**row, "jws": jws}


@pytest.fixture
async def university(world: World) -> HubClient:
    return await world.register(
        "zju", UNIVERSITY, ClientKind.UNIVERSITY, (*READS, *WRITES), "zju-push"
    )


@pytest.fixture
async def platform(world: World) -> HubClient:
    now = system_clock()
    await register_source(
        world.hub.database,
        "platform-push",
        "省平台",
        mode="PUSH",
        owners=None,
        authority="platform:push/booking",
        now=now,
    )
    return await world.register(
        "platform", PLATFORM, ClientKind.PARTNER, (*READS, *WRITES), "platform-push"
    )


@pytest.fixture
async def user(world: World) -> HubClient:
    return await world.register("user", USER, ClientKind.UNIVERSITY, READS)


def first_codes(answer: Any) -> list[str]:
    return [
        row["problems"][0]["code"] if "problems" in row else row["outcome"]
        for row in answer.body["rows"]
    ]


def entry(answer: Any, row: int = 0) -> str:
    return str(answer.body["rows"][row]["entryId"])


async def is_hidden(client: HubClient, number: str) -> bool:
    """Whether every proof door says that there is no such entry."""
    found = []
    for call in (client.receipt, client.record):
        try:
            await call(number)
        except CallRefusedError as refused:
            found.append(refused.code == "NOT_FOUND")
        else:
            found.append(False)
    asked = await client.query(
        "query ($e: ID!) { receipt(entryId: $e) { key proof } }", {"e": number}
    )
    return all(found) and asked["data"]["receipt"] is None


# 1


@pytest.mark.parametrize("dataset", ["ASSET", "SERVICE", "CUSTOMS", "VOUCHER", "PERSON"])
async def test_a_platform_grants_itself_nothing_of_others(
    university: HubClient, platform: HubClient, dataset: str
) -> None:
    await university.push([instrument(), service()], source="zju-push")
    answer = await platform.push([agreement(dataset)], source="platform-push")
    assert first_codes(answer) == ["ISSUER_NOT_NAMED"]
    seen = await platform.query("{ instruments { nodes { originalValue { amount } } } }")
    assert seen["data"]["instruments"]["nodes"] == [{"originalValue": None}]
    seen = await platform.query("{ serviceRecords { totalCount } agreements { totalCount } }")
    assert seen["data"] == {"serviceRecords": {"totalCount": 0}, "agreements": {"totalCount": 0}}


async def test_who_pushes_for_a_university_grants_itself_nothing_of_it(world: World) -> None:
    provider = await world.register(
        "provider", PLATFORM, ClientKind.PARTNER, (*READS, *WRITES), "zju-push"
    )
    answer = await provider.push([agreement("SERVICE"), service()], source="zju-push")
    assert first_codes(answer) == ["ISSUER_MUST_VOUCH", "ACCEPTED"]


async def test_an_agreement_counts_that_its_provider_pushed(
    university: HubClient, platform: HubClient
) -> None:
    rows = [instrument(), agreement("ASSET")]
    assert first_codes(await university.push(rows, source="zju-push")) == ["ACCEPTED"] * 2
    seen = await platform.query("{ instruments { nodes { originalValue { amount } } } }")
    assert seen["data"]["instruments"]["nodes"][0]["originalValue"] == {"amount": "3346500.00"}


# 2


async def test_only_its_issuer_signs_a_record(
    world: World, university: HubClient, platform: HubClient
) -> None:
    own = signed(service(), world.keys["platform"], PLATFORM)
    assert first_codes(await platform.push([own], source="platform-push")) == [
        "RECORD_SIGNATURE_INVALID"
    ]
    passed_on = signed(service(localId="S-2"), world.keys["zju"], UNIVERSITY)
    answer = await platform.push([passed_on], source="platform-push")
    assert first_codes(answer) == ["ACCEPTED"]
    text = "{ serviceRecords { nodes { localId provenance { party assurance owner source } } } }"
    (node,) = (await university.query(text))["data"]["serviceRecords"]["nodes"]
    assert node["provenance"] == {
        "party": UNIVERSITY,
        "assurance": "PRODUCER_SIGNED",
        "owner": UNIVERSITY,
        "source": "platform-push",
    }


async def test_a_service_provider_signs_with_a_key_of_the_university_until_it_is_revoked(
    world: World, university: HubClient
) -> None:
    await world.register("vendor", UNIVERSITY, ClientKind.UNIVERSITY, WRITES, "zju-push")
    store = DatabaseClientStore(world.hub.database)
    key = world.keys["vendor"]
    answer = await university.push([signed(service(), key, UNIVERSITY)], source="zju-push")
    assert first_codes(answer) == ["ACCEPTED"]
    text = "{ serviceRecords { nodes { provenance { party assurance } } } }"
    (node,) = (await university.query(text))["data"]["serviceRecords"]["nodes"]
    assert node["provenance"] == {"party": UNIVERSITY, "assurance": "PRODUCER_SIGNED"}
    await store.revoke_key(key.kid, KeyStatus.REVOKED, system_clock())
    again = signed(service(localId="S-2"), key, UNIVERSITY)
    assert first_codes(await university.push([again], source="zju-push")) == [
        "RECORD_SIGNATURE_INVALID"
    ]


async def test_the_agent_of_a_key_is_kept_with_it(world: World) -> None:
    from hub.crypto.keys import generate_key

    store = DatabaseClientStore(world.hub.database)
    application = read_application(application_document("vendor", "vendor", generate_key().public))
    grant = ClientGrant(UNIVERSITY, ClientKind.UNIVERSITY, WRITES, ("zju-push",), agent=PLATFORM)
    await admit(store, application, grant, system_clock())
    found = await store.get("vendor")
    assert found is not None
    assert [key.agent for key in found.keys] == [PLATFORM]
    assert [key.agent for client in await store.list() for key in client.keys] == [PLATFORM]


# 3


async def test_the_text_of_a_hidden_value_is_hidden_with_it(
    university: HubClient, platform: HubClient
) -> None:
    await university.push([instrument()], source="zju-push")
    text = "{ instruments { nodes { originals { path text } } } }"
    (seen,) = (await platform.query(text))["data"]["instruments"]["nodes"]
    assert seen["originals"] == [{"path": "name.zh", "text": "透射 电镜"}]
    (own,) = (await university.query(text))["data"]["instruments"]["nodes"]
    assert own["originals"] == INSTRUMENT["originals"]


async def test_an_original_text_names_an_item_of_its_record(university: HubClient) -> None:
    lost = instrument(originals=[{"path": "orignalValue", "text": "334.65 万元"}])
    assert first_codes(await university.push([lost], source="zju-push")) == ["NOT_AN_ITEM"]


# 4


async def test_the_content_address_is_for_who_may_read_all_of_the_content(
    university: HubClient, platform: HubClient
) -> None:
    answer = await university.push([instrument()], source="zju-push")
    address = answer.body["rows"][0]["revisionId"]
    text = "{ instruments { nodes { provenance { revisionId entryId } } } }"
    (own,) = (await university.query(text))["data"]["instruments"]["nodes"]
    assert own["provenance"]["revisionId"] == address
    (seen,) = (await platform.query(text))["data"]["instruments"]["nodes"]
    assert seen["provenance"]["revisionId"] is None
    for call in (platform.receipt, platform.record):
        with pytest.raises(CallRefusedError):
            await call(entry(answer))
    asked = "query ($e: ID, $r: String) { receipt(entryId: $e, revisionId: $r) { key proof } }"
    by_entry = await platform.query(asked, {"e": entry(answer)})
    assert by_entry["data"]["receipt"] == {"key": f"{UNIVERSITY}/A1", "proof": None}
    by_content = await platform.query(asked, {"r": address})  # a guess is not confirmed
    assert by_content["data"]["receipt"] is None


async def test_who_may_read_it_all_gets_address_receipt_and_bytes(
    university: HubClient, platform: HubClient
) -> None:
    plain = instrument(originalValue=None, originals=None)
    answer = await university.push([plain], source="zju-push")
    text = "{ instruments { nodes { provenance { revisionId } } } }"
    (seen,) = (await platform.query(text))["data"]["instruments"]["nodes"]
    assert seen["provenance"]["revisionId"] == answer.body["rows"][0]["revisionId"]
    assert json.loads(await platform.record(entry(answer))) == plain["record"]
    assert (await platform.receipt(entry(answer))).startswith("c2sp.org/tlog-proof@v1")


# 5 and 6


async def test_a_correction_takes_the_old_record_from_who_is_no_longer_in_it(
    university: HubClient, user: HubClient
) -> None:
    first = await university.push([service()], source="zju-push")
    assert not await is_hidden(user, entry(first))
    second = await university.push([service(userKey=PLATFORM)], source="zju-push")
    for answer in (first, second):
        assert await is_hidden(user, entry(answer))
        assert not await is_hidden(university, entry(answer))


async def test_what_is_withdrawn_is_for_its_owner_and_so_is_the_withdrawal(
    university: HubClient, platform: HubClient, user: HubClient
) -> None:
    plain = instrument(originalValue=None, originals=None)
    stated = await university.push([plain, service()], source="zju-push")
    assert not await is_hidden(platform, entry(stated))
    keys = [("Instrument", f"{UNIVERSITY}/A1"), ("ServiceRecord", f"{UNIVERSITY}/A1/S-1")]
    rows = [{"type": name, "withdraw": {"key": key, "reason": "sold"}} for name, key in keys]
    withdrawn = await university.push(rows, source="zju-push")
    for answer in (stated, withdrawn):
        for row in (0, 1):
            for stranger in (platform, user):
                assert await is_hidden(stranger, entry(answer, row))
            assert not await is_hidden(university, entry(answer, row))


# 7


async def test_the_counterpart_reads_nothing_personal_through_any_door(
    university: HubClient, user: HubClient
) -> None:
    answer = await university.push([service(userReference="u-17")], source="zju-push")
    seen = await user.query("{ serviceRecords { nodes { hours userReference } } }")
    assert seen["data"]["serviceRecords"]["nodes"] == [{"hours": "4.0", "userReference": None}]
    for call in (user.receipt, user.record):
        with pytest.raises(CallRefusedError):
            await call(entry(answer))


# 8


async def test_a_platform_s_newer_word_does_not_displace_the_owner_s_own(
    world: World, university: HubClient, platform: HubClient
) -> None:
    def institution(name: str) -> dict[str, Any]:
        record = {"institutionKey": UNIVERSITY, "name": {"zh": name}, "kind": "UNIVERSITY"}
        return {"type": "Institution", "record": record}

    await university.push([institution("浙江大学"), instrument()], source="zju-push")
    other = instrument(bookingUrl="https://platform.example/book")
    answer = await platform.push([institution("别的名字"), other], source="platform-push")
    assert first_codes(answer) == ["ACCEPTED"] * 2
    text = """query ($k: String!) { instrument(by: {key: $k}) { bookingUrl
      provenance { source party } institution { name { zh } provenance { source } } } }"""
    found = (await university.query(text, {"k": f"{UNIVERSITY}/A1"}))["data"]["instrument"]
    assert found == {
        "bookingUrl": "https://own.example/book",
        "provenance": {"source": "zju-push", "party": UNIVERSITY},
        "institution": {"name": {"zh": "浙江大学"}, "provenance": {"source": "zju-push"}},
    }


# 9 and 10


async def test_no_scope_of_an_operator_reads_past_agreements(
    world: World, university: HubClient
) -> None:
    answer = await university.push([instrument(), service()], source="zju-push")
    scopes = tuple(scope.value for scope in Scope)
    operator = await world.register("operator", PLATFORM, ClientKind.OPERATOR, scopes)
    seen = await operator.query(
        "{ instruments { nodes { originalValue { amount } } } serviceRecords { totalCount } }"
    )
    assert seen["data"] == {
        "instruments": {"nodes": [{"originalValue": None}]},
        "serviceRecords": {"totalCount": 0},
    }
    assert await is_hidden(operator, entry(answer, 1))


async def test_rows_of_services_need_their_scope_even_to_be_counted(
    world: World, university: HubClient
) -> None:
    await university.push([instrument(), service()], source="zju-push")
    scopes = ("catalogue:read", "graphql:adhoc")
    plain = await world.register("plain", UNIVERSITY, ClientKind.UNIVERSITY, scopes)
    text = "{ serviceRecords { totalCount nodes { key purpose } } instruments { nodes { key } } }"
    seen = await plain.query(text)
    assert seen["data"]["serviceRecords"] is None
    assert len(seen["data"]["instruments"]["nodes"]) == 1
    (error,) = seen["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["serviceRecords"], "SCOPE_MISSING")
    assert error["extensions"]["scope"] == "service:read"


async def test_an_agreement_is_known_to_its_two_parties_only(
    university: HubClient, platform: HubClient, user: HubClient
) -> None:
    await university.push([agreement("ASSET")], source="zju-push")
    text = "{ agreements { nodes { providerKey consumerKey } } }"
    for client, expected in ((university, 1), (platform, 1), (user, 0)):
        found = (await client.query(text))["data"]["agreements"]["nodes"]
        assert len(found) == expected


async def test_an_ended_agreement_shows_nothing(university: HubClient, platform: HubClient) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    ended = agreement("SERVICE")
    ended["record"]["validUntil"] = yesterday
    answer = await university.push([service(), ended], source="zju-push")
    assert first_codes(answer) == ["ACCEPTED"] * 2
    assert await is_hidden(platform, entry(answer))

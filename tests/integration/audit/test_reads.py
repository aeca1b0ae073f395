"""Who read which protected record, by what right: in the audit before the answer leaves."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from hub.access.grants import PartyGrants
from hub.audit.rows import AuditKind
from tests.databases import as_owner
from tests.integration.audit.conftest import (
    AGREED,
    BREAKING,
    CASE,
    KEY,
    STRANGER,
    UNIVERSITY,
    USER,
    Hub,
    caller,
)

pytestmark = pytest.mark.integration
USAGES = "{ usageRecords(first: 5) { nodes { id hours } } }"
VALUES = "{ instruments(first: 5) { nodes { key originalValue { amount } } } }"
POWER = "{ instruments(first: 5) { nodes { key powerState { state } } } }"
PUBLIC = (
    "{ instruments(first: 5) { totalCount nodes { id key name { zh } provenance { owner } } } }"
)


def reads(row: Any) -> list[tuple[str, str, str]]:
    return [(each["grade"], each["by"], each["owner"]) for each in row.detail.get("reads", ())]


async def test_a_public_read_leaves_no_row_and_its_statement_has_no_marks(hub: Hub) -> None:
    for party in (None, STRANGER, AGREED, UNIVERSITY):
        await hub.ask(caller(party), PUBLIC)
    assert await hub.rows() == []
    document = hub.engine.planner.known(PUBLIC)
    assert document is not None
    assert document.plans
    for plan in document.plans.values():
        assert plan is not None
        assert (plan.protected, b"x01" in plan.sql) == (False, False)


async def test_what_a_gateway_refers_to_is_audited_as_what_is_listed(hub: Hub, ids: Any) -> None:
    (usage, *_) = (await hub.ask(caller(UNIVERSITY), USAGES))["data"]["usageRecords"]["nodes"]
    reference = f'{{ __typename: "UsageRecord", id: "{usage["id"]}" }}'
    asked = f"{{ _entities(representations: [{reference}]) {{ ... on UsageRecord {{ hours }} }} }}"
    for party in (AGREED, STRANGER):
        answer = await hub.ask(caller(party), asked)
        (found,) = answer["data"]["_entities"]
        assert (found is None) is (party == STRANGER)
    _, by_agreement = await hub.rows()
    assert reads(by_agreement) == [("L3", "AGREEMENT", UNIVERSITY)]


async def test_restricted_rows_are_audited_with_the_right_by_which_they_were_read(
    hub: Hub, ids: Any
) -> None:
    for party in (AGREED, USER, UNIVERSITY):
        answer = await hub.ask(caller(party), USAGES)
        assert len(answer["data"]["usageRecords"]["nodes"]) == 2
    by_agreement, named, owner = await hub.rows()
    assert reads(by_agreement) == [("L3", "AGREEMENT", UNIVERSITY)]
    assert reads(named) == [("L3", "NAMED", UNIVERSITY)]
    assert reads(owner) == [("L3", "OWNER", UNIVERSITY)]
    (said,) = by_agreement.detail["reads"]
    assert said["ids"] == sorted(await ids("usage_record_source"))
    assert said["agreement"] == f"{UNIVERSITY}/{AGREED}/SERVICE"
    assert (by_agreement.client_id, by_agreement.party) == (f"of-{AGREED}", AGREED)
    assert (by_agreement.grade, by_agreement.owners) == ("L3", (UNIVERSITY,))
    assert by_agreement.document
    assert by_agreement.request_id


async def test_who_is_shown_nothing_has_read_nothing(hub: Hub) -> None:
    answer = await hub.ask(caller(STRANGER), USAGES)
    assert answer["data"]["usageRecords"]["nodes"] == []
    answer = await hub.ask(caller(STRANGER), VALUES)
    assert answer["data"]["instruments"]["nodes"][0]["originalValue"] is None
    assert answer["extensions"]["denied"] == 1
    assert await hub.rows() == []


async def test_the_present_power_is_audited_as_its_days_are(hub: Hub, ids: Any) -> None:
    (hidden,) = (await hub.ask(caller(STRANGER), POWER))["data"]["instruments"]["nodes"]
    assert hidden["powerState"] is None
    assert await hub.rows() == []
    (node,) = (await hub.ask(caller(AGREED), POWER))["data"]["instruments"]["nodes"]
    assert node["powerState"] == {"state": "UNKNOWN"}
    (row,) = await hub.rows()
    assert reads(row) == [("L3", "AGREEMENT", UNIVERSITY)]
    assert row.detail["reads"][0]["ids"] == await ids("instrument")


async def test_shared_values_are_audited_where_an_agreement_shows_them(hub: Hub, ids: Any) -> None:
    await hub.ask(caller(UNIVERSITY), VALUES)
    assert await hub.rows() == []
    await hub.ask(caller(AGREED), VALUES)
    (row,) = await hub.rows()
    assert reads(row) == [("L2", "AGREEMENT", UNIVERSITY)]
    assert row.detail["reads"][0]["ids"] == await ids("instrument")


WAYS = {
    "by id": "{ nodes(ids: [%s]) { ... on UsageRecord { hours } } }",
    "nothing but the type": "{ usageRecords(first: 1) { nodes { __typename } } }",
    "an edge": "{ usageRecords(first: 1) { edges { node { purpose } } } }",
    "through the instrument": "{ instrument(by: {key: %k}) { usageRecords(first: 1) "
    "{ nodes { id } } } }",
    "two aliases": "{ a: usageRecords(first: 1) { x: nodes { h: hours } } }",
    "a fragment": "{ usageRecords(first: 1) { nodes { ...f } } } fragment f on UsageRecord "
    "{ hours }",
    "only counted": "{ usageRecords { totalCount } }",
    "chosen by it": "{ usageRecords(filter: {purpose: {eq: RESEARCH}}) { totalCount } }",
    "beside what is executed": "{ serviceInfo { version } usageRecords(first: 1) "
    "{ nodes { hours } } }",
    "the change feed": '{ changes(types: ["UsageRecord"]) { nodes { kind key } } }',
}


@pytest.mark.parametrize("way", WAYS)
async def test_no_way_to_a_restricted_record_goes_unnoticed(hub: Hub, ids: Any, way: str) -> None:
    (first, _) = await ids("usage_record_source")
    document = WAYS[way].replace("%s", f'"{first}"').replace("%k", f'"{KEY}"')
    answer = await hub.ask(caller(AGREED), document)
    assert "errors" not in answer
    (row,) = await hub.rows()
    assert row.grade == "L3"
    assert row.detail.get("reads") or row.detail.get("asked")


SHARED_WAYS = {
    "an original text": "{ instruments { nodes { originals { text } } } }",
    "an address of the content": "{ instruments { nodes { provenance { revisionId } } } }",
    "an order": "{ instruments(orderBy: [ACCEPTED_ON_DESC]) { pageInfo { endCursor } } }",
}


@pytest.mark.parametrize("way", SHARED_WAYS)
async def test_no_way_to_a_shared_value_goes_unnoticed(hub: Hub, way: str) -> None:
    answer = await hub.ask(caller(AGREED), SHARED_WAYS[way])
    assert "errors" not in answer
    (row,) = await hub.rows()
    assert row.grade == "L2"


async def test_personal_data_is_read_by_a_case_which_the_row_names(hub: Hub) -> None:
    document = "{ usageRecords(first: 1) { nodes { userReference } } }"
    await hub.ask(caller(AGREED, "person:read", cases=(CASE,)), document)
    (row,) = await hub.rows()
    assert (row.grade, row.case_no) == ("L4", "2026-17")
    assert ("L4", "AGREEMENT", UNIVERSITY) in reads(row)


async def rename(hub: Hub, table: str, other: str) -> None:
    """Take a table away, or give it back; only its owner may."""
    url = as_owner(hub.database.url)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(f"ALTER TABLE {table} RENAME TO {other}".encode())


async def test_an_answer_with_restricted_data_does_not_leave_without_its_row(hub: Hub) -> None:
    await rename(hub, "audit", "away")
    try:
        answer = await hub.ask(caller(AGREED), USAGES)
        assert "data" not in answer
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "AUDIT_UNAVAILABLE"
        assert error["extensions"]["retryable"] is True
        shared = await hub.ask(caller(AGREED), VALUES)
        assert shared["data"]["instruments"]["nodes"][0]["originalValue"]["amount"] == "10.00"
        assert "errors" not in await hub.ask(caller(AGREED), PUBLIC)
    finally:
        await rename(hub, "away", "audit")


async def test_reading_past_agreements_needs_the_role_and_a_reason_and_is_always_audited(
    hub: Hub,
) -> None:
    reason = "服务器故障，须核对记录的去向"
    operator = caller(STRANGER, "operator:break-glass", cases=(BREAKING,))
    refused = await hub.ask(caller(STRANGER), USAGES, reason=reason)
    assert refused["errors"][0]["extensions"]["code"] == "SCOPE_MISSING"
    refused = await hub.ask(operator, USAGES, reason="x")
    assert refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert (await hub.ask(operator, USAGES))["data"]["usageRecords"]["nodes"] == []
    assert await hub.rows() == []
    answer = await hub.ask(operator, USAGES, reason=reason)
    assert len(answer["data"]["usageRecords"]["nodes"]) == 2
    await hub.ask(operator, PUBLIC, reason=reason)
    used, unused = await hub.rows()
    assert (used.kind, used.reason) == (AuditKind.BREAK_GLASS, reason)
    assert reads(used) == [("L3", "BREAK_GLASS", UNIVERSITY)]
    assert (unused.kind, unused.detail) == (AuditKind.BREAK_GLASS, {})
    assert (await hub.ask(operator, USAGES))["data"]["usageRecords"]["nodes"] == []


async def test_a_row_is_seen_by_its_caller_and_by_the_owner_it_is_about(hub: Hub) -> None:
    await hub.ask(caller(AGREED), USAGES)
    await hub.ask(caller(UNIVERSITY), USAGES)
    of = {
        party: await hub.audit.concerning(party, 0, 200)
        for party in (AGREED, UNIVERSITY, STRANGER, USER)
    }
    assert [len(of[party]) for party in (AGREED, UNIVERSITY, STRANGER, USER)] == [1, 2, 0, 0]
    assert all(row.owners == (UNIVERSITY,) for row in of[UNIVERSITY])
    assert PartyGrants(None).reaches_others is not None

"""Who decides for a client is somebody else than who proposes: keys with roles."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hub.access.clients import ClientKey, ClientKind, KeyRole, KeyStatus
from hub.access.store import DatabaseClientStore
from hub.client import HubClient
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.ledger.statement import sign_record
from hub.store.database import Database
from schema.canonical import canonical
from tests.integration.app.conftest import BASE, UNIVERSITY, World

pytestmark = pytest.mark.integration
OTHER = "uscc:91110000600037341L"
SCOPES = ("catalogue:read", "records:push", "records:withdraw")
AGREEMENT = {
    "type": "Agreement",
    "record": {"providerKey": UNIVERSITY, "consumerKey": OTHER, "dataset": "ASSET"},
}
LINK = {
    "type": "Link",
    "record": {
        "recordType": "Institution",
        "firstKey": UNIVERSITY,
        "secondKey": OTHER,
        "statedBy": UNIVERSITY,
        "relation": "SAME_AS",
    },
}
FACT = {
    "type": "Institution",
    "record": {
        "institutionKey": UNIVERSITY,
        "name": {"zh": "浙江大学"},
        "kind": "UNIVERSITY",
        "divisionCode": "330106",
    },
}
People = dict[KeyRole | None, HubClient]


@pytest.fixture
async def people(world: World, database: Database) -> People:
    """One client: the key it was registered with, a proposer's and a decider's."""
    first = await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, SCOPES, "zju-push")
    found: People = {None: first}
    for role in KeyRole:
        key = generate_key()
        added = ClientKey(key.public, "zju", KeyStatus.ACTIVE, system_clock(), role=role)
        await DatabaseClientStore(database).add_key(added)
        found[role] = HubClient(BASE, "zju", key, transport=world.transport)
    return found


async def outcome(client: HubClient, row: dict[str, Any]) -> str:
    (row_said,) = (await client.push([row], source="zju-push")).body["rows"]
    problems = row_said.get("problems") or []
    return str(problems[0]["code"] if problems else row_said["outcome"])


@pytest.mark.parametrize("row", [AGREEMENT, LINK], ids=["agreement", "link"])
async def test_only_a_decider_s_key_gives_a_right_where_the_client_uses_roles(
    people: People, row: dict[str, Any]
) -> None:
    assert await outcome(people[KeyRole.PROPOSER], row) == "DECIDER_NEEDED"
    assert await outcome(people[None], row) == "DECIDER_NEEDED"
    assert await outcome(people[KeyRole.DECIDER], row) == "ACCEPTED"


async def test_a_proposer_s_key_states_facts(people: People) -> None:
    assert await outcome(people[KeyRole.PROPOSER], FACT) == "ACCEPTED"


async def test_a_right_is_taken_back_by_a_decider_only(people: People) -> None:
    await people[KeyRole.DECIDER].push([AGREEMENT], source="zju-push")
    key = f"{UNIVERSITY}/{OTHER}/ASSET"
    gone = {"type": "Agreement", "withdraw": {"key": key, "reason": "ended"}}
    assert await outcome(people[KeyRole.PROPOSER], gone) == "DECIDER_NEEDED"
    assert await outcome(people[KeyRole.DECIDER], gone) == "WITHDRAWN"


def by_itself(row: dict[str, Any], key: SigningKey) -> dict[str, Any]:
    canon = canonical(row["record"])
    private: Any = key.private
    jws = sign_record(canon, private, key.kid, row["type"], UNIVERSITY, datetime.now(UTC))
    return {**row, "jws": jws}


async def test_the_key_that_signed_the_row_itself_is_asked_and_not_who_sends_it(
    people: People,
) -> None:
    proposed = by_itself(AGREEMENT, people[KeyRole.PROPOSER].key)
    assert await outcome(people[KeyRole.DECIDER], proposed) == "DECIDER_NEEDED"
    decided = by_itself(AGREEMENT, people[KeyRole.DECIDER].key)
    assert await outcome(people[KeyRole.PROPOSER], decided) == "ACCEPTED"


async def test_without_roles_every_key_decides(world: World) -> None:
    client = await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, SCOPES, "zju-push")
    assert await outcome(client, AGREEMENT) == "ACCEPTED"


async def test_when_the_last_role_has_ended_nobody_decides_by_that(
    people: People, database: Database
) -> None:
    store = DatabaseClientStore(database)
    for role in KeyRole:
        await store.revoke_key(people[role].key.kid, KeyStatus.RETIRED, system_clock())
    assert await outcome(people[None], AGREEMENT) == "DECIDER_NEEDED"


async def test_the_role_of_the_key_is_kept_with_the_evidence(
    people: People, database: Database
) -> None:
    await people[KeyRole.PROPOSER].push([FACT], source="zju-push")
    kept = await database.writes.fetch_all("SELECT key_id, role FROM request_evidence")
    assert kept == [(people[KeyRole.PROPOSER].key.kid, "PROPOSER")]

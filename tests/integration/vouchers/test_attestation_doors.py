"""Attestations over `/graphql` and as a file: scoped, audited, each party told what is its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from hub.access.agreements import Agreements
from hub.access.config import local_config
from hub.access.service import Access
from hub.access.store import DatabaseClientStore
from hub.access.token_keys import only
from hub.audit.service import Audit
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.edge import Application
from hub.graphql.endpoint import PATH, GraphQLEndpoint
from hub.graphql.hooks import ServiceFacts
from hub.graphql.service import Engine, Parts
from hub.ledger.attestation_verdict import verify_attestation
from hub.ledger.claims_proof import verify_claims
from hub.ledger.keys import parse_keys
from hub.ledger.verdict import Word
from hub.query.plan.documents import document_named
from hub.state import MemoryState
from hub.vouchers.attested.endpoint import KEYS_PATH, AttestationEndpoints
from hub.vouchers.served import ServedVouchers
from tests.integration.vouchers.claimed_service import (
    CLAIM,
    HOLDER,
    ISSUER,
    PROVIDER,
    SERVICE,
    ClaimedService,
    at_noon,
    claimed_service,
)
from tests.ordering import Partners

pytestmark = pytest.mark.integration
SCOPES = ("catalogue:read", "graphql:adhoc", "voucher:verify")
ASKED = {"issuer": ISSUER, "code": CLAIM.code, "claimNo": "A"}
FILE = f"/attestations/{ISSUER}/{CLAIM.code}/A"
PROOF = """query ($service: String!, $day: Date!) {
  claimsProof(service: $service, day: $day) { text isClaimed refused } }"""


class Doors:
    """A hub's doors over one claim, and clients before them."""

    def __init__(self, world: ClaimedService) -> None:
        database = world.database
        state, store = MemoryState(system_clock), DatabaseClientStore(database)
        keys = only(world.key, system_clock)
        access = Access(local_config(8000), generate_key(), store, state, system_clock)
        parts = Parts(
            facts=ServiceFacts(version="1", standard_version="1", sandbox=True),
            state=state,
            vouchers=ServedVouchers(messages=world.desk, attesting=world.attesting),
            audit=(audit := Audit(database, system_clock)),
        )
        endpoint = GraphQLEndpoint(Engine(database, system_clock, parts), access)
        agreements = Agreements(database, system_clock)
        files = AttestationEndpoints(world.attesting, access, agreements, audit, keys)
        routes = Starlette(routes=[*access.routes(), *files.routes()])
        transport = httpx.ASGITransport(Application({PATH: endpoint}, routes))
        self.world, self.transport = world, transport
        self.partners = Partners(database, store, transport, {}, None)
        self._clients: dict[tuple[str, tuple[str, ...]], Any] = {}

    async def of(self, party: str, scopes: tuple[str, ...] = SCOPES) -> Any:
        if (party, scopes) not in self._clients:
            name = f"{party}-{len(self._clients)}".replace(":", "-").lower()
            self._clients[party, scopes] = await self.partners.client(name, party, scopes)
        return self._clients[party, scopes]

    async def ask(self, party: str, name: str, **variables: Any) -> dict[str, Any]:
        text = PROOF if name == "claims_proof" else document_named(name)
        answer: dict[str, Any] = await (await self.of(party)).query(text, variables or ASKED)
        return answer


@pytest.fixture
async def doors(database: Any, tmp_path: Path) -> Any:
    made = Doors(await claimed_service(database, tmp_path))
    yield made
    for each in made.partners.opened:
        await each.__aexit__(None, None, None)


async def test_what_the_interface_gives_is_verified_offline_with_the_keys_that_it_publishes(
    doors: Doors,
) -> None:
    world = doors.world
    told = (await doors.ask(ISSUER, "attestation"))["data"]["attestation"]
    assert (told["refused"], told["validUntil"]) == (None, "2026-08-08")
    assert {each["result"] for each in told["checks"]} == {"PASS"}
    async with httpx.AsyncClient(transport=doors.transport, base_url="http://127.0.0.1") as client:
        published = await client.get(KEYS_PATH)
    keys = parse_keys(published.content)
    found = verify_attestation(told["text"].encode(), world.policy, keys, now=world.time())
    assert found.word is Word.VALID_UNWITNESSED
    file = await (await doors.of(HOLDER)).relay("GET", FILE, {}, b"")
    assert file.status_code == 200
    again = verify_attestation(file.content, world.policy, keys, now=world.time())
    assert again.attested == found.attested


async def test_the_state_now_and_a_day_are_told_to_who_may_know(doors: Doors) -> None:
    told = (await doors.ask(PROVIDER, "claim_state"))["data"]["claimState"]
    assert (told["state"], told["voucherFen"], told["heldFor"]) == ("CONSUMED", 800_000, [])
    assert (told["home"], told["lookedUpAt"]) == ("hub.delta.example", "2026-05-10T04:00:00Z")
    doors.world.time.now = at_noon("2026-05-11")
    await doors.world.map_days()
    day = {"service": SERVICE, "day": "2026-05-10"}
    proof = (await doors.ask(HOLDER, "claims_proof", **day))["data"]["claimsProof"]
    assert (proof["isClaimed"], proof["refused"]) == (True, None)
    assert verify_claims(proof["text"].encode(), doors.world.policy).mark is not None
    later = {**day, "day": "2026-05-12"}
    none = (await doors.ask(HOLDER, "claims_proof", **later))["data"]["claimsProof"]
    assert none == {"text": None, "isClaimed": None, "refused": "NO_MAP"}


async def test_a_stranger_and_a_client_without_the_scope_get_nothing(doors: Doors) -> None:
    for name in ("attestation", "claim_state"):
        answer = await doors.ask("moe:10246", name)
        assert [each["extensions"]["code"] for each in answer["errors"]] == ["NOT_FOUND"]
        narrow = await doors.of(HOLDER, ("catalogue:read", "graphql:adhoc"))
        refused = await narrow.query(document_named(name), ASKED)
        assert [each["extensions"]["code"] for each in refused["errors"]] == ["SCOPE_MISSING"]
    stranger = await doors.of("moe:10246")
    assert (await stranger.relay("GET", FILE, {}, b"")).status_code == 404
    assert (await narrow.relay("GET", FILE, {}, b"")).status_code == 403


async def test_a_file_that_cannot_be_given_says_why(doors: Doors) -> None:
    doors.world.checks.is_known = False
    refused = await (await doors.of(HOLDER)).relay("GET", FILE, {}, b"")
    assert refused.status_code == 409
    assert "NOT_VALID" in refused.text
    told = (await doors.ask(HOLDER, "attestation"))["data"]["attestation"]
    assert (told["text"], told["refused"]) == (None, "NOT_VALID")
    assert told["checks"][0] == {
        "code": "STATUS",
        "result": "UNKNOWN",
        "missing": "STATUS",
        "parameter": None,
    }


async def test_who_got_an_attestation_is_in_the_audit(doors: Doors) -> None:
    await (await doors.of(ISSUER)).relay("GET", FILE, {}, b"")
    await doors.ask(ISSUER, "attestation")
    rows = await doors.world.database.writes.fetch_all(
        "SELECT action, party FROM audit WHERE kind = 'READ' ORDER BY audit_id"
    )
    assert len(rows) == 2
    assert rows[0] == (f"attestation {ISSUER}/{CLAIM.code}/A", ISSUER)

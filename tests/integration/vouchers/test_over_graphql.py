"""Vouchers over `/graphql`: signed, scoped, and each party told what is its own."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from hub.access.agreements import Agreements
from hub.access.clients import KeyRole
from hub.access.config import local_config
from hub.access.service import Access
from hub.access.store import DatabaseClientStore
from hub.audit.service import Audit
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.edge import Application
from hub.graphql.endpoint import PATH, GraphQLEndpoint
from hub.graphql.hooks import ServiceFacts
from hub.graphql.service import Engine, Parts
from hub.harvest.source import HarvestSource
from hub.policy.law import current_law
from hub.policy.vouchers.corrections import TOLD, VoucherFound
from hub.state import MemoryState
from hub.store.database import Database
from hub.vouchers.between.advance_checks import AdvanceChecks
from hub.vouchers.between.ring import ClaimRing
from hub.vouchers.cases.case_desk import VoucherCaseDesk
from hub.vouchers.fast_track import FastTracks
from hub.vouchers.followed.findings import VoucherAbout, VoucherFindings
from hub.vouchers.followed.kept_claims import KeptClaims
from hub.vouchers.served import ServedVouchers
from schema.codes import VoucherFindingKind
from tests.integration.vouchers.voucher_world import (
    CODE,
    HOLDER,
    HUB,
    ISSUER,
    PROVIDER,
    VoucherWorld,
    grant,
)
from tests.ordering import Partners, sent

pytestmark = pytest.mark.integration
SCOPES = ("catalogue:read", "graphql:adhoc", "voucher:claim", "voucher:verify")
PAYLOAD = """{ claimNo state fen balance { available reserved consumed settled } refused missing
  heldFor checks { code result missing parameter } replayed userErrors { code message } }"""
VERIFY = (
    "query ($service: String!) { verifyService(issuer: "
    f'"{ISSUER}", code: "{CODE}", service: $service, fen: 100000)'
    " { verdict inLog chargeFen checks { code result } } }"
)
CLAIM = {"issuer": ISSUER, "code": CODE, "claimNo": "A"}
RESERVE = {
    **CLAIM,
    "fen": 300_000,
    "provider": PROVIDER,
    "plannedFrom": "2026-05-04",
    "plannedUntil": "2026-05-04",
}
SERVICE = f"{PROVIDER}/TEM-1/A"


def mutation(name: str, kind: str = "VoucherClaimInput") -> str:
    return f"mutation ($input: {kind}!) {{ {name}(input: $input) {PAYLOAD} }}"


class Office:
    """Clients of a hub that keeps the money of one issuer's vouchers."""

    def __init__(self, partners: Partners) -> None:
        self.partners = partners
        self.clients: dict[str, Any] = {}
        self.sent = 0

    async def say(
        self,
        party: str,
        name: str,
        given: dict[str, Any],
        *,
        kind: str = "VoucherClaimInput",
        key: str | None = None,
    ) -> dict[str, Any]:
        self.sent += 1
        answer = await sent(
            await self.of(party), mutation(name, kind), given, key or f"key-{self.sent}"
        )
        told: dict[str, Any] = answer["data"][name]
        return told

    async def of(self, party: str, scopes: tuple[str, ...] = SCOPES) -> Any:
        name = f"{party}-{len(scopes)}"
        if name not in self.clients:
            made = await self.partners.client(name.replace(":", "-").lower(), party, scopes)
            self.clients[name] = made
        return self.clients[name]


async def no_hubs() -> dict[str, HarvestSource]:
    """Return the hubs that this one knows: none."""
    return {}


@pytest.fixture
async def office(database):
    await grant(database, CODE)
    world = VoucherWorld(database)
    state, store = MemoryState(system_clock), DatabaseClientStore(database)
    access = Access(local_config(8000), generate_key(), store, state, system_clock)
    parts = Parts(
        facts=ServiceFacts(version="1", standard_version="1", sandbox=True),
        state=state,
        vouchers=ServedVouchers(
            messages=world.desk,
            tracks=FastTracks(
                database=database,
                desk=world.desk,
                checks=world.services,
                claims=KeptClaims(database, frozenset({ISSUER})),
                law=current_law(),
                clock=world.time,
                party=HUB,
            ),
            cases=VoucherCaseDesk(database, Agreements(database, system_clock), world.desk.issuers),
            advance=AdvanceChecks(
                database,
                world.services,
                ClaimRing(no_hubs),
                Audit(database, system_clock),
                world.time,
            ),
        ),
    )
    endpoint = GraphQLEndpoint(Engine(database, system_clock, parts), access)
    transport = httpx.ASGITransport(
        Application({PATH: endpoint}, Starlette(routes=access.routes()))
    )
    partners = Partners(database, store, transport, {}, None)
    yield Office(partners)
    for each in partners.opened:
        await each.__aexit__(None, None, None)


async def test_a_claim_goes_its_way_and_each_party_sees_its_part(office: Office) -> None:
    reserve = {"kind": "ReserveVoucherInput"}
    reserved = await office.say(HOLDER, "reserveVoucher", RESERVE, key="one", **reserve)
    assert (reserved["state"], reserved["userErrors"]) == ("RESERVED", [])
    assert reserved["balance"]["available"] == 1_700_000
    again = await office.say(HOLDER, "reserveVoucher", RESERVE, key="one", **reserve)
    assert (again["replayed"], again["state"]) == (True, "RESERVED")
    consumed = await office.say(
        PROVIDER, "consumeVoucher", {**CLAIM, "fen": 300_000, "service": SERVICE}
    )
    assert (consumed["state"], consumed["balance"]) == ("CONSUMED", None)
    assert {each["result"] for each in consumed["checks"]} == {"PASS"}
    assert (await office.say(PROVIDER, "submitClaim", CLAIM))["state"] == "SUBMITTED"
    decide = {"kind": "DecideClaimInput"}
    for decision in ("COUNTY", "CITY"):
        told = await office.say(ISSUER, "decideClaim", {**CLAIM, "decision": decision}, **decide)
        assert told["state"] == f"{decision}_OK"
    settled = await office.say(ISSUER, "settleClaim", {**CLAIM, "fen": 300_000})
    assert settled["balance"] == {
        "available": 1_700_000,
        "reserved": 0,
        "consumed": 0,
        "settled": 300_000,
    }


async def test_who_may_not_is_told_and_nothing_moves(office: Office) -> None:
    reserve = {"kind": "ReserveVoucherInput"}
    await office.say(HOLDER, "reserveVoucher", RESERVE, **reserve)
    told = await office.say(
        PROVIDER, "decideClaim", {**CLAIM, "decision": "REJECT"}, kind="DecideClaimInput"
    )
    assert [each["code"] for each in told["userErrors"]] == ["FORBIDDEN"]
    told = await office.say(HOLDER, "reserveVoucher", {**RESERVE, "issuer": "moe:9"}, **reserve)
    assert [each["code"] for each in told["userErrors"]] == ["NOT_FOUND"]
    reader = await office.of(HOLDER, ("catalogue:read", "graphql:adhoc"))
    answer = await sent(reader, mutation("submitClaim"), CLAIM, "key")
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["SCOPE_MISSING"]


async def test_a_service_is_checked_beforehand_by_its_parties(office: Office) -> None:
    reserve = {"kind": "ReserveVoucherInput"}
    await office.say(HOLDER, "reserveVoucher", RESERVE, **reserve)
    answer = await (await office.of(PROVIDER)).query(VERIFY, {"service": SERVICE})
    found = answer["data"]["verifyService"]
    assert (found["verdict"], found["inLog"], found["chargeFen"]) == ("VALID", True, 2_000_000)
    stranger = await (await office.of("moe:10246")).query(VERIFY, {"service": SERVICE})
    assert stranger["data"]["verifyService"] is None
    assert [each["extensions"]["code"] for each in stranger["errors"]] == ["NOT_FOUND"]


async def test_graphql_core_would_answer_the_same(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = mutation("reserveVoucher", "ReserveVoucherInput")
    decide = mutation("decideClaim", "DecideClaimInput")
    consume = {**CLAIM, "fen": 300_000, "service": SERVICE}
    said = [
        (HOLDER, reserve, {**RESERVE, "issuer": "moe:9"}),
        (HOLDER, reserve, {**RESERVE, "idempotencyKey": "another"}),
        (HOLDER, reserve, {**RESERVE, "plannedFrom": "2026-02-30"}),
        (HOLDER, reserve, {**RESERVE, "fen": "300000"}),
        (PROVIDER, mutation("consumeVoucher"), consume),
        (HOLDER, reserve, RESERVE),
        (PROVIDER, mutation("consumeVoucher"), {**consume, "fen": 400_000}),
        (PROVIDER, mutation("consumeVoucher"), consume),
        (PROVIDER, decide, {**CLAIM, "decision": "REJECT"}),
        (ISSUER, decide, {**CLAIM, "decision": "REJECT", "reason": ""}),
        (ISSUER, mutation("settleClaim"), CLAIM),
        (HOLDER, mutation("releaseClaim"), CLAIM),
    ]

    async def told(number: int) -> Any:
        party, document, given = said[number]
        answer = await sent(await office.of(party), document, given, f"both-{number}")
        del answer["extensions"]["requestId"]
        answer["extensions"].get("cost", {}).pop("remaining", None)
        return answer

    for number in range(len(said)):
        await told(number)
        here = await told(number)
        with monkeypatch.context() as patched:
            patched.setattr("hub.graphql.service.plain_field", lambda _: None)
            assert await told(number) == here, said[number]
    client = await office.of(PROVIDER)
    here = await client.query(VERIFY, {"service": SERVICE})
    monkeypatch.setattr("hub.graphql.service.plain_field", lambda _: None)
    there = await client.query(VERIFY, {"service": SERVICE})
    assert here["data"] == there["data"]
    assert here["data"]["verifyService"]["checks"]


FIRST = "{ issuer code claimNo entryId }"


async def test_who_may_see_it_is_told_of_the_first_claim_and_nobody_else(office: Office) -> None:
    reserve = {"kind": "ReserveVoucherInput"}
    other = "moe:10246"
    await office.say(HOLDER, "reserveVoucher", {**RESERVE, "fen": 100_000}, **reserve)
    consume = {**CLAIM, "fen": 100_000, "service": SERVICE}
    assert (await office.say(PROVIDER, "consumeVoucher", consume))["state"] == "CONSUMED"
    for number, provider in (("B", PROVIDER), ("C", other)):
        wanted = {**RESERVE, "fen": 100_000, "claimNo": number, "provider": provider}
        assert (await office.say(HOLDER, "reserveVoucher", wanted, **reserve))["state"]

    document = (
        "mutation ($input: VoucherClaimInput!) { consumeVoucher(input: $input) "
        f"{{ state refused firstClaim {FIRST} }} }}"
    )
    reading = (*SCOPES, "voucher:read")

    async def told(party: str, number: str, scopes: tuple[str, ...]) -> dict[str, Any]:
        office.sent += 1
        given = {**consume, "claimNo": number}
        client = await office.of(party, scopes)
        said: dict[str, Any] = await sent(client, document, given, f"first-{office.sent}")
        payload: dict[str, Any] = said["data"]["consumeVoucher"]
        return payload

    seen = await told(PROVIDER, "B", reading)
    assert (seen["state"], seen["refused"]) == (None, "ALREADY_CLAIMED")
    first = seen["firstClaim"]
    assert (first["issuer"], first["code"], first["claimNo"]) == (ISSUER, CODE, "A")
    assert int(first["entryId"]) > 0
    unseen = {"state": None, "refused": "ALREADY_CLAIMED", "firstClaim": None}
    assert await told(PROVIDER, "B", SCOPES) == unseen, "without the scope of claims"
    assert await told(other, "C", reading) == unseen, "another institution's claim"

    asked = VERIFY.replace("verdict", f"firstClaim {FIRST} verdict")
    for party, scopes, expected in (
        (HOLDER, reading, first),
        (PROVIDER, SCOPES, None),
    ):
        answer = await (await office.of(party, scopes)).query(asked, {"service": SERVICE})
        assert answer["data"]["verifyService"]["firstClaim"] == expected
    own = asked.replace("fen: 100000", 'fen: 100000, claimNo: "A"')
    answer = await (await office.of(HOLDER, reading)).query(own, {"service": SERVICE})
    assert answer["data"]["verifyService"]["firstClaim"] is None, "it does not meet itself"


FAST_TRACK = (
    f'{{ claimFastTrack(issuer: "{ISSUER}", code: "{CODE}", claimNo: "A")'
    " { state ready wanting dueOn checks { code } } }"
)


async def test_what_the_fast_track_lacks_is_told_to_the_parties(office: Office) -> None:
    reserve = {"kind": "ReserveVoucherInput"}
    await office.say(HOLDER, "reserveVoucher", RESERVE, **reserve)
    answer = await (await office.of(HOLDER)).query(FAST_TRACK)
    assert answer["data"]["claimFastTrack"] == {
        "state": "RESERVED",
        "ready": False,
        "wanting": [
            *("ORDER", "BOOKED", "USED", "PAID", "RESULT", "REVIEWED"),
            *("IN_LOG", "CHECKS", "REGION"),
        ],
        "dueOn": None,
        "checks": [],
    }
    stranger = await (await office.of("moe:10246")).query(FAST_TRACK)
    assert stranger["data"]["claimFastTrack"] is None
    assert [each["extensions"]["code"] for each in stranger["errors"]] == ["NOT_FOUND"]


async def test_who_decides_about_a_claim_is_another_person_than_who_proposed_it(
    office: Office,
) -> None:
    decide = mutation("decideClaim", "DecideClaimInput")
    passed = {**CLAIM, "decision": "COUNTY"}
    await office.say(ISSUER, "reserveVoucher", RESERVE, kind="ReserveVoucherInput")
    await office.say(ISSUER, "consumeVoucher", {**CLAIM, "fen": 300_000, "service": SERVICE})
    assert (await office.say(ISSUER, "submitClaim", CLAIM))["state"] == "SUBMITTED"
    told = await office.say(ISSUER, "decideClaim", passed, kind="DecideClaimInput")
    assert [each["code"] for each in told["userErrors"]] == ["FORBIDDEN"]
    assert told["state"] is None
    proposer = await office.partners.client("clerk", ISSUER, SCOPES, KeyRole.PROPOSER)
    refused = (await sent(proposer, decide, passed, "clerk"))["data"]["decideClaim"]
    assert [each["code"] for each in refused["userErrors"]] == ["FORBIDDEN"]
    decider = await office.partners.client("head", ISSUER, SCOPES, KeyRole.DECIDER)
    done = (await sent(decider, decide, passed, "head"))["data"]["decideClaim"]
    assert (done["state"], done["userErrors"]) == ("COUNTY_OK", [])


CASES = """query ($text: String!) { voucherCases(text: $text) { isWhole cases {
  claimKey claimState claimFen voucherKey serviceKey heldFor { code } } } }"""
CASE = """query ($id: ID!) { voucherCase(id: $id) { stations { code missing { code } } fault
  records { recordType checks } balance { available reserved } lackingParameters isWhole } }"""


async def test_cases_are_for_who_may_see_them(office: Office) -> None:
    await office.say(HOLDER, "reserveVoucher", RESERVE, kind="ReserveVoucherInput")
    reads = ("catalogue:read", "graphql:adhoc", "voucher:read")
    key = f"{ISSUER}/{CODE}/A"
    for party in (HOLDER, ISSUER, PROVIDER):
        client = await office.of(party, reads)
        found = (await client.query(CASES, {"text": CODE}))["data"]["voucherCases"]
        assert found["isWhole"]
        (case,) = found["cases"]
        assert (case["claimKey"], case["claimState"]) == (key, "RESERVED")
        assert (case["claimFen"], case["heldFor"]) == (300_000, [])
        seen = (await client.query(CASE, {"id": key}))["data"]["voucherCase"]
        is_told = party != PROVIDER
        assert (seen["balance"] == {"available": 1_700_000, "reserved": 300_000}) is is_told
        assert (seen["fault"], seen["isWhole"]) == (None, True)
        kinds = [each["recordType"] for each in seen["records"]]
        assert kinds == ["Voucher", "VoucherClaim", "VoucherMovement"][not is_told :]
    stranger = await office.of("moe:10246", reads)
    assert (await stranger.query(CASES, {"text": CODE}))["data"]["voucherCases"]["cases"] == []
    assert (await stranger.query(CASE, {"id": key}))["data"]["voucherCase"] is None
    refused = await (await office.of(HOLDER)).query(CASES, {"text": CODE})
    assert [each["extensions"]["code"] for each in refused["errors"]] == ["SCOPE_MISSING"]
    wrong = await (await office.of(ISSUER, reads)).query(CASES, {"text": "x" * 501})
    assert [each["extensions"]["code"] for each in wrong["errors"]] == ["BAD_USER_INPUT"]


FINDINGS = "{ voucherFindings(first: 9) { nodes { number state fen evidence { entry } } } }"
READER = ("catalogue:read", "graphql:adhoc", "voucher:read")


async def test_a_finding_is_seen_by_issuer_holder_and_provider_alone(
    office: Office, database: Database
) -> None:
    about = VoucherAbout(issuer=ISSUER, code=CODE, claim_no="A", holder=HOLDER, provider=PROVIDER)
    findings = VoucherFindings(database, system_clock, HUB)
    found = (VoucherFound(kind=VoucherFindingKind.CLAW_BACK_DUE, fen=400_000),)
    assert await findings.tell(about, found, (1,), of=TOLD) == 1
    assert await findings.tell(about, found, (1,), of=TOLD) == 0
    for party, sees in ((ISSUER, 1), (HOLDER, 1), (PROVIDER, 1), ("moe:10246", 0)):
        answer = await (await office.of(party, READER)).query(FINDINGS)
        nodes = answer["data"]["voucherFindings"]["nodes"]
        assert len(nodes) == sees, party
        for each in nodes:
            assert each == {
                "number": "CLAW_BACK_DUE.A",
                "state": "OPEN",
                "fen": 400_000,
                "evidence": [{"entry": "1"}],
            }
    outsider = await office.of(ISSUER, ("catalogue:read", "graphql:adhoc"))
    answer = await outsider.query(FINDINGS)
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["SCOPE_MISSING"]

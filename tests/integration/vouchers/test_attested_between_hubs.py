"""A claim on a service of another hub is attested by both logs, with real hubs on either side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from hub.audit.service import Audit
from hub.cli.main import assemble
from hub.clock import system_clock
from hub.crypto.base64url import b64url
from hub.errors import ErrorCode, RefusedError
from hub.harvest.connections.trusted_log import TrustedLog
from hub.ledger.attestation import build_attestation
from hub.ledger.attestation_verdict import verify_attestation
from hub.ledger.leaf_proof import verify_leaf
from hub.ledger.note import WITNESS_KEY, Signer
from hub.ledger.proof import parse_tlog_proof
from hub.ledger.verdict import RefusedVerdictError, Word
from hub.policy.bounds import Missing
from hub.query.plan.documents import document_named
from hub.store.roles import READ
from hub.vouchers.attested.attestation_told import NotAttested
from hub.vouchers.between.errand_wire import grant_to_wire
from hub.vouchers.between.proving import ProvedService, ServiceAbroad, ServicesAbroad
from hub.vouchers.between.ring import ClaimRing, ErrandKind
from schema.canonical import canonical, parse_canonical
from tests.databases import Spares, as_owner, as_role
from tests.integration.vouchers.claim_hubs import ClaimHub, ClaimPlace, client_at
from tests.integration.vouchers.claimed_service import INVOICED
from tests.integration.vouchers.proved_hubs import (
    CLAIM,
    FEN,
    TwoHubs,
    pin,
    prepare_two,
    ring_of,
    run_two,
    trust,
    two_places,
)
from tests.integration.vouchers.test_stored_services import PROVIDER, SERVICE, record
from tests.integration.vouchers.voucher_world import HOLDER, ISSUER
from tests.running_hub import free_port

pytestmark = pytest.mark.integration
Places = tuple[tuple[ClaimPlace, ClaimPlace], tuple[Signer, Signer]]
ASKED = {"issuer": ISSUER, "code": "V-0", "claimNo": "A"}


@pytest.fixture(scope="module")
def places(spares: Spares, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    with spares.lent() as one, spares.lent() as two:
        made = two_places(tmp_path_factory.mktemp("proved"), (one, two), (free_port(), free_port()))
        yield made, asyncio.run(prepare_two(*made))


@pytest.fixture(scope="module")
async def running(places: Places) -> AsyncIterator[TwoHubs]:
    async with AsyncExitStack() as stack:
        yield await run_two(stack, *places)


@pytest.fixture
async def two(running: TwoHubs) -> TwoHubs:
    """The two hubs that run, with the service as it was claimed."""
    await running.as_claimed()
    return running


async def _last_audit(hub: ClaimHub) -> int:
    ((last,),) = await hub.rows("SELECT coalesce(max(audit_id), 0) FROM audit")
    return int(last)


def corrected(name: str, **members: Any) -> dict[str, Any]:
    return record(INVOICED[name]["type"], **{**INVOICED[name]["record"], **members})


async def test_it_is_attested_by_both_logs_and_by_one_alone_it_is_not_believed(
    two: TwoHubs,
) -> None:
    """The home of the service is asked once, tells no salt, and both hubs note for whom."""
    before = [await _last_audit(each.hub) for each in (two.paying, two.serving)]
    for party in (ISSUER, HOLDER, PROVIDER, None):
        told = await two.attest(party)
        assert told.text is not None, told
        found = verify_attestation(told.text, two.policy(), two.keys(), now=system_clock())
        assert (found.word, found.attested) == (Word.VALID_UNWITNESSED, told.attested)
    assert told.text is not None
    assert told.attested is not None
    assert told.attested.service_log is not None
    serving = two.serving.hub
    assert told.attested.service_log.origin == serving.place.origin
    assert (told.attested.origin, told.attested.voucher_fen) == (two.paying.hub.place.origin, FEN)
    assert len(told.text) < 4_000
    for log in (two.paying.signer, two.serving.signer):
        assert verify_attestation(told.text, trust(log), two.keys()).word is Word.BAD_LOG_SIG
    rows = await serving.database.reads.fetch_all("SELECT salt FROM entry_body")
    assert all(b64url(salt).encode() not in told.text for (salt,) in rows)
    assert b"S-1" not in told.text
    asked = await two.paying.hub.rows(
        "SELECT party FROM audit WHERE action = 'claim proof asked' AND audit_id > %s "
        "ORDER BY audit_id",
        before[0],
    )
    answered = await serving.rows(
        "SELECT detail -> 'for' ->> 'party' FROM audit WHERE action = 'claim proof answered' "
        "AND audit_id > %s ORDER BY audit_id",
        before[1],
    )
    hub_itself = f"hub:{two.paying.hub.place.origin}"
    assert asked == answered == [(each,) for each in (ISSUER, HOLDER, PROVIDER, hub_itself)]


async def test_no_digit_of_the_second_proof_can_be_another_one(two: TwoHubs) -> None:
    """Neither in the file, nor where the hub signs another one, nor in what it is sent."""
    told = await two.attest()
    assert told.text is not None
    assert told.attested is not None
    read, policy, keys = parse_canonical(told.text), two.policy(), two.keys()
    proof, claim = read["service"], read["claim"].encode()
    assert verify_leaf(proof.encode(), policy).origin == two.serving.hub.place.origin
    for at, each in enumerate(proof):
        if each.isascii() and each.isalnum():
            other = proof[:at] + ("B" if each == "A" else "A") + proof[at + 1 :]
            files = [canonical({**read, "service": other})]
            if at % 4 == 0:
                key = two.paying.hub.key
                files.append(build_attestation(told.attested, other.encode(), claim, key))
            for file in files:
                word = verify_attestation(file, policy, keys).word
                assert not word.is_valid, (at, word)
            with pytest.raises(RefusedVerdictError):
                verify_leaf(other.encode(), policy)


async def test_what_was_corrected_since_the_grant_is_told_as_of_a_service_of_ones_own(
    two: TwoHubs,
) -> None:
    serving, before = two.serving, await two.attest()
    await serving.state(corrected("service", userReference="R-2"))
    late = await two.attest()
    assert (late.text, late.refused) == (None, NotAttested.NOT_IN_LOG)
    await serving.sign()
    again = await two.attest()
    assert again.attested is not None, again
    assert before.attested is not None
    assert again.attested.service_commitment != before.attested.service_commitment
    lower = {"amount": "7999", "currency": "CNY"}
    await serving.state(corrected("service", charge=lower), corrected("order", charge=lower))
    await serving.sign()
    told = await two.attest()
    assert (told.text, told.refused) == (None, NotAttested.CORRECTED)
    await serving.state(corrected("order", userKey="moe:10246"))
    told = await two.attest()
    assert (told.text, told.refused) == (None, NotAttested.NOT_VALID)
    said = {"key": SERVICE, "reason": "stated twice"}
    await serving.state({"type": "ServiceRecord", "withdraw": said})
    with pytest.raises(RefusedError) as refused:
        await two.attest()
    assert refused.value.code is ErrorCode.NOT_FOUND


@dataclass(frozen=True)
class AnotherAnswer:
    """A hub whose log is pinned, and that answers otherwise than one of this program would."""

    ring: ClaimRing
    told: dict[str, Any]

    async def log_of(self, peer: str) -> TrustedLog | None:
        return await self.ring.log_of(peer)

    async def ask(self, peer: str, kind: ErrandKind, content: Mapping[str, Any]) -> dict[str, Any]:
        del peer, kind, content
        return self.told


def _with_proof(**members: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda told: {**told, "proof": {**told["proof"], **members}}


def _with_commitment(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, "given": {**told["given"], "commitment": "00" * 32}}


def _with_salt(told: dict[str, Any]) -> dict[str, Any]:
    """A whole receipt in place of the bare leaf is not passed on."""
    proof = parse_tlog_proof(told["proof"]["text"].encode())
    extra = canonical({**parse_canonical(proof.extra), "salt": "A" * 43})
    return _with_proof(text=replace(proof, extra=extra).encode().decode())(told)


WITNESS = Signer(
    "witness.example/w", Ed25519PrivateKey.from_private_bytes(sha256(b"w").digest()), WITNESS_KEY
)
SILENT = Missing("peer", "jiangsu")


OTHERWISE: tuple[tuple[Any, NotAttested | Missing], ...] = (
    (_with_commitment, NotAttested.SERVICE_UNPROVED),
    (_with_salt, NotAttested.SERVICE_UNPROVED),
    (_with_proof(text="no proof"), NotAttested.SERVICE_UNPROVED),
    (_with_proof(text="x" * 13_000), SILENT),
    (_with_proof(claimKey="AAAA"), SILENT),
    (_with_proof(text=None), SILENT),
    (lambda told: {**told, "proof": None}, SILENT),
    (lambda told: {**told, "attempt": "another"}, SILENT),
    (lambda _: {}, SILENT),
    (
        lambda _: {"missing": {"fact": "grant", "reason": "NOT_KEPT"}},
        Missing("grant", "NOT_KEPT"),
    ),
)


async def test_what_the_home_sends_is_believed_only_where_its_pinned_log_proves_it(
    two: TwoHubs,
) -> None:
    hub = two.paying.hub
    claim = await asker(hub, hub.ring).claim_of(CLAIM)
    assert claim is not None
    told = await hub.ring.ask(
        "jiangsu", ErrandKind.PROOF, grant_to_wire(claim.asked(HOLDER, ISSUER, "me"))
    )
    assert isinstance(await asked_by(hub, AnotherAnswer(hub.ring, told)), ProvedService)
    for change, why in OTHERWISE:
        assert await asked_by(hub, AnotherAnswer(hub.ring, change(told))) == why


def asker(hub: ClaimHub, ring: Any) -> ServicesAbroad:
    """Return what asks for a hub by a ring."""
    audit = Audit(hub.database, system_clock)
    return ServicesAbroad(hub.database, ring, audit, hub.place.origin)


async def asked_by(hub: ClaimHub, ring: Any) -> Any:
    """Return what a hub that asks by a ring gets as proof of the service, or why it gets none."""
    asking = asker(hub, ring)
    claim = await asking.claim_of(CLAIM)
    assert claim is not None
    told = await asking.ask(claim, HOLDER, ISSUER, "me")
    return told.proved if isinstance(told, ServiceAbroad) else told


async def test_the_pinned_log_decides_and_without_one_nobody_is_asked(
    two: TwoHubs, places: Places
) -> None:
    paying, serving = places[0]
    last = await _last_audit(two.serving.hub)
    stranger = Signer(serving.origin, Ed25519PrivateKey.generate())
    log = two.serving.signer
    for trusted, why in (
        (None, NotAttested.LOG_NOT_PINNED),
        (trust(stranger), NotAttested.SERVICE_UNPROVED),
        (trust(two.paying.signer), NotAttested.SERVICE_UNPROVED),
        (trust(log, witness=WITNESS), NotAttested.NOT_IN_LOG),
    ):
        pin(paying, serving, trusted)
        ring = ring_of(paying)
        assert await asked_by(two.paying.hub, ring) == why
        assert (await _last_audit(two.serving.hub) == last) is (trusted is None)
        await ring.aclose()
    pin(paying, serving, trust(log))


async def test_a_witness_must_have_seen_both_logs(two: TwoHubs) -> None:
    words = []
    for hub in (two.serving, two.paying):
        await hub.witnessed(WITNESS)
        told = await two.attest()
        assert told.text is not None
        found = verify_attestation(told.text, two.policy(WITNESS), two.keys(), now=system_clock())
        words.append((found.word, found.witnesses))
    assert words == [(Word.NO_QUORUM, ()), (Word.VALID, ("witness",))]


async def test_the_proof_is_for_the_hub_that_holds_the_grant(two: TwoHubs) -> None:
    answer = two.serving.hub.parts.errands.answer
    content = {"issuer": ISSUER, "code": "V-0", "claimNo": "A", "attempt": "guessed"}
    content |= {"service": SERVICE, "holder": "h", "party": "p", "client": "c"}
    of_it: dict[str, Any] = {**content, "fen": 1}
    told = await answer("hub-anhui", ErrandKind.PROOF, of_it)
    assert told["proof"].keys() == {"text", "claimKey"}
    none = {"missing": {"fact": "grant", "reason": "NOT_KEPT"}}
    for other in ({"claimNo": "B"}, {"service": f"{SERVICE}9"}, {"code": "V-1"}):
        assert await answer("hub-anhui", ErrandKind.PROOF, {**of_it, **other}) == none
    with pytest.raises(RefusedError) as refused:
        await answer("office-jiangsu", ErrandKind.PROOF, of_it)
    assert refused.value.code is ErrorCode.FORBIDDEN


async def test_interface_and_command_ask_the_home_and_a_silent_one_is_missing(
    two: TwoHubs, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = places[0][0]
    async with client_at(place, f"office-{place.name}") as client:
        told = (await client.query(document_named("attestation"), ASKED))["data"]["attestation"]
        assert (told["refused"], told["missing"]) == (None, None), told
        keys = two.keys()
        found = verify_attestation(told["text"].encode(), two.policy(), keys, now=system_clock())
        assert found.word is Word.VALID_UNWITNESSED
        two.serving.hub.is_silent = True
        try:
            answer = await client.query(document_named("attestation"), ASKED)
        finally:
            two.serving.hub.is_silent = False
        told = answer["data"]["attestation"]
        assert (told["text"], told["refused"], told["missing"]) == (None, None, "peer")
    _as_operator(place, tmp_path, monkeypatch)
    code, said = await deltahub(*ATTEST)
    lacking = "没有证明 no attestation: NOT_VALID"  # no register of businesses speaks here
    assert (code, said.splitlines()[0]) == (1, lacking)
    assert "  CHAIN PASS" in said, "what the home of the service knows was asked for"
    pin(*places[0], None)
    code, said = await deltahub(*ATTEST)
    pin(*places[0], trust(two.serving.signer))
    assert (code, "names its policy" in said) == (1, True), said


def _as_operator(place: ClaimPlace, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let commands work on the hub of a place."""
    for name, value in {
        "HUB_DATABASE_URL": place.url,
        "HUB_DATABASE_READ_URL": as_role(place.url, READ),
        "HUB_DATABASE_OWNER_URL": as_owner(place.url),
        "HUB_DATA_DIR": str(folder),
        "HUB_SOURCE_SECRETS_DIR": str(Path(place.folder) / "sources"),
        "HUB_LOG_ORIGIN": place.origin,
    }.items():
        patch.setenv(name, value)
    patch.chdir(folder)


ATTEST = ("voucher", "attest", "--issuer", ISSUER, "--code", "V-0", "--claim", "A")


async def deltahub(*arguments: str) -> tuple[int, str]:
    """Give a command, while the hubs go on in this thread."""

    def run() -> tuple[int, str]:
        done = CliRunner().invoke(assemble(arguments[0]), list(arguments))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.stdout  # without what is logged

    return await asyncio.to_thread(run)


async def test_a_finance_office_verifies_the_file_by_a_policy_that_names_both_logs(
    two: TwoHubs, tmp_path: Path
) -> None:
    told, hub = await two.attest(), two.paying.hub
    assert told.text is not None
    file, keys = tmp_path / "attestation.json", tmp_path / "keys.json"
    file.write_bytes(told.text)
    keys.write_bytes(await hub.attesting.keys_to_pin([(hub.key.public, 0)]))
    words = []
    for trusted in (two.policy(), trust(two.paying.signer)):
        policy = tmp_path / "policy.txt"
        policy.write_bytes(trusted.encode())
        words.append(
            await deltahub("verify", str(file), "--policy", str(policy), "--keys", str(keys))
        )
    assert [(code, said.splitlines()[0]) for code, said in words] == [
        (0, "VALID_UNWITNESSED"),
        (1, "BAD_LOG_SIG"),
    ]

"""The evidence pack: the same bytes for the same log, and every receipt in it verifies offline."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import httpx
import pytest
from starlette.applications import Starlette
from typer.testing import CliRunner

from hub.access.agreements import Agreements
from hub.access.config import local_config
from hub.access.service import Access
from hub.access.store import DatabaseClientStore
from hub.audit.service import Audit
from hub.cli.main import assemble
from hub.clock import Clock, system_clock
from hub.crypto.keys import generate_key
from hub.errors import RefusedError
from hub.ledger.endpoint import LogEndpoints
from hub.ledger.log_files import log_signer
from hub.ledger.policy import NONE, Policy
from hub.ledger.sequencer import Sequencer
from hub.receipts.endpoint import ProofEndpoints
from hub.state import MemoryState
from hub.store.database import Database
from hub.vouchers.cases.case_desk import VoucherCaseDesk
from hub.vouchers.cases.pack import pack_bytes
from hub.vouchers.cases.pack_endpoint import PackEndpoint
from hub.vouchers.cases.pack_page import CHINESE
from hub.vouchers.cases.packing import collect, proving_all
from hub.vouchers.cases.sight import RecordSight
from tests.integration.vouchers.case_world import (
    INSTRUMENT,
    PROVIDER,
    SERVICE,
    STATED,
    build_cases,
    state_more,
    supervised,
    supervision,
)
from tests.integration.vouchers.voucher_world import CODE, HOLDER, ISSUER, grant
from tests.ordering import Partners
from tests.running_hub import environment

pytestmark = pytest.mark.integration
ORIGIN = "hub.delta.example/records"
CLAIM = f"{ISSUER}/{CODE}/A"
SCOPES = ("catalogue:read", "service:read", "voucher:read", "receipt:read", "customs:read")
KINDS = [
    *("ServiceOrder", "UsageRecord", "PowerDay", "ServiceRecord", "ServiceOffer"),
    *("Instrument", "ProviderRegistration", "RelationStatement", "Voucher", "VoucherClaim"),
    *("VoucherMovement",) * 3,
]


class Packer:
    """A log over the cases, and packs of it."""

    def __init__(self, database: Database, url: str, folder: Path) -> None:
        self.database, self.url, self.folder = database, url, folder
        self.signer = log_signer(ORIGIN, folder / "keys")
        self.policy = Policy((self.signer.key,), {}, {}, NONE)
        self.log = LogEndpoints(database, self.signer.key, self.policy)

    async def sign(self, clock: Clock = system_clock) -> None:
        folder = self.folder / "log"
        folder.mkdir(exist_ok=True)
        await Sequencer(self.url, self.signer, clock, folder).catch_up()

    async def pack(
        self,
        identity: str,
        at: datetime = STATED,
        *,
        language: str = CHINESE,
        scopes: Collection[str] | None = None,
    ) -> bytes | None:
        """Make a pack as the operator, or with these scopes alone."""
        desk = VoucherCaseDesk(
            self.database, Agreements(self.database, lambda: at), frozenset({ISSUER})
        )
        sight = RecordSight.of_operator(self.database.records.registry)
        if scopes is not None:
            sight = replace(sight, scopes=frozenset(scopes))
        prove = proving_all(self.database, self.policy)
        made = await collect(desk, sight, identity, prove, self.log.policy_file, language)
        return None if made is None else pack_bytes(made)

    def by_command(self, identity: str, to: Path) -> subprocess.CompletedProcess[str]:
        settings = {"HUB_DATA_DIR": str(self.folder), "HUB_LOG_ORIGIN": ORIGIN}
        command = ["voucher", "pack", identity, "--to", str(to)]
        return subprocess.run(
            [sys.executable, "-c", "from hub.cli.main import main; main()", *command],
            env={**environment(self.url), **settings, "HUB_VOUCHER_ISSUERS": ISSUER},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
async def packer(database: Database, database_url: str, tmp_path: Path) -> Packer:
    await build_cases(database)
    made = Packer(database, database_url, tmp_path)
    await made.sign()
    return made


def opened(data: bytes | None) -> ZipFile:
    assert data is not None
    return ZipFile(BytesIO(data))


async def test_the_same_log_gives_the_same_bytes_whoever_makes_them_and_when(
    packer: Packer, tmp_path: Path
) -> None:
    first = await packer.pack(CLAIM)
    assert first is not None
    assert await packer.pack(CLAIM, STATED + timedelta(days=400)) == first
    to = tmp_path / "pack.zip"
    done = packer.by_command(CLAIM, to)
    assert done.returncode == 0, done.stderr
    assert to.read_bytes() == first, "another process, another clock"
    assert sha256(first).hexdigest() in done.stdout
    await packer.sign(lambda: datetime(2027, 1, 1, tzinfo=UTC))
    assert await packer.pack(CLAIM) == first, "nothing new was signed"
    assert await packer.pack(SERVICE) == first, "the service is of the same case"


async def test_every_receipt_of_a_pack_verifies_offline(packer: Packer, tmp_path: Path) -> None:
    pack = opened(await packer.pack(CLAIM))
    assert {info.compress_type for info in pack.infolist()} == {ZIP_STORED}
    assert {info.date_time for info in pack.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    folder = tmp_path / "elsewhere"
    pack.extractall(folder)
    for line in (folder / "SHA256SUMS").read_text("utf-8").splitlines():
        digest, name = line.split("  ")
        assert sha256((folder / name).read_bytes()).hexdigest() == digest
    receipts = sorted((folder / "receipts").iterdir())
    assert [each.stem.partition("-")[2] for each in receipts] == KINDS
    verify, policy = assemble("verify"), str(folder / "policy.txt")
    for receipt in receipts:
        record = folder / "records" / f"{receipt.stem}.json"
        said = CliRunner().invoke(verify, ["verify", str(receipt), str(record), "--policy", policy])
        assert (said.exit_code, said.output.split()[0]) == (0, "VALID_UNWITNESSED"), said.output
    wrong = ["verify", str(receipts[0]), str(folder / "records" / f"{receipts[1].stem}.json")]
    assert CliRunner().invoke(verify, [*wrong, "--policy", policy]).exit_code == 1
    page = (folder / "index.html").read_text("utf-8")
    for said in ("订单", "登记与声明", "voucher.rate", "玉环市", "4,000.00 CNY", "大学"):
        assert said in page
    assert sha256((folder / "policy.txt").read_bytes()).hexdigest() in page
    for receipt in receipts:
        assert f"receipts/{receipt.name} records/{receipt.stem}.json --policy policy.txt" in page


async def test_a_pack_is_written_in_one_language(packer: Packer) -> None:
    chinese, english = (
        opened(await packer.pack(CLAIM)),
        opened(await packer.pack(CLAIM, language="en")),
    )
    differ = {name for name in chinese.namelist() if chinese.read(name) != english.read(name)}
    assert differ == {"index.html", "SHA256SUMS"}, "the evidence is the same"
    page = {"zh": chinese.read("index.html").decode(), "en": english.read("index.html").decode()}
    for zh, en in (
        ("登记与声明", "Registration and statement"),
        ("已申请兑付", "Submitted for settlement"),
        ("已入日志", "in the log"),
        ("机时（小时）", "Hour of machine time"),
    ):
        assert (zh in page["zh"], en in page["zh"]) == (True, False), zh
        assert (zh in page["en"], en in page["en"]) == (False, True), en
    with pytest.raises(RefusedError):
        await packer.pack(CLAIM, language="fr")


async def test_customs_records_are_in_the_pack_of_whoever_may_see_them(packer: Packer) -> None:
    await state_more(packer.database, [supervised(), *supervision()])
    await packer.sign()
    whole = opened(await packer.pack(CLAIM)).namelist()
    assert "records/007-CustomsSupervision.json" in whole
    assert "receipts/008-CustomsApproval.tlog-proof" in whole
    narrow = opened(await packer.pack(CLAIM, scopes=set(SCOPES) - {"customs:read"}))
    assert not any("Customs" in name for name in narrow.namelist())
    page = narrow.read("index.html").decode()
    assert "海关记录不向您出示" in page
    assert f"大学 {PROVIDER}" in page, "who can be asked"


async def test_what_is_missing_is_named_and_what_is_not_signed_yet(packer: Packer) -> None:
    lone = await packer.pack(f"{INSTRUMENT}/O-9", language="en")
    page = opened(lone).read("index.html").decode()
    for said in (
        "no service record",
        "the order has no step Paid",
        "no claim",
        "which day's parameters",
    ):
        assert said.replace("'", "&#x27;") in page
    assert await packer.pack("no/such/key") is None
    await grant(packer.database, "ZJ-NEW")
    pack = opened(await packer.pack(f"{ISSUER}/ZJ-NEW", language="en"))
    assert "the log has not signed for it yet" in pack.read("index.html").decode()
    assert not any(name.startswith(("records/", "receipts/")) for name in pack.namelist())
    await packer.sign()
    signed = opened(await packer.pack(f"{ISSUER}/ZJ-NEW"))
    assert "records/001-Voucher.json" in signed.namelist()


async def test_over_http_a_caller_gets_what_it_could_fetch_receipt_by_receipt(
    packer: Packer,
) -> None:
    database, state = packer.database, MemoryState(system_clock)
    store = DatabaseClientStore(database)
    access = Access(local_config(8000), generate_key(), store, state, system_clock)
    agreements, audit = Agreements(database, system_clock), Audit(database, system_clock)
    proofs = ProofEndpoints(database, access, agreements, packer.policy)
    desk = VoucherCaseDesk(database, agreements, frozenset({ISSUER}))
    door = PackEndpoint(desk, access, proofs, packer.log.policy_file, audit)
    routes = [*access.routes(), *door.routes()]
    partners = Partners(database, store, httpx.ASGITransport(Starlette(routes=routes)), {}, None)
    operator = RecordSight.of_operator(database.records.registry)
    seen = await desk.look(operator, CLAIM)
    assert seen is not None
    assert seen.found.claim is not None
    path = f"/vouchers/pack/{seen.found.claim['item_id']}"
    answers = {}
    for name, party, scopes in (
        ("holder", HOLDER, SCOPES),
        ("office", ISSUER, SCOPES),
        ("stranger", "moe:10246", SCOPES),
        ("narrow", HOLDER, SCOPES[:3]),
    ):
        client = await partners.client(name, party, scopes)
        answers[name] = await client.relay("GET", path, {}, b"")
    assert {name: each.status_code for name, each in answers.items()} == {
        "holder": 200,
        "office": 200,
        "stranger": 404,
        "narrow": 403,
    }
    english = await partners.opened[0].relay("GET", f"{path}?lang=en", {}, b"")
    assert "What is missing" in opened(english.content).read("index.html").decode()
    french = await partners.opened[0].relay("GET", f"{path}?lang=fr", {}, b"")
    assert french.status_code == 400
    names = {name: opened(answers[name].content).namelist() for name in ("holder", "office")}
    assert sum(each.startswith("records/") for each in names["holder"]) == len(KINDS) - 2
    office = {each.partition("-")[2] for each in names["office"] if each.startswith("records/")}
    assert office == {f"{kind}.json" for kind in KINDS[5:]} - {"RelationStatement.json"}
    read = await database.reads.fetch_all("SELECT count(*) FROM audit")
    assert read[0][0] >= len(names)
    for each in partners.opened:
        await each.__aexit__(None, None, None)

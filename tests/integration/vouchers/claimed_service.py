"""A service of the store that was claimed on a voucher, in a log that signs; and who attests it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.access.agreements import Agreements
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.customs.service import CustomsDesk
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.linking import state_as_operator
from hub.intake.service import submit
from hub.ledger.keys import PinnedKey, ProducerKeys
from hub.ledger.note import Signer
from hub.ledger.policy import NONE, Policy
from hub.ledger.sequencer import Sequencer
from hub.policy.vouchers.checks import CheckCode, CheckResult, CheckTold, VoucherVerdict
from hub.policy.vouchers.claim import VoucherStanding
from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from hub.store.side_by_side import SideBySide
from hub.store.sources import register_source
from hub.vouchers.attested.attesting import AttestationDesk
from hub.vouchers.marks import ClaimName
from hub.vouchers.money.ledger import KeptVoucher
from hub.vouchers.question import GivenService, ServiceChecked, VoucherTold, VoucherWanted
from hub.vouchers.service import VoucherDesk
from hub.vouchers.services.stored import StoredServices
from tests.integration.vouchers.test_stored_services import (
    PROVIDER,
    SERVICE,
    VOUCHER,
    changed,
    record,
)
from tests.integration.vouchers.voucher_world import (
    CODE,
    HOLDER,
    HUB,
    ISSUER,
    SPRING,
    VoucherWorld,
)
from tests.unit.policy.voucher_case import law

ORIGIN = HUB.removeprefix("hub:")
BASE = "https://hub.delta.example"
CLAIM = ClaimName(ISSUER, CODE, "A")
FEN = 800_000


@dataclass
class InBusiness:
    """The hub's own checks of stored services; that the holder is in business, the test says."""

    stored: StoredServices
    is_known: bool = True

    async def of(
        self,
        service: str,
        wanted: VoucherWanted,
        voucher: KeptVoucher,
        standing: VoucherStanding,
        beside: SideBySide | None = None,
    ) -> ServiceChecked:
        return self._known(await self.stored.of(service, wanted, voucher, standing, beside))

    async def given(self, service: str, wanted: VoucherWanted, holder: str) -> GivenService:
        return await self.stored.given(service, wanted, holder)

    async def checked(
        self,
        given: GivenService,
        wanted: VoucherWanted,
        voucher: KeptVoucher,
        standing: VoucherStanding,
    ) -> ServiceChecked:
        return self._known(await self.stored.checked(given, wanted, voucher, standing))

    def _known(self, found: ServiceChecked) -> ServiceChecked:
        if not self.is_known:
            return found
        checks = tuple(
            CheckTold(each.code, CheckResult.PASS) if each.code is CheckCode.STATUS else each
            for each in found.verified.checks
        )
        results = {each.result for each in checks}
        verdict = (
            VoucherVerdict.INVALID
            if CheckResult.FAIL in results
            else VoucherVerdict.UNKNOWN
            if CheckResult.UNKNOWN in results
            else VoucherVerdict.VALID
        )
        return replace(found, verified=replace(found.verified, verdict=verdict, checks=checks))


class ClaimedService(VoucherWorld):
    """One service, its voucher, the log, and the desks of claims and of attestations."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__(database)
        self.folder = folder
        self.time.now = SPRING + timedelta(days=6)
        agreements = Agreements(database, self.time)
        customs = CustomsDesk(database, agreements, self.time)
        self.checks = InBusiness(StoredServices(database, customs, law().law, ORIGIN))
        self.desk = VoucherDesk(
            database, self.checks, self.time, party=HUB, issuers=frozenset({ISSUER}), law=law().law
        )
        self.signer = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(sha256(b"l").digest()))
        self.policy = Policy((self.signer.key,), {}, {}, NONE)
        self.key: SigningKey = generate_key()
        self.attesting = AttestationDesk(
            database,
            self.checks,
            agreements,
            self.time,
            base=BASE,
            origin=ORIGIN,
            key=lambda: self.key,
            policy=self.policy,
        )

    def keys(self) -> ProducerKeys:
        return ProducerKeys([PinnedKey(self.key.kid, HUB, self.key.private.public_key())])

    async def state(self, *rows: dict[str, Any]) -> None:
        """State records as the systems of the parties do; what stands already is heard again."""
        await register_source(
            self.database,
            "all",
            "各系统",
            mode="PUSH",
            now=self.time(),
            owners=(PROVIDER, HOLDER, ISSUER),
            authority=f"{PROVIDER}/all",
            purpose="CUSTOMS",
        )
        batch = Batch(
            source="all",
            party=HUB,
            channel=Channel.FILE,
            rows=list(rows),
            evidence=Evidence(
                assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"
            ),
            as_of=self.time(),
        )
        outcomes = (await submit(self.database, batch, clock=self.time)).rows
        taken = {Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.WITHDRAWN}
        assert {each.outcome for each in outcomes} <= taken, outcomes

    async def sign(self) -> None:
        """Let the log take and sign what is there."""
        sequencer = Sequencer(self.database.url, self.signer, self.time, self.folder)
        await sequencer.catch_up()

    async def map_days(self) -> int:
        """State the maps of days that are over, and have them signed."""

        async def stated(rows: list[dict[str, Any]]) -> None:
            await state_as_operator(self.database, self.time, HUB, rows)

        count = await self.attesting.days.state_due(self.time(), stated)
        await self.sign()
        return count

    async def claim(self, claim_no: str = "A", service: str = SERVICE) -> VoucherTold:
        reserved = await self.send(
            Event.RESERVE, claim_no, FEN, party=HOLDER, provider=PROVIDER, order_no="O-1"
        )
        assert reserved.state is not None, reserved
        return await self.send(
            Event.CONSUME, claim_no, FEN, party=PROVIDER, service=service, order_no="O-1"
        )


INVOICED = changed("service", invoiceNo="12345678901234567890")


async def claimed_service(database: Database, folder: Path) -> ClaimedService:
    """Return a world in which the claim A stands on the service, and the log has signed it."""
    world = ClaimedService(database, folder)
    await world.state(*INVOICED.values(), VOUCHER)
    await world.sign()
    told = await world.claim()
    assert told.state is not None, told
    await world.sign()
    return world


def at_noon(day: str) -> datetime:
    """Return noon in Shanghai."""
    return datetime.fromisoformat(f"{day}T12:00:00+08:00")


PUSHED_CLAIM = record(
    "VoucherClaim",
    issuerKey=ISSUER,
    code=CODE,
    claimNo="A",
    providerKey=PROVIDER,
    holderKey=HOLDER,
    state="CONSUMED",
    serviceKey=SERVICE,
    orderNo="O-1",
    chargeFen=800_000,
    voucherFen=400_000,
    ownFen=400_000,
)
"""As the issuer's own system states it."""


async def state_pushed_claim(database: Database) -> None:
    """State the service and a claim on it today, as other systems do that keep the money."""
    now = system_clock()
    later = {"useUntil": f"{now.year + 1}-06-30", "cashUntil": f"{now.year + 1}-09-30"}
    voucher = record("Voucher", **{**VOUCHER["record"], **later})
    world = ClaimedService(database, Path())
    world.time.now = now
    await world.state(*INVOICED.values(), voucher, PUSHED_CLAIM)

"""A whole service in the store and the log, a voucher for it, and who follows the feed for both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.access.agreements import Agreements
from hub.customs.service import CustomsDesk
from hub.exchange.watch import FeedWatch
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.ledger.note import Signer
from hub.ledger.sequencer import Sequencer
from hub.policy.law import Law
from hub.policy.vouchers.claim import S
from hub.policy.vouchers.messages import Event
from hub.store.database import Database
from hub.store.sources import register_source
from hub.vouchers.fast_track import FastTracks
from hub.vouchers.followed.following import VoucherFollowing
from hub.vouchers.followed.kept_claims import KeptClaims
from hub.vouchers.question import VoucherAsking, VoucherTold, VoucherWanted
from hub.vouchers.service import VoucherDesk
from hub.vouchers.services.stored import StoredServices
from tests.integration.vouchers.test_stored_services import (
    INSTRUMENT,
    PROVIDER,
    REGISTRAR,
    ROWS,
    SERVICE,
    STATUS,
    record,
)
from tests.integration.vouchers.voucher_world import CODE, HOLDER, HUB, ISSUER
from tests.standing_clock import StandingClock
from tests.unit.policy.voucher_case import law_with

ORIGIN = "hub.delta.example"
JUNE = datetime(2026, 6, 10, 4, tzinfo=UTC)
RATES = {
    "voucher.full_deduction": "5000",
    "voucher.rate": "0.5",
    "voucher.order_cap": "20000",
    "voucher.year_cap": "100000",
}
"""As in the specification's table A4: 8,000.00 gives 400,000 fen."""
RESERVED = 500_000


def service(yuan: str, **members: Any) -> dict[str, Any]:
    """Return the service record with another charge."""
    charge = {"amount": yuan, "currency": "CNY"}
    return record("ServiceRecord", **{**ROWS["service"]["record"], "charge": charge, **members})


class FollowedWorld:
    """A hub's rooms of vouchers on a store, with a clock that stands."""

    def __init__(self, database: Database, folder: Path, rates: Mapping[str, str] = RATES) -> None:
        self.database, self.time, self.sent = database, StandingClock(JUNE), 0
        seed = Ed25519PrivateKey.from_private_bytes(sha256(b"log").digest())
        self.sequencer = Sequencer(database.url, Signer(ORIGIN, seed), self.time, folder)
        self.law: Law = law_with(dict(rates)).law
        customs = CustomsDesk(database, Agreements(database, self.time), self.time)
        checks = StoredServices(database, customs, self.law, ORIGIN)
        issuers = frozenset({ISSUER})
        self.desk = VoucherDesk(
            database, checks, self.time, party=HUB, issuers=issuers, law=self.law
        )
        self.tracks = FastTracks(
            database=database,
            desk=self.desk,
            checks=checks,
            claims=KeptClaims(database, issuers),
            law=self.law,
            clock=self.time,
            party=HUB,
        )
        self.following = VoucherFollowing.of(self.tracks, FeedWatch(database))

    async def begin(self, *more: dict[str, Any], **changed: Any) -> None:
        """State everything that a service needs; `changed`: rows in place of those of `ROWS`."""
        rows = {**ROWS, **changed}
        await self.state([each for each in rows.values() if each is not None], *more)
        await self.state([STATUS], purpose="REGISTER", owners=(REGISTRAR,), authority=None)
        await self.state([self.voucher(ISSUER)])

    def voucher(self, issuer: str, fen: int = 2_000_000) -> dict[str, Any]:
        return record(
            "Voucher",
            issuerKey=issuer,
            code=CODE,
            holderKey=HOLDER,
            state="GRANTED",
            payerDivision="331083",
            grantedFen=fen,
            useUntil="2026-06-30",
            cashUntil="2026-09-30",
        )

    async def state(
        self, rows: Iterable[dict[str, Any]], *more: dict[str, Any], **source: Any
    ) -> list[Outcome]:
        """State records, a minute after the last ones; the log takes them."""
        self.time.now += timedelta(minutes=1)
        facts: dict[str, Any] = {"purpose": "CUSTOMS", "authority": f"{PROVIDER}/all", **source}
        facts.setdefault("owners", (PROVIDER, HOLDER, ISSUER, "moe:10003"))
        name = facts["purpose"].lower()
        await register_source(
            self.database, name, "各系统", mode="PUSH", now=self.time.now, **facts
        )
        evidence = Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1")
        batch = Batch(
            source=name,
            party=HUB,
            channel=Channel.FILE,
            rows=[*rows, *more],
            evidence=evidence,
            as_of=self.time.now,
        )
        outcomes = (await submit(self.database, batch, clock=self.time)).rows
        refused = [each for each in outcomes if each.outcome is Outcome.QUARANTINED]
        assert not refused, refused
        await self.sequencer.catch_up()
        return [each.outcome for each in outcomes]

    async def withdraw(self) -> None:
        """Take the service record back."""
        said = {"key": SERVICE, "reason": "entered twice"}
        await self.state([{"type": "ServiceRecord", "withdraw": said}])

    async def follow(self) -> None:
        """Follow the feed to its end, what follows from that included."""
        entries = -1
        while entries != (entries := await self._entries()):
            await self.sequencer.catch_up()
            while not await self.following.look():
                pass

    async def _entries(self) -> int:
        ((count,),) = await self.database.reads.fetch_all("SELECT count(*) FROM entry")
        return int(count)

    async def send(self, event: Event, fen: int = 0, **more: Any) -> VoucherTold:
        self.sent += 1
        self.time.now += timedelta(minutes=1)
        asked: dict[str, Any] = {"issuer": ISSUER, "code": CODE, "claim_no": "A"}
        if event is Event.RESERVE:
            asked |= {
                "provider": PROVIDER,
                "planned": (date(2026, 6, 10), date(2026, 6, 10)),
                "order_no": "O-1",
            }
        wanted = VoucherWanted(event=event, fen=fen, **{**asked, **more})
        if event is Event.CONSUME:
            wanted = replace(wanted, service=wanted.service or SERVICE)
        if event in {Event.CLEAR, Event.REJECT}:
            wanted = replace(wanted, reason="looked at")
        asking = VoucherAsking(
            client="client", party=ISSUER, key=f"key-{self.sent}", body_hash=b"\1" * 32
        )
        return await self.desk.take(asking, wanted)

    async def claimed(self, until: S = S.CONSUMED, fen: int = 400_000) -> None:
        """Bring claim A into a state."""
        ways = (
            (S.RESERVED, Event.RESERVE, RESERVED),
            (S.CONSUMED, Event.CONSUME, fen),
            (S.SUBMITTED, Event.SUBMIT, 0),
            (S.COUNTY_OK, Event.COUNTY, 0),
            (S.CITY_OK, Event.CITY, 0),
            (S.SETTLED, Event.SETTLE, fen),
        )
        for state, event, amount in ways:
            told = await self.send(event, amount)
            assert told.state is state, told
            if state is until:
                return

    async def claim(self) -> dict[str, Any]:
        """Return claim A as its row says it."""
        (row,) = await self.rows(
            "voucher_claim_source", "state, voucher_fen, charge_fen, own_fen, hold_reasons AS holds"
        )
        return row

    async def findings(self, state: str = "OPEN") -> dict[str, int | None]:
        """Return findings by their numbers, with the amounts they are about."""
        rows = await self.rows("voucher_finding_source", "number, fen, state")
        return {row["number"]: row["fen"] for row in rows if row["state"] == state}

    async def events(self) -> list[str]:
        """Return what moved, in its order."""
        rows = await self.rows("voucher_movement_source", "event", "number::int")
        return [row["event"] for row in rows]

    async def rows(self, table: str, columns: str, order: str = "key") -> list[dict[str, Any]]:
        names = [each.rpartition(" ")[2] for each in columns.split(", ")]
        found = await self.database.reads.fetch_all(
            f"SELECT {columns} FROM {table} WHERE NOT withdrawn ORDER BY {order}"
        )
        return [dict(zip(names, row, strict=True)) for row in found]


__all__ = ["CODE", "HOLDER", "INSTRUMENT", "ISSUER", "PROVIDER", "SERVICE", "FollowedWorld"]

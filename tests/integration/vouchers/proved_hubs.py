"""Two hubs with logs that sign: one keeps the voucher, the other one the service that it pays for.

The service and what belongs to it are records of the store, checked by the hub's own rules at both;
that the holder is in business the test says, as in `claimed_service`.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.access.agreements import Agreements
from hub.clock import system_clock
from hub.customs.service import CustomsDesk
from hub.federation.deployed import LiveSources
from hub.ledger.checkpoint import cosign, parse_checkpoint
from hub.ledger.keys import PinnedKey, ProducerKeys
from hub.ledger.note import Signer, parse_note
from hub.ledger.policy import NONE, Policy
from hub.ledger.witnessed import add_cosignature, newest_note
from hub.store.database import Database
from hub.vouchers.attested.attestation_told import AttestationTold
from hub.vouchers.between.ring import ClaimRing
from hub.vouchers.marks import ClaimName
from hub.vouchers.services.stored import StoredServices
from schema.parties import HUB_PARTY
from tests.integration.vouchers.claim_hubs import ClaimHub, ClaimPlace, prepare, running
from tests.integration.vouchers.claim_talk import CODES, claimed
from tests.integration.vouchers.claimed_service import INVOICED, ClaimedService, InBusiness
from tests.integration.vouchers.test_stored_services import PROVIDER, SERVICE
from tests.integration.vouchers.voucher_world import ISSUER
from tests.unit.policy.voucher_case import law

FEN = 400_000
CLAIM = ClaimName(ISSUER, "V-0", "A")
HERE = ("registration", "relation")
"""Records that the home of the voucher has; all others are at the home of the service."""


@dataclass(frozen=True)
class LoggedHub:
    """A hub of which nobody else writes to the log; `signer`: the log's."""

    hub: ClaimHub
    signer: Signer

    async def state(self, *rows: dict[str, Any]) -> None:
        """State records today, as the systems of the parties do."""
        await self._world().state(*rows)

    async def sign(self) -> None:
        """Let the log take and sign what is there."""
        await self._world().sign()

    async def witnessed(self, witness: Signer) -> None:
        """Let a witness cosign the newest checkpoint."""
        database, origin = self.hub.database, self.hub.place.origin
        async with database.reads.connection() as connection:
            note = await newest_note(connection, origin)
        assert note is not None
        text = parse_note(note).text
        line = cosign(text, witness, int(system_clock().timestamp())).line().removesuffix("\n")
        size = parse_checkpoint(text).size
        await add_cosignature(database, origin, size, line, (witness.key,))

    def _world(self) -> ClaimedService:
        place = self.hub.place
        world = ClaimedService(self.hub.database, Path(place.folder))
        world.time.now, world.signer = system_clock(), self.signer
        return world


@dataclass(frozen=True)
class TwoHubs:
    """Where the voucher is, and where the service."""

    paying: LoggedHub
    serving: LoggedHub

    async def as_claimed(self) -> None:
        """State service and order as they were when the claim was made."""
        await self.serving.state(*(row for name, row in INVOICED.items() if name not in HERE))
        await self.serving.sign()

    async def attest(self, party: str | None = ISSUER) -> AttestationTold:
        return await self.paying.hub.attesting.attest(party, CLAIM, None if party is None else "me")

    def policy(self, witness: Signer | None = None) -> Policy:
        """Return what a finance office trusts: both logs."""
        return trust(self.paying.signer, self.serving.signer, witness=witness)

    def keys(self) -> ProducerKeys:
        """Return whom it trusts to attest."""
        key, origin = self.paying.hub.key, self.paying.hub.place.origin
        party = f"{HUB_PARTY}{origin}"
        return ProducerKeys([PinnedKey(key.kid, party, key.private.public_key())])


def two_places(
    folder: Path, urls: tuple[str, str], ports: tuple[int, int]
) -> tuple[ClaimPlace, ClaimPlace]:
    """Return the hub of the voucher's issuer, and that of the service's provider."""
    return (
        ClaimPlace("anhui", urls[0], ports[0], str(folder / "anhui"), ISSUER, "moe:10300"),
        ClaimPlace("jiangsu", urls[1], ports[1], str(folder / "jiangsu"), "moe:10002", PROVIDER),
    )


async def prepare_two(paying: ClaimPlace, serving: ClaimPlace) -> tuple[Signer, Signer]:
    """Register the hubs with each other, and pin the log of the one at the other."""
    await prepare((paying, serving), CODES, 9_000_000)
    signers = tuple(Signer(each.origin, Ed25519PrivateKey.generate()) for each in (paying, serving))
    pin(paying, serving, trust(signers[1]))
    return signers[0], signers[1]


def trust(*logs: Signer, witness: Signer | None = None) -> Policy:
    """Return the policy that trusts logs, and asks for a witness where one is given."""
    witnesses = {} if witness is None else {"witness": witness.key}
    return Policy(
        tuple(each.key for each in logs), witnesses, {}, NONE if witness is None else "witness"
    )


def pin(paying: ClaimPlace, serving: ClaimPlace, trusted: Policy | None) -> None:
    """Name the log of a peer in the file of its source; None: none."""
    file = Path(paying.folder) / "sources" / f"{serving.name}.toml"
    policy = Path(paying.folder) / f"{serving.name}.policy"
    kept = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("policy")]
    if trusted is not None:
        policy.write_bytes(trusted.encode())
        kept.append(f'policy = "{policy}"')
    file.write_text("\n".join([*kept, ""]), "utf-8")


def ring_of(paying: ClaimPlace) -> ClaimRing:
    """Return the ring as the files of sources say it now."""
    return ClaimRing(LiveSources(Path(paying.folder) / "sources").all)


def checks_at(place: ClaimPlace) -> Any:
    """Return what makes the checks of a hub in its database."""

    def checks(database: Database) -> InBusiness:
        customs = CustomsDesk(database, Agreements(database, system_clock), system_clock)
        return InBusiness(StoredServices(database, customs, law().law, place.origin))

    return checks


async def run_two(
    stack: AsyncExitStack, places: tuple[ClaimPlace, ClaimPlace], signers: tuple[Signer, Signer]
) -> TwoHubs:
    """Run both hubs, with the service claimed and both logs signed."""
    paying, serving = [
        LoggedHub(await stack.enter_async_context(running(place, checks_at(place))), signer)
        for place, signer in zip(places, signers, strict=True)
    ]
    two = TwoHubs(paying, serving)
    await paying.state(*(INVOICED[name] for name in HERE))
    await two.as_claimed()
    told = await claimed(paying.hub, SERVICE, "A", fen=FEN, order_no="O-1")
    assert told.state is not None, told
    await paying.sign()
    return two

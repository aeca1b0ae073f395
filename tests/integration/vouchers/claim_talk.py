"""`claim_talk`: what tests of claims over hubs say, and what they look at."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

from hub.clock import system_clock
from hub.policy.law import current_law
from hub.policy.vouchers.messages import Event
from hub.vouchers.fast_track import FastTracks
from hub.vouchers.followed.kept_claims import KeptClaims
from hub.vouchers.money.audit import audit
from hub.vouchers.question import VoucherAsking, VoucherTold, VoucherWanted
from tests.integration.vouchers.claim_hubs import (
    ClaimHub,
)

CODES, FEN = 1, 9_000_000
NOW = -1.0
"""A wait that is over for whatever was worked on before."""


async def settled(hubs: list[ClaimHub]) -> None:
    """Let every hub look after its claims until nothing waits."""
    for hub in hubs:
        await hub.parts.keeping.look(NOW)


async def say(
    hub: ClaimHub, event: Event, claim: str = "A", fen: int = 100_000, **more: Any
) -> VoucherTold:
    """Send a message about a voucher of a hub, as the provider of the service."""
    party, service = more.pop("party", hub.place.issuer), more.get("service")
    asked: dict[str, Any] = {"issuer": hub.place.issuer, "code": "V-0", "fen": fen}
    if event is Event.RESERVE:
        more = {"planned": (date(2026, 5, 4),) * 2, **more}
    key = more.pop("key", f"{event}-{claim}-{more.get('code')}-{service}")
    wanted = VoucherWanted(event=event, claim_no=claim, **{**asked, **more})
    body = sha256(repr(wanted).encode()).digest()
    asking = VoucherAsking(client="office", party=party, key=key, body_hash=body)
    return await hub.desk.take(asking, wanted)


async def claimed(hub: ClaimHub, service: str, claim: str = "A", **more: Any) -> VoucherTold:
    provider = service.partition("/")[0]
    await say(hub, Event.RESERVE, claim, provider=provider, **more)
    return await say(hub, Event.CONSUME, claim, service=service, party=provider, **more)


async def grants(hub: ClaimHub, service: str) -> list[tuple[Any, ...]]:
    return await hub.rows(
        "SELECT issuer, claim_no, state FROM service_grant WHERE service = %s ORDER BY 1, 2",
        service,
    )


async def sound(*hubs: ClaimHub) -> None:
    for hub in hubs:
        found = await audit(hub.database)
        assert found.is_sound, found.faults


def tracks_of(hub: ClaimHub) -> FastTracks:
    return FastTracks(
        database=hub.database,
        desk=hub.desk,
        checks=hub.services,
        claims=KeptClaims(hub.database, hub.desk.issuers),
        law=current_law(),
        clock=system_clock,
        party=hub.desk.party,
    )


async def state_of(hub: ClaimHub, claim: str) -> str:
    """Return the state of a claim on a hub's own voucher."""
    ((state,),) = await hub.rows(
        "SELECT state FROM voucher_claim_source WHERE issuer_key = %s AND claim_no = %s",
        *(hub.place.issuer, claim),
    )
    return str(state)

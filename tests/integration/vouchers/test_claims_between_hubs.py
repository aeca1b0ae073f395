"""Claims over hubs: the home of the service decides, money moves at the home of the voucher."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from hub.policy.vouchers.claim import S
from hub.policy.vouchers.fingerprints import Hit
from hub.policy.vouchers.messages import Event
from hub.vouchers.audit import audit
from hub.vouchers.question import VoucherAsking, VoucherTold, VoucherWanted
from tests.databases import Spares
from tests.integration.vouchers.claim_hubs import ClaimHub, all_running, places_in, prepare
from tests.running_hub import free_port

pytestmark = pytest.mark.integration
HUBS, CODES, FEN = 3, 3, 2_000_000


@pytest.fixture
async def hubs(spares: Spares, tmp_path: Path) -> AsyncIterator[list[ClaimHub]]:
    with spares.lent() as one, spares.lent() as two, spares.lent() as three:
        urls = (one, two, three)
        places = places_in(tmp_path, urls, [free_port() for _ in urls])
        await prepare(places, CODES, FEN)
        async with all_running(places) as made:
            yield made


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


async def grants(hub: ClaimHub) -> list[tuple[Any, ...]]:
    return await hub.rows("SELECT issuer, claim_no, state FROM service_grant ORDER BY 1, 2")


async def sound(*hubs: ClaimHub) -> None:
    for hub in hubs:
        found = await audit(hub.database)
        assert found.is_sound, found.faults


async def test_a_service_of_another_hub_is_consumed_once(hubs: list[ClaimHub]) -> None:
    anhui, jiangsu, shanghai = hubs
    service = jiangsu.place.service(1)
    told = await claimed(anhui, service)
    assert (told.state, told.refused, told.missing) == (S.CONSUMED, None, None)
    assert await grants(jiangsu) == [(anhui.place.issuer, "A", "CONSUMED")]
    for other in (shanghai, jiangsu):
        second = await claimed(other, service)
        assert (second.state, second.refused) == (None, Hit.ALREADY_CLAIMED)
    await sound(*hubs)
    (row,) = await jiangsu.rows(
        "SELECT detail ->> 'answer', detail -> 'for' ->> 'party' FROM audit "
        "WHERE action = 'claim grant answered' ORDER BY audit_id LIMIT 1"
    )
    assert row == ("GRANTED", jiangsu.place.provider)
